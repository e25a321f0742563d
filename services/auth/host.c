/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: the registry of daemons that have joined.
 */
#include "auth/host.h"

#include <string.h>
#include <strings.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/join.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_node);
static const struct stored_field host_fields[] = {
	STORED_FIELD(STORED_TEXT, "uuid", host, uuid),
	STORED_FIELD(STORED_TEXT, "name", host, name),
	STORED_FIELD(STORED_TEXT, "kind", host, kind),
	STORED_FIELD(STORED_BYTES, "key_sha256", host, key_sha256),
	STORED_FIELD(STORED_INT64, "joined", host, joined_ms),
	STORED_FIELD(STORED_INT64, "certs_from_s", host, certs_from_s),
	STORED_FIELD(STORED_INT64, "valid_until", host, valid_until_ms),
	STORED_FIELD(STORED_LABELS, "token_labels", host, token_labels),
	STORED_FIELD(STORED_LABELS, "server_labels", host, server_labels),
	STORED_FIELD(STORED_NAMES, "addresses", host, addresses),
	STORED_FIELD(STORED_NAMES, "allowed_names", host, allowed_names),
	STORED_FIELD(STORED_TEXT, "public_addr", host, public_addr),
	STORED_FIELD(STORED_TEXT, "ssh_addr", host, ssh_addr),
	STORED_FIELD(STORED_BOOL, "own_certificate", host, own_certificate),
	STORED_FIELD(STORED_BOOL, "has_packages", host, has_packages),
	STORED_FIELD(STORED_BYTES, "token_sha256", host, token_sha256),
	STORED_FIELD(STORED_BOOL, "online", host, online),
	STORED_FIELD(STORED_TEXT, "address", host, address),
	STORED_FIELD(STORED_TEXT, "version", host, version),
	STORED_FIELD(STORED_LABELS, "own_labels", host, own_labels),
};

static void
done(void *object)
{
	labels_done(&((struct host *)object)->labels); /* not stored: merged from the others */
}

const struct stored_form host_form = { STORED_KEY(host, uuid),
	.expires_at = offsetof(struct host, valid_until_ms),
	.message = &stored__stored_node__descriptor, .done = done, STORED_FIELDS(host_fields) };

/* own, then token's, then server's. */
static int
merge_labels(struct host *n)
{
	struct labels all = { 0 };

	if (labels_merge(&all, &n->own_labels) < 0 || labels_merge(&all, &n->token_labels) < 0 ||
	    labels_merge(&all, &n->server_labels) < 0) {
		labels_done(&all);
		return -1;
	}
	labels_done(&n->labels);
	n->labels = all;
	return 0;
}

static int
derive(struct auth *a, void *object)
{
	struct host *n = object;

	/* After a restart nobody was seen yet: each gets the full time to show itself before it counts as
	 * silent. */
	if (n->last_seen_ms == 0)
		n->last_seen_ms = a->now_ms();
	return merge_labels(n);
}

const struct resource_hooks host_hooks = { .derive = derive };

/* --- finding ------------------------------------------------------------------------------ */

struct host *
host_find(struct auth *a, const char *uuid)
{
	return resource_find(a, RESOURCE_HOST, uuid);
}

bool
host_next(struct auth *a, size_t *pos, struct host **ret)
{
	void *n;

	if (!resource_next(a, RESOURCE_HOST, pos, &n))
		return false;
	*ret = n;
	return true;
}

int
host_by_name(struct auth *a, const char *name, struct host **ret, struct err *e)
{
	struct host *n, *live = NULL, *gone = NULL;
	size_t pos = 0, n_live = 0, n_gone = 0;

	/* A UUID first: a host that took another's UUID for its name does not hide it. */
	*ret = host_find(a, name);
	if (*ret)
		return 0;
	while (host_next(a, &pos, &n)) {
		if (strcasecmp(n->name, name) != 0)
			continue;
		if (n->online) {
			live = n;
			n_live++;
		} else {
			gone = n;
			n_gone++;
		}
	}
	/* Of hosts whose certificates are valid no two have one name; beside them may stand, until the next sweep, one
	 * whose certificate has ended. */
	if (n_live == 1 || (n_live == 0 && n_gone == 1)) {
		*ret = n_live ? live : gone;
		return 0;
	}
	if (n_live + n_gone == 0) {
		err_set(e, "no such node: %s; `tctl nodes ls` shows them all", name);
		return AUTH_E_NOT_FOUND;
	}
	err_set(e, "%zu nodes have that name; give the UUID (`tctl nodes ls` shows it)",
	    n_live ? n_live : n_gone);
	return AUTH_E_INVALID;
}

/* --- changing ------------------------------------------------------------------------------ */

int
host_put(struct auth *a, struct host *n, struct err *e)
{
	n->revision = STORE_ANY; /* the copy in memory is the truth */
	return resource_save(a, RESOURCE_HOST, n, e);
}

/* Takes over what the node says; true when anything is new. */
static bool
take(struct host *n, const struct host_seen *seen)
{
	bool changed = false;

	if (strcmp(n->address, seen->address) != 0)
		changed = str_copy(n->address, sizeof(n->address), seen->address);
	if (strcmp(n->version, seen->version) != 0)
		changed = str_copy(n->version, sizeof(n->version), seen->version) || changed;
	if (!labels_equal(&n->own_labels, seen->labels)) {
		labels_done(&n->own_labels);
		/* Moved, not copied: the caller's are empty afterwards. */
		n->own_labels = *seen->labels;
		*seen->labels = (struct labels){ 0 };
		changed = true;
	}
	return changed;
}

static bool
is_version(const char *s)
{
	return strlen(s) < HOST_VERSION_MAX && str_is_printable(s, strlen(s));
}

/* A host that is taken over may say anything: it goes to terminals and into other hosts'
 * decisions. */
static int
check_seen(const struct host_seen *seen, struct err *e)
{
	char host[256];
	uint16_t port;

	if (seen->address[0] &&
	    (strlen(seen->address) >= HOST_ADDR_MAX ||
		!str_host_port(seen->address, 22, host, sizeof(host), &port) ||
		host_check(host, e) != 0)) {
		err_set(e, "the address of a node is HOST:PORT");
		return AUTH_E_INVALID;
	}
	if (!is_version(seen->version)) {
		err_set(e, "the version is not printable text");
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < seen->labels->n; i++)
		if (label_check(seen->labels->v[i].key, seen->labels->v[i].value, e) != 0)
			return AUTH_E_INVALID;
	return 0;
}

int
host_heartbeat(struct auth *a, struct host *n, const struct host_seen *seen, struct err *e)
{
	int rc = check_seen(seen, e);
	bool changed;

	if (rc != 0)
		return rc;
	changed = take(n, seen) || !n->online;
	n->online = true;
	n->last_seen_ms = a->now_ms();
	/* A heartbeat without news is not written: every node sends them for ever, and each write waits for the
	 * disk. */
	if (!changed)
		return 0;
	if (merge_labels(n) < 0) {
		err_set(e, "a node has at most %d labels, with those of its token and the server's",
		    LABELS_MAX);
		return AUTH_E_INVALID;
	}
	return host_put(a, n, e);
}

void
host_note_version(struct auth *a, struct host *n, const char *version)
{
	struct err e;

	if (!version[0] || !is_version(version) || strcmp(n->version, version) == 0)
		return;
	(void)str_copy(n->version, sizeof(n->version), version);
	if (host_put(a, n, &e) < 0)
		log_error("cannot note a version", "node", n->name, "cause", e.text, NULL);
}

/* Failing to write it is only logged: after a restart it counts as there until it is silent. */
void
host_leave(struct auth *a, struct host *n)
{
	struct err e;

	if (!n->online)
		return;
	n->online = false;
	if (host_put(a, n, &e) < 0)
		log_error("cannot note that a node left", "node", n->name, "cause", e.text, NULL);
}

int
host_remove(struct auth *a, struct host *n, struct err *e)
{
	int rc;

	if (resource_begin(a, e) < 0)
		return -1;
	/* In the order in which watchers hear of it: the cut-off says why the rest goes. */
	rc = cutoff_set(a, RESOURCE_HOST_CUTOFF, n->uuid, n->valid_until_ms, e);
	if (rc == 0)
		rc = resource_remove(a, RESOURCE_HOST, n->uuid, e);
	rc = resource_end(a, rc, e);
	if (rc != 0)
		return rc;
	/* After the commit, or a failure would leave the store with a host that memory does not
	 * know. */
	resource_forget(a, RESOURCE_HOST, n->uuid);
	return 0;
}

int
host_cut_unknown(struct auth *a, const char *uuid, struct err *e)
{
	return cutoff_set(a, RESOURCE_HOST_CUTOFF, uuid, a->now_ms() + INT64_C(1000) * HOST_TTL_S,
	    e);
}

/* The server's labels as they would be. */
static int
server_labels_after(const struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct labels *ret, struct err *e)
{
	for (size_t i = 0; i < set->n; i++) {
		int rc = label_check(set->v[i].key, set->v[i].value, e);

		if (rc != 0)
			return rc;
	}
	if (labels_merge(ret, &n->server_labels) < 0 || labels_merge(ret, set) < 0) {
		err_set(e, "a node has at most %d labels", LABELS_MAX);
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < n_remove; i++)
		labels_remove(ret, remove[i]);
	return 0;
}

int
host_labels_after(const struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct labels *ret, struct err *e)
{
	struct labels server = { 0 };
	int rc = server_labels_after(n, set, remove, n_remove, &server, e);

	if (rc == 0 &&
	    (labels_merge(ret, &n->own_labels) < 0 || labels_merge(ret, &n->token_labels) < 0 ||
		labels_merge(ret, &server) < 0)) {
		err_set(e, "a node has at most %d labels", LABELS_MAX);
		rc = AUTH_E_INVALID;
	}
	labels_done(&server);
	return rc;
}

int
host_label(struct auth *a, struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct err *e)
{
	/* Kept until the store has the new ones: a failure leaves everything as it was. */
	struct labels before = n->server_labels, next = { 0 };
	int rc = server_labels_after(n, set, remove, n_remove, &next, e);

	if (rc != 0) {
		labels_done(&next);
		return rc;
	}
	n->server_labels = next;
	rc = host_put(a, n, e);
	if (rc != 0) {
		n->server_labels = before;
		labels_done(&next);
		merge_labels(n);
		return rc;
	}
	labels_done(&before);
	return 0;
}

/* Those that neither said that they leave nor were heard for HOST_LISTED_S. */
void
hosts_sweep(struct auth *a)
{
	int64_t now = a->now_ms();
	struct host *n;
	size_t pos = 0;

	while (host_next(a, &pos, &n)) {
		if (!n->online || n->last_seen_ms >= now - HOST_LISTED_S * 1000)
			continue;
		log_info("node is silent", "node", n->name, "uuid", n->uuid, NULL);
		host_leave(a, n);
	}
}
