/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: the registry of daemons that have joined.
 */
#include "auth/host.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

enum { HOSTS_MAX = 200000 };
#define PREFIX        "node/"
#define CUTOFF_PREFIX "host_cutoff/"

static int
store_failed(struct auth *a, struct err *e)
{
	return err_set(e, "%s", store_error(a->store));
}

static void
key_of(char key[STORE_KEY_MAX], const char *uuid)
{
	str_format(key, STORE_KEY_MAX, PREFIX "%s", uuid);
}

void
host_free(struct host *n)
{
	if (!n)
		return;
	labels_done(&n->token_labels);
	labels_done(&n->server_labels);
	labels_done(&n->own_labels);
	labels_done(&n->labels);
	names_done(&n->addresses);
	free(n);
}

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
on_row(const struct store_item *item, void *arg)
{
	struct auth *a = arg;
	struct host *n = calloc(1, sizeof(*n));

	if (!n)
		return -1;
	n->revision = item->revision;
	n->last_seen_ms = a->now_ms();
	if (!stored_get_host(item->value, n) || merge_labels(n) < 0) {
		log_error("damaged record", "key", item->key, NULL);
		host_free(n);
		return 0;
	}
	if (!map_put(a->hosts.by_uuid, n->uuid, n, NULL)) {
		host_free(n);
		return -1;
	}
	return 0;
}

int
hosts_load(struct auth *a, struct err *e)
{
	a->hosts.by_uuid = map_new();
	if (!a->hosts.by_uuid)
		return err_set(e, "out of memory");
	if (store_range(a->store, PREFIX, NULL, HOSTS_MAX, on_row, a) < 0)
		return err_set(e, "cannot read the nodes: %s", store_error(a->store));
	return 0;
}

void
hosts_done(struct auth *a)
{
	size_t pos = 0;
	void *n;

	if (!a->hosts.by_uuid)
		return;
	while (map_next(a->hosts.by_uuid, &pos, NULL, &n))
		host_free(n);
	map_free(a->hosts.by_uuid);
	a->hosts.by_uuid = NULL;
}

/* --- finding ------------------------------------------------------------------------------ */

struct host *
host_find(struct auth *a, const char *uuid)
{
	return map_get(a->hosts.by_uuid, uuid);
}

bool
host_next(struct auth *a, size_t *pos, struct host **ret)
{
	void *n;

	if (!map_next(a->hosts.by_uuid, pos, NULL, &n))
		return false;
	*ret = n;
	return true;
}

int
host_by_name(struct auth *a, const char *name, struct host **ret, struct err *e)
{
	struct host *n, *live = NULL, *gone = NULL;
	size_t pos = 0, n_live = 0, n_gone = 0;

	*ret = host_find(a, name);
	if (*ret)
		return 0;
	while (host_next(a, &pos, &n)) {
		if (strcmp(n->name, name) != 0)
			continue;
		if (n->online) {
			live = n;
			n_live++;
		} else {
			gone = n;
			n_gone++;
		}
	}
	if (n_live == 1 || (n_live == 0 && n_gone == 1)) {
		*ret = n_live ? live : gone;
		return 0;
	}
	if (n_live + n_gone == 0) {
		err_set(e, "no such node; `tctl nodes ls` shows them all");
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
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc = -1;

	key_of(key, n->uuid);
	buf_init(&b, STORE_VALUE_MAX);
	if (merge_labels(n) < 0 || !stored_put_host(&b, n))
		err_set(e, "out of memory, or more than %d labels", LABELS_MAX);
	else if (!host_find(a, n->uuid) && map_count(a->hosts.by_uuid) >= HOSTS_MAX)
		err_set(e, "too many nodes: remove some that are gone");
	else if ((rc = store_put(a->store, key, buf_span(&b), n->valid_until_ms, STORE_ANY,
		      &n->revision)) < 0)
		store_failed(a, e);
	buf_done(&b);
	if (rc == 0 && host_find(a, n->uuid) != n) {
		void *old = NULL;

		if (!map_put(a->hosts.by_uuid, n->uuid, n, &old))
			return err_set(e, "out of memory");
		host_free(old);
	}
	return rc;
}

static void
tell(struct auth *a, const struct host *n)
{
	if (strcmp(n->kind, "node") == 0)
		watchers_note(a, CHANGE_NODE, n->uuid);
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
		n->own_labels = *seen->labels;
		*seen->labels = (struct labels){ 0 };
		changed = true;
	}
	return changed;
}

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
	if (strlen(seen->version) >= HOST_VERSION_MAX ||
	    !str_is_printable(seen->version, strlen(seen->version))) {
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
	if (!changed)
		return 0;
	if (merge_labels(n) < 0) {
		err_set(e, "a node has at most %d labels, with those of its token and the server's",
		    LABELS_MAX);
		return AUTH_E_INVALID;
	}
	rc = host_put(a, n, e);
	if (rc == 0)
		tell(a, n);
	return rc;
}

void
host_leave(struct auth *a, struct host *n)
{
	struct err e;

	if (!n->online)
		return;
	n->online = false;
	if (host_put(a, n, &e) < 0)
		log_error("cannot note that a node left", "node", n->name, "cause", e.text, NULL);
	tell(a, n);
}

static int
cut_off(struct auth *a, const struct host *n)
{
	/* As user_cut_off: everything that began until now, and that minute earlier. */
	int64_t before = (a->now_ms() / 1000 + 1 - SIGNER_BACKDATE_S) * 1000;
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc = -1;

	buf_init(&b, 1024);
	str_format(key, sizeof(key), CUTOFF_PREFIX "%s", n->uuid);
	if (stored_put_cutoff(&b, n->uuid, before))
		rc = store_put(a->store, key, buf_span(&b), n->valid_until_ms, STORE_ANY, NULL);
	buf_done(&b);
	return rc;
}

int
host_remove(struct auth *a, struct host *n, struct err *e)
{
	char key[STORE_KEY_MAX];
	int rc;

	key_of(key, n->uuid);
	if (store_begin(a->store) < 0)
		return store_failed(a, e);
	rc = store_delete(a->store, key, STORE_ANY);
	if (rc >= 0)
		rc = cut_off(a, n);
	if (rc < 0 || store_commit(a->store) < 0) {
		store_failed(a, e);
		store_rollback(a->store);
		return -1;
	}
	map_del(a->hosts.by_uuid, n->uuid);
	tell(a, n);
	host_free(n);
	return 0;
}

struct each_cutoff {
	int (*fn)(const char *uuid, int64_t issued_before, void *arg);
	void *arg;
};

static int
on_cutoff(const struct store_item *item, void *arg)
{
	struct each_cutoff *each = arg;
	char uuid[NAME_LEN_MAX + 1];
	int64_t before;

	return stored_get_cutoff(item->value, uuid, &before) ? each->fn(uuid, before, each->arg)
							     : 0;
}

int
host_each_cutoff(struct auth *a, int (*fn)(const char *uuid, int64_t issued_before, void *arg),
    void *arg)
{
	struct each_cutoff each = { fn, arg };

	return store_range(a->store, CUTOFF_PREFIX, NULL, HOSTS_MAX, on_cutoff, &each);
}

int64_t
host_cutoff(struct auth *a, const char *uuid)
{
	char key[STORE_KEY_MAX], name[NAME_LEN_MAX + 1];
	int64_t before = 0;
	struct buf b;
	int rc;

	buf_init(&b, 1024);
	str_format(key, sizeof(key), CUTOFF_PREFIX "%s", uuid);
	rc = store_get(a->store, key, &b, NULL, NULL);
	if (rc < 0 || (rc == 0 && !stored_get_cutoff(buf_span(&b), name, &before)))
		before = INT64_MAX;
	buf_done(&b);
	return before;
}

int
host_label(struct auth *a, struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct err *e)
{
	struct labels before = n->server_labels, next = { 0 };
	int rc = 0;

	for (size_t i = 0; i < set->n && rc == 0; i++)
		rc = label_check(set->v[i].key, set->v[i].value, e);
	if (rc != 0)
		return rc;
	if (labels_merge(&next, &before) < 0 || labels_merge(&next, set) < 0) {
		labels_done(&next);
		err_set(e, "a node has at most %d labels", LABELS_MAX);
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < n_remove; i++)
		labels_remove(&next, remove[i]);
	n->server_labels = next;
	rc = host_put(a, n, e);
	if (rc != 0) {
		n->server_labels = before;
		labels_done(&next);
		merge_labels(n);
		return rc;
	}
	labels_done(&before);
	watchers_note(a, CHANGE_LABELS, n->uuid);
	tell(a, n);
	return 0;
}

void
hosts_sweep(struct auth *a)
{
	int64_t now = a->now_ms();
	struct host *n;
	size_t pos = 0;

	while (host_next(a, &pos, &n)) {
		if (n->online && n->last_seen_ms < now - HOST_LISTED_S * 1000) {
			log_info("node is silent", "node", n->name, "uuid", n->uuid, NULL);
			host_leave(a, n);
		}
		if (n->valid_until_ms <= now) {
			map_del(a->hosts.by_uuid, n->uuid);
			host_free(n);
		}
	}
}
