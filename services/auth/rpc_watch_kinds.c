/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch_kinds: what can be watched, a row for each kind; see watchers.h. Called by rpc_watch.c
 * and watchers.c; reads the store and memory.
 *
 * A kind with a prefix is every key of the store below it; a key of several kinds (node/) is a
 * change of each. What is packed is how the thing is now.
 */
#include <string.h>

#include "api/label.h"
#include "auth/cutoff.h"
#include "auth/rpc_faces.h"
#include "auth/stored_role.h"
#include "auth/watchers.h"
#include "base/str.h"

static int
pack(struct buf *b, const ProtobufCMessage *m)
{
	uint8_t *p = buf_reserve(b, protobuf_c_message_get_packed_size(m));

	if (!p)
		return -1;
	buf_commit(b, protobuf_c_message_pack(m, p));
	return 0;
}

static int
pack_ca(struct auth *a, const char *key, struct buf *b)
{
	Auth__CaBundle bundle;

	(void)key;
	face_bundle(a, &bundle);
	return pack(b, &bundle.base);
}

/* A role whose record is damaged is sent as it is: whoever cannot decode it denies who has it,
 * while "removed" would forget what it denies. */
static int
pack_damaged_role(struct auth *a, const char *name, struct buf *b)
{
	char key[STORE_KEY_MAX];
	int rc = -1;

	if (str_format(key, sizeof(key), "%s%s", resource_table[RESOURCE_ROLE].prefix, name))
		rc = store_get(a->store, key, b, NULL, NULL);
	return rc == STORE_E_NOT_FOUND ? WATCH_GONE : rc;
}

static int
pack_role(struct auth *a, const char *name, struct buf *b)
{
	const struct role *r = role_find(a, name);
	struct arena arena;
	Auth__Role *m;
	int rc;

	if (!r)
		return pack_damaged_role(a, name, b);
	arena_init(&arena, FACE_ARENA_MAX);
	m = role_to_message(&arena, r->policy, r->preset, r->revision);
	rc = m ? pack(b, &m->base) : -1;
	arena_done(&arena);
	return rc;
}

static int
pack_cutoff(int64_t issued_before, struct buf *b)
{
	Auth__Cutoff m = AUTH__CUTOFF__INIT;

	m.issued_before = issued_before;
	return issued_before > 0 ? pack(b, &m.base) : WATCH_GONE;
}

static int
pack_user_cutoff(struct auth *a, const char *user, struct buf *b)
{
	return pack_cutoff(cutoff_get(a, RESOURCE_CUTOFF, user), b);
}

static int
pack_host_cutoff(struct auth *a, const char *uuid, struct buf *b)
{
	return pack_cutoff(cutoff_get(a, RESOURCE_HOST_CUTOFF, uuid), b);
}

static int
pack_user(struct auth *a, const char *name, struct buf *b)
{
	Auth__User m = AUTH__USER__INIT;
	struct user u;
	struct err e;
	int rc = WATCH_GONE;

	/* One that cannot be read is one that nobody should believe in. */
	if (user_load(a, name, &u, &e) == 0) {
		m.name = u.name;
		m.n_roles = u.roles.n;
		m.roles = (const char **)(void *)u.roles.v;
		m.n_logins = u.logins.n;
		m.logins = (const char **)(void *)u.logins.v;
		m.created = u.created_ms;
		m.confirmed = u.confirmed;
		m.locked_until = lockout_until(a, name);
		m.locked = m.locked_until > 0 || !u.confirmed;
		rc = pack(b, &m.base);
	}
	user_done(&u);
	return rc;
}

static int
pack_host(struct auth *a, const char *uuid, struct buf *b)
{
	const struct host *n = host_find(a, uuid);
	Auth__Host m = AUTH__HOST__INIT;
	struct arena arena;
	int rc = -1;

	if (!n)
		return WATCH_GONE;
	arena_init(&arena, FACE_ARENA_MAX);
	m.uuid = n->uuid;
	m.kind = n->kind;
	m.name = n->name;
	m.address = n->address;
	m.online = n->online;
	m.n_labels = n->labels.n;
	m.labels = api_labels(&arena, labels_view(&n->labels));
	if (m.labels)
		rc = pack(b, &m.base);
	arena_done(&arena);
	return rc;
}

static int
pack_own_labels(struct auth *a, const char *uuid, struct buf *b)
{
	const struct host *n = host_find(a, uuid);
	Auth__OwnLabels m = AUTH__OWN_LABELS__INIT;
	struct arena arena;
	int rc = -1;

	if (!n)
		return WATCH_GONE;
	arena_init(&arena, FACE_ARENA_MAX);
	m.n_labels = n->server_labels.n;
	m.labels = api_labels(&arena, labels_view(&n->server_labels));
	if (m.labels)
		rc = pack(b, &m.base);
	arena_done(&arena);
	return rc;
}

const struct watch_kind watch_kinds[] = {
	/* name, who may watch it, where it is in the store, only one's own, pack */
	{ "ca", WHO_DAEMONS | RPC_LOCAL, { NULL, NULL }, false, pack_ca },
	{ "role", WHO_DAEMONS | RPC_LOCAL, { "role/", NULL }, false, pack_role },
	{ "host", RPC_PROXY | RPC_AUDIT | RPC_LOCAL, { "node/", NULL }, false, pack_host },
	{ "user", RPC_PROXY | RPC_AUDIT | RPC_LOCAL, { "user/", "lockout/" }, false, pack_user },
	{ "cutoff", WHO_DAEMONS | RPC_LOCAL, { "cutoff/", NULL }, false, pack_user_cutoff },
	{ "host_cutoff", WHO_DAEMONS | RPC_LOCAL, { "host_cutoff/", NULL }, false,
	    pack_host_cutoff },
	{ "own_labels", RPC_NODE, { "node/", NULL }, true, pack_own_labels },
	{ .name = NULL },
};
