/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostname: see hostname.h.
 */
#include "auth/hostname.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/addr.h"

/* --- form ------------------------------------------------------------------------------- */

void
hostname_normalise(char *name)
{
	struct addr a;
	size_t n = strlen(name);

	/* "::FFFF:192.0.2.1" and "2001:DB8:0::1" are the addresses that they look like: one spelling for each, never
	 * longer than what was given by more than a mapped address is shorter. */
	if (addr_parse(&a, name, 0) && strlen(a.ip) <= n) {
		str_copy(name, n + 1, a.ip);
		return;
	}
	for (; *name; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name + ('a' - 'A'));
}

/* "10", "0x1f", "0x": what inet_aton(3) takes for a part of an address, and some that it does not. */
static bool
is_number(const char *s, size_t n)
{
	size_t i = n >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 2 : 0;
	bool hex = i == 2;

	for (; i < n; i++)
		if (hex ? !isxdigit((unsigned char)s[i]) : !isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

/* Every label a number: "1.2.3", "127.1", "2130706433", "0x7f.1". Programs read such texts as addresses and would not
 * even ask for a host of that name. */
static bool
looks_like_address(const char *name)
{
	for (;;) {
		size_t n = strcspn(name, ".");

		if (!is_number(name, n))
			return false;
		if (!name[n])
			return true;
		name += n + 1;
	}
}

/* "a..b", "a.", ".a": other programs read them as other names. */
static bool
has_empty_label(const char *name)
{
	size_t n = strlen(name);

	return n == 0 || name[0] == '.' || name[n - 1] == '.' || strstr(name, "..");
}

static int
check_name(const char *name, struct err *e)
{
	int rc = host_check(name, e);

	if (rc != 0)
		return rc;
	if (strchr(name, ':') || addr_is_ip(name) || looks_like_address(name))
		err_set(e, "the name %s is not possible: it is, or looks like, an address", name);
	else if (has_empty_label(name))
		err_set(e, "the name %s is not possible: a part of it between two dots is empty",
		    name);
	else
		return 0;
	return AUTH_E_INVALID;
}

/* An address may be one, of IPv4 or IPv6; what only looks like one may not. */
static int
check_address(const char *address, struct err *e)
{
	int rc = host_check(address, e);

	return rc != 0 || addr_is_ip(address) ? rc : check_name(address, e);
}

int
hostname_pattern_check(const char *pattern, struct err *e)
{
	char plain[HOST_NAME_SIZE];

	if (!str_copy(plain, sizeof(plain), pattern)) {
		err_set(e, "a name has at most %d characters", HOST_NAME_SIZE - 1);
		return AUTH_E_INVALID;
	}
	/* A star stands for characters that a name may have, or for none. */
	for (char *p = plain; *p; p++)
		if (*p == '*')
			*p = 'x';
	return host_check(plain, e);
}

/* --- the cluster's own -------------------------------------------------------------------- */

static bool
is_host_of(const char *name, const char *host_port)
{
	char host[256];
	uint16_t port;

	return host_port[0] && str_host_port(host_port, 1, host, sizeof(host), &port) &&
	    strcasecmp(host, name) == 0;
}

static bool
is_proxys(const struct host *n, const char *name)
{
	if (strcmp(n->kind, "proxy") != 0)
		return false;
	if (is_host_of(name, n->public_addr) || is_host_of(name, n->ssh_addr))
		return true;
	return names_have(&n->addresses, name);
}

/* Names by which people and daemons know the cluster's own services: no node may have a certificate for them. */
static bool
is_reserved(struct auth *a, const char *name)
{
	char text[600], below[HOST_NAME_SIZE + 600];
	struct host *n;
	size_t pos = 0;

	/* As certificates have it, too: a proxy may be called like a node of its cluster. */
	str_format(below, sizeof(below), "%s.%s", name, a->cluster);
	str_format(text, sizeof(text), ".%s", a->cluster);
	/* A UUID as well: certificates carry the host's own, and another's would make this host answer for that
	 * one. */
	if (strcasecmp(name, a->cluster) == 0 ||
	    (strlen(name) > strlen(text) &&
		strcasecmp(name + strlen(name) - strlen(text), text) == 0) ||
	    uuid_is_good(name))
		return true;
	if (strcmp(name, "authd") == 0 || strcmp(name, "auditd") == 0 ||
	    strcmp(name, "localhost") == 0)
		return true;
	while (host_next(a, &pos, &n))
		if (is_proxys(n, name) || is_proxys(n, below))
			return true;
	return false;
}

int
hostname_check(struct auth *a, const struct hostname_claim *c, struct err *e)
{
	bool node = strcmp(c->kind, "node") == 0;
	int rc = check_name(c->name, e);

	if (rc == 0 && node && is_reserved(a, c->name)) {
		err_set(e,
		    "the name %s is not possible for a %s: it belongs to the cluster itself; choose another",
		    c->name, c->kind);
		rc = AUTH_E_INVALID;
	}
	if (rc == 0 && c->addresses->n > HOST_ADDRESSES_MAX) {
		err_set(e, "at most %d extra addresses", HOST_ADDRESSES_MAX);
		rc = AUTH_E_INVALID;
	}
	for (size_t i = 0; rc == 0 && i < c->addresses->n; i++) {
		rc = check_address(c->addresses->v[i], e);
		if (rc == 0 && node && is_reserved(a, c->addresses->v[i])) {
			err_set(e,
			    "the address %s is not possible for a node: it belongs to the cluster itself",
			    c->addresses->v[i]);
			rc = AUTH_E_INVALID;
		}
	}
	return rc;
}

/* --- whose it is ---------------------------------------------------------------------------- */

static bool
is_node(const char *kind)
{
	return strcmp(kind, "node") == 0;
}

/* What stands in the SSH certificate of a host. Of proxies and audit daemons that is not the name, which is for people:
 * the proxy of a small cluster runs on a host that is a node as well, or has auditd beside it. Two proxies may stand
 * behind one public name; a node shares with nobody. */
static bool
bears(const struct host *n, const struct hostname_claim *c, const char *name)
{
	if (is_node(n->kind) && strcasecmp(n->name, name) == 0)
		return true;
	return (is_node(c->kind) || strcmp(n->kind, c->kind) != 0) &&
	    names_have(&n->addresses, name);
}

/* Another host that bears the name now. */
static const struct host *
owner_of(struct auth *a, const struct hostname_claim *c, const char *name)
{
	struct host *n;
	size_t pos = 0;

	while (host_next(a, &pos, &n))
		if (strcmp(n->uuid, c->uuid) != 0 && n->valid_until_ms > a->now_ms() &&
		    bears(n, c, name))
			return n;
	return NULL;
}

static int
check_allowed(const struct hostname_claim *c, const char *name, struct err *e)
{
	bool allowed = c->allowed->n == 0;

	for (size_t i = 0; i < c->allowed->n && !allowed; i++)
		allowed = str_glob(c->allowed->v[i], name);
	if (allowed)
		return 0;
	err_set(e,
	    "the join token of this host does not allow the name %s; make one that does with `tctl tokens add --name=%s`",
	    name, name);
	return AUTH_E_DENIED;
}

static int
check_free(struct auth *a, const struct hostname_claim *c, const char *name, struct err *e)
{
	const struct host *owner = owner_of(a, c, name);
	char when[32];

	if (!owner)
		return 0;
	clock_rfc3339(owner->valid_until_ms, when, sizeof(when));
	err_set(e,
	    "the name %s belongs to host %s, whose certificate is valid until %s; choose another name, or, if that "
	    "host is gone, run `tctl nodes rm %s`",
	    name, owner->uuid, when, owner->uuid);
	return AUTH_E_EXISTS;
}

int
hostname_check_owner(struct auth *a, const struct hostname_claim *c, struct err *e)
{
	int rc = check_allowed(c, c->name, e);

	if (rc == 0 && is_node(c->kind))
		rc = check_free(a, c, c->name, e);
	for (size_t i = 0; rc == 0 && i < c->addresses->n; i++) {
		rc = check_allowed(c, c->addresses->v[i], e);
		if (rc == 0)
			rc = check_free(a, c, c->addresses->v[i], e);
	}
	return rc;
}
