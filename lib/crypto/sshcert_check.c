/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshcert_check: is this certificate believed here and now? Called by noded (twice: worker and
 * monitor), proxyd and tsh after sshcert_parse. Pure.
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "crypto/sshcert_priv.h"

static const char *
find(const struct sshcert_option *options, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].value;
	return NULL;
}

const char *
sshcert_extension(const struct sshcert *cert, const char *name)
{
	return find(cert->extensions, cert->n_extensions, name);
}

const char *
sshcert_critical(const struct sshcert *cert, const char *name)
{
	return find(cert->critical, cert->n_critical, name);
}

/* --- source-address -------------------------------------------------------------- */

struct address {
	uint8_t bytes[16];
	unsigned bits; /* 32 or 128 */
};

static bool
address_parse(const char *text, struct address *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (inet_pton(AF_INET, text, a->bytes) == 1) {
		a->bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, text, a->bytes) != 1)
		return false;
	a->bits = 128;
	if (memcmp(a->bytes, mapped, sizeof mapped) ==
	    0) { /* IPv4 as a dual-stack socket shows it */
		memmove(a->bytes, a->bytes + 12, 4);
		a->bits = 32;
	}
	return true;
}

static bool
address_in(const struct address *a, const struct address *net, unsigned prefix)
{
	unsigned whole = prefix / 8, rest = prefix % 8;

	if (a->bits != net->bits || memcmp(a->bytes, net->bytes, whole) != 0)
		return false;
	return !rest || ((a->bytes[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0;
}

/* One "ADDRESS" or "ADDRESS/PREFIX" of the list. Malformed ones match nobody. */
static bool
range_holds(char *range, const struct address *peer)
{
	char *slash = strchr(range, '/');
	struct address net;
	uint64_t prefix;

	if (slash)
		*slash = '\0';
	if (!address_parse(range, &net))
		return false;
	prefix = net.bits;
	if (slash && !str_u64(slash + 1, net.bits, &prefix))
		return false;
	return address_in(peer, &net, (unsigned)prefix);
}

static bool
source_allowed(const char *list, const char *peer_text)
{
	struct address peer;
	char range[64];

	/* A pinned certificate is worth nothing where the address is not known. */
	if (!peer_text || !address_parse(peer_text, &peer))
		return false;
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (n && n < sizeof range) {
			memcpy(range, p, n);
			range[n] = '\0';
			if (range_holds(range, &peer))
				return true;
		}
		p += n;
		if (!*p)
			return false;
	}
}

/* --- the rules ---------------------------------------------------------------------- */

static int
check_ca(const struct sshcert *cert, const struct sshcert_rules *rules, struct err *e)
{
	for (size_t i = 0; i < rules->n_ca; i++)
		if (rules->ca[i].n && span_eq(rules->ca[i], buf_span(&cert->ca_blob)))
			return 0;
	return err_set(e, "the certificate was signed by a CA that is not trusted here");
}

static int
check_time(const struct sshcert *cert, uint64_t now_s, struct err *e)
{
	if (now_s < cert->valid_after)
		return err_set(e, "the certificate is not valid yet; compare the clocks");
	if (now_s >= cert->valid_before)
		return err_set(e, "the certificate has expired; log in again");
	return 0;
}

/* Hosts are compared as names in DNS are, in any case of letters: stock ssh looks for the lower-case form of what was typed,
 * people type what they like. Logins are Unix's, where Root is not root. */
static bool
same_principal(const struct sshcert *cert, const char *a, const char *b)
{
	return cert->type == SSHCERT_HOST ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

static int
check_principal(const struct sshcert *cert, const char *principal, struct err *e)
{
	/* PROTOCOL.certkeys lets such a certificate be everybody's; here it is nobody's. */
	if (!cert->n_principals)
		return err_set(e, "the certificate names no principal");
	if (!principal)
		return 0;
	for (size_t i = 0; i < cert->n_principals; i++)
		if (same_principal(cert, cert->principals[i], principal))
			return 0;
	return err_set(e, "the certificate is not for %s", principal);
}

/* What must be enforced and is not known cannot be enforced. force-command and verify-required are
 * unknown here on purpose: our CA never writes them and no caller would obey them. */
static int
check_critical(const struct sshcert *cert, const struct sshcert_rules *rules, struct err *e)
{
	for (size_t i = 0; i < cert->n_critical; i++) {
		const struct sshcert_option *o = &cert->critical[i];

		if (rules->type != SSHCERT_USER || strcmp(o->name, "source-address") != 0)
			return err_set(e,
			    "the certificate has the critical option %s, which is not supported",
			    o->name);
		if (!source_allowed(o->value, rules->source_address))
			return err_set(e, "the certificate may not be used from %s",
			    rules->source_address ? rules->source_address : "an unknown address");
	}
	return 0;
}

int
sshcert_check(const struct sshcert *cert, const struct sshcert_rules *rules, struct err *e)
{
	if (cert->type != rules->type)
		return err_set(e, "a %s certificate is needed",
		    rules->type == SSHCERT_HOST ? "host" : "user");
	if (check_ca(cert, rules, e) < 0 || check_time(cert, rules->now_s, e) < 0 ||
	    check_principal(cert, rules->principal, e) < 0)
		return -1;
	return check_critical(cert, rules, e);
}
