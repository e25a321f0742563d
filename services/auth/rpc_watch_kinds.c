/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch_kinds: what watchers get of a kind: resources by their rows (resource.def), and two
 * things more. Called by rpc_watch.c and watchers.c; reads the store and memory. What is packed is
 * how the thing is now.
 */
#include <string.h>

#include "api/label.h"
#include "auth/cutoff_list.h"
#include "auth/rpc_faces.h"
#include "auth/watchers.h"
#include "auth/web_session.h"
#include "base/str.h"
#include "rpc/bytes.h"

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

int
watch_pack_user(struct auth *a, const char *name, struct buf *b)
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

/* From memory, which has what is merged; the store has the parts. */
int
watch_pack_host(struct auth *a, const char *uuid, struct buf *b)
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
	m.joined_ms = n->joined_ms;
	m.n_labels = n->labels.n;
	m.labels = api_labels(&arena, labels_view(&n->labels));
	if (m.labels)
		rc = pack(b, &m.base);
	arena_done(&arena);
	return rc;
}

/* What others need to judge by: not the browser, and the address only where it counts. */
int
watch_pack_web_session(struct auth *a, const char *key, struct buf *b)
{
	const struct web_session *s = web_session_find(a, key);
	Auth__LiveWebSession m = AUTH__LIVE_WEB_SESSION__INIT;

	if (!s)
		return WATCH_GONE;
	m.key = s->key;
	m.user = s->user;
	m.valid_after_s = s->valid_after_s;
	m.expires = s->expires_ms;
	m.api = s->api;
	m.pinned_to = s->pinned ? s->address : "";
	m.n_roles = s->roles.n;
	m.roles = (const char **)(void *)s->roles.v;
	return pack(b, &m.base);
}

/* The server's alone: the node puts them over those that it is configured with. */
static int
pack_own_labels(struct auth *a, const char *uuid, struct buf *b)
{
	const struct host *n = host_find(a, uuid);
	Auth__OwnLabels m = AUTH__OWN_LABELS__INIT;
	struct labels given = { 0 };
	struct arena arena;
	int rc = -1;

	if (!n)
		return WATCH_GONE;
	/* Everything that others say about the node, in the order of host.c: without its token's labels the node
	 * would judge by other labels than authd and the proxies. */
	arena_init(&arena, FACE_ARENA_MAX);
	if (labels_merge(&given, &n->token_labels) == 0 &&
	    labels_merge(&given, &n->server_labels) == 0) {
		m.n_labels = given.n;
		m.labels = api_labels(&arena, labels_view(&given));
	}
	if (m.labels)
		rc = pack(b, &m.base);
	labels_done(&given);
	arena_done(&arena);
	return rc;
}

static int
pack_signed_cutoffs(struct auth *a, const char *key, struct buf *b)
{
	struct span list = cutoff_list_get(a->cutoff_list);
	Auth__SignedCutoffs m = AUTH__SIGNED_CUTOFFS__INIT;

	(void)key;
	/* Not signed yet: told when it is. */
	if (list.n == 0)
		return WATCH_GONE;
	m.list = bytes_of(list);
	return pack(b, &m.base);
}

/* What is watched and is no resource: two of which there is one, and a part of a host, told to that host alone. */
static const struct resource views[] = {
	{ .name = "ca", .watched_by = WHO_DAEMONS | RPC_LOCAL, .pack = pack_ca },
	{ .name = "signed_cutoffs", .watched_by = RPC_NODE, .pack = pack_signed_cutoffs },
	{ .name = "own_labels", .watched_by = RPC_NODE, .pack = pack_own_labels, .tells = "host" },
};
enum { VIEWS = sizeof(views) / sizeof(views[0]) };
_Static_assert(RESOURCE_KINDS + VIEWS <= 32, "a set of kinds is a uint32_t");

const struct resource *
watch_kind(unsigned number)
{
	if (number < RESOURCE_KINDS)
		return &resource_table[number];
	return number < RESOURCE_KINDS + VIEWS ? &views[number - RESOURCE_KINDS] : NULL;
}

bool
watch_kind_is_own(unsigned number)
{
	return number >= RESOURCE_KINDS && views[number - RESOURCE_KINDS].tells;
}

/* The bytes of the store: one that is damaged is sent as it is, since whoever cannot decode it
 * denies whom it concerns, while "removed" would forget what it denies. */
static int
pack_stored(struct auth *a, const struct resource *kind, const char *key, struct buf *b)
{
	char full[STORE_KEY_MAX];
	int rc = -1;

	if (str_format(full, sizeof(full), "%s%s", kind->prefix, key))
		rc = store_get(a->store, full, b, NULL, NULL);
	return rc == STORE_E_NOT_FOUND ? WATCH_GONE : rc;
}

int
watch_pack(struct auth *a, unsigned number, const char *key, struct buf *b)
{
	const struct resource *kind = watch_kind(number);

	return kind->pack ? kind->pack(a, key, b) : pack_stored(a, kind, key, b);
}
