/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: Watch: first everything, then changes. A watcher is a list of names still to be sent
 * (the snapshot), then a place in the ring of changes (watchers.h). What is sent is how things are
 * at that moment; at most QUEUED_MAX messages wait in the transport, and who falls behind the ring
 * or takes nothing for STUCK_MS is cut and may start again.
 */
#include <stdlib.h>
#include <string.h>

#include "api/label.h"
#include "auth/cutoff.h"
#include "auth/rpc_faces.h"
#include "auth/stored_role.h"
#include "auth/rpc_node_message.h"
#include "auth/watchers.h"
#include "base/clock.h"
#include "base/str.h"

enum { QUEUED_MAX = 32, STUCK_MS = 60000, SNAPSHOT_MAX = 400000 };

struct watcher {
	struct list link;
	struct auth *auth;
	struct rpc_call *call;
	unsigned who;
	char name[64]; /* uuid of the daemon that watches; "" for the local socket */
	int64_t expires_s;
	bool nodes, users;
	struct change_ref *todo; /* the snapshot */
	size_t n_todo, at, cap;
	bool complete; /* was sent */
	bool ended;
	uint64_t next;    /* change to look at */
	int64_t moved_ms; /* when the transport last took something; monotonic */
};

static void
end(struct watcher *w, enum rpc_code code, const char *why)
{
	if (w->ended)
		return;
	w->ended = true;
	rpc_finish(w->call, code, "%s", why);
}

/* --- what is sent -------------------------------------------------------------------------- */

static void
send_role(struct watcher *w, const char *name)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	const struct role *r = role_find(w->auth, name);
	struct arena arena;

	arena_init(&arena, FACE_ARENA_MAX);
	if (r) {
		m.what_case = AUTH__WATCH_UPDATE__WHAT_ROLE;
		m.role = role_to_message(&arena, r->policy, r->preset, r->revision);
	} else {
		m.what_case = AUTH__WATCH_UPDATE__WHAT_ROLE_REMOVED;
		m.role_removed = name;
	}
	if (r && !m.role)
		end(w, RPC_RESOURCE_EXHAUSTED, "out of memory; watch again");
	else
		auth_watch_push(w->call, &m);
	arena_done(&arena);
}

static void
send_cutoff(struct watcher *w, const char *user)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	Auth__UserCutoff cutoff = AUTH__USER_CUTOFF__INIT;

	cutoff.user = user;
	cutoff.issued_before = cutoff_get(w->auth, RESOURCE_CUTOFF, user);
	m.what_case = AUTH__WATCH_UPDATE__WHAT_CUTOFF;
	m.cutoff = &cutoff;
	if (cutoff.issued_before > 0)
		auth_watch_push(w->call, &m);
}

static void
send_node_cutoff(struct watcher *w, const char *uuid)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	Auth__NodeCutoff cutoff = AUTH__NODE_CUTOFF__INIT;

	cutoff.uuid = uuid;
	cutoff.issued_before = cutoff_get(w->auth, RESOURCE_HOST_CUTOFF, uuid);
	m.what_case = AUTH__WATCH_UPDATE__WHAT_NODE_CUTOFF;
	m.node_cutoff = &cutoff;
	if (cutoff.issued_before > 0)
		auth_watch_push(w->call, &m);
}

static void
send_user(struct watcher *w, const char *name)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	Auth__User user = AUTH__USER__INIT;
	struct user u;
	struct err e;

	if (user_load(w->auth, name, &u, &e) == 0) {
		user.name = u.name;
		user.n_roles = u.roles.n;
		user.roles = (const char **)(void *)u.roles.v;
		user.n_logins = u.logins.n;
		user.logins = (const char **)(void *)u.logins.v;
		user.created = u.created_ms;
		user.confirmed = u.confirmed;
		user.locked_until = lockout_until(w->auth, name);
		user.locked = user.locked_until > 0 || !u.confirmed;
		m.what_case = AUTH__WATCH_UPDATE__WHAT_USER;
		m.user = &user;
	} else {
		m.what_case = AUTH__WATCH_UPDATE__WHAT_USER_REMOVED;
		m.user_removed = name;
	}
	auth_watch_push(w->call, &m);
	user_done(&u);
}

static void
send_node(struct watcher *w, const char *uuid)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	const struct host *n = host_find(w->auth, uuid);
	struct arena arena;

	arena_init(&arena, FACE_ARENA_MAX);
	m.what_case = AUTH__WATCH_UPDATE__WHAT_NODE_REMOVED;
	m.node_removed = uuid;
	if (n && n->online && (m.node = node_message(&arena, n)))
		m.what_case = AUTH__WATCH_UPDATE__WHAT_NODE;
	auth_watch_push(w->call, &m);
	arena_done(&arena);
}

static void
send_own_labels(struct watcher *w)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	Auth__HeartbeatReply reply = AUTH__HEARTBEAT_REPLY__INIT;
	const struct host *n = host_find(w->auth, w->name);
	struct arena arena;

	arena_init(&arena, FACE_ARENA_MAX);
	if (n && (reply.server_labels = api_labels(&arena, labels_view(&n->server_labels))))
		reply.n_server_labels = n->server_labels.n;
	m.what_case = AUTH__WATCH_UPDATE__WHAT_OWN_LABELS;
	m.own_labels = &reply;
	if (n && !reply.server_labels)
		end(w, RPC_RESOURCE_EXHAUSTED, "out of memory; watch again");
	else
		auth_watch_push(w->call, &m);
	arena_done(&arena);
}

static void
send_authorities(struct watcher *w)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	Auth__CaBundle bundle;

	face_bundle(w->auth, &bundle);
	m.what_case = AUTH__WATCH_UPDATE__WHAT_CA;
	m.ca = &bundle;
	auth_watch_push(w->call, &m);
}

static void
send_one(struct watcher *w, const struct change_ref *ref)
{
	switch (ref->kind) {
	case CHANGE_CA:
		send_authorities(w);
		break;
	case CHANGE_ROLE:
		send_role(w, ref->key);
		break;
	case CHANGE_CUTOFF:
		send_cutoff(w, ref->key);
		break;
	case CHANGE_NODE_CUTOFF:
		if (w->who & (RPC_PROXY | RPC_LOCAL))
			send_node_cutoff(w, ref->key);
		if (strcmp(ref->key, w->name) == 0 && w->complete)
			end(w, RPC_UNAUTHENTICATED,
			    "this host was removed; join it with a new token");
		break;
	case CHANGE_USER:
		if (w->users)
			send_user(w, ref->key);
		break;
	case CHANGE_NODE:
		if (w->nodes)
			send_node(w, ref->key);
		break;
	case CHANGE_LABELS:
		if (w->who == RPC_NODE && strcmp(ref->key, w->name) == 0)
			send_own_labels(w);
		break;
	}
}

static void
send_complete(struct watcher *w)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;

	m.what_case = AUTH__WATCH_UPDATE__WHAT_COMPLETE;
	m.complete = true;
	auth_watch_push(w->call, &m);
	w->complete = true;
}

/* As much as the transport takes. */
static void
feed(struct watcher *w)
{
	const struct change_ref *ref;

	while (!w->ended && rpc_queued(w->call) < QUEUED_MAX) {
		if (w->at < w->n_todo) {
			send_one(w, &w->todo[w->at]);
			free(w->todo[w->at++].key);
		} else if (!w->complete) {
			send_complete(w);
		} else if (w->next == w->auth->watchers.next) {
			break;
		} else if (watchers_get(&w->auth->watchers, w->next, &ref)) {
			w->next++;
			send_one(w, ref);
		} else {
			end(w, RPC_RESOURCE_EXHAUSTED,
			    "too slow for the changes there were; watch again");
		}
	}
}

void
watchers_wake(struct auth *a)
{
	list_each (struct watcher, w, &a->watchers.all, link)
		feed(w);
}

/* --- the snapshot -------------------------------------------------------------------------------- */

static int
add(struct watcher *w, enum change_kind kind, const char *key)
{
	char *copy;

	if (w->n_todo == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct change_ref *todo = cap > SNAPSHOT_MAX
		    ? NULL
		    : realloc(w->todo, cap * sizeof(*todo));

		if (!todo)
			return -1;
		w->todo = todo;
		w->cap = cap;
	}
	copy = strdup(key);
	if (!copy)
		return -1;
	w->todo[w->n_todo++] = (struct change_ref){ kind, copy };
	return 0;
}

static int
on_cutoff(const void *object, void *arg)
{
	return add(arg, CHANGE_CUTOFF, ((const struct cutoff *)object)->name);
}

static int
on_node_cutoff(const void *object, void *arg)
{
	return add(arg, CHANGE_NODE_CUTOFF, ((const struct cutoff *)object)->name);
}

static int
on_user(const void *object, void *arg)
{
	return add(arg, CHANGE_USER, ((const struct user *)object)->name);
}

static int
snapshot(struct watcher *w)
{
	struct auth *a = w->auth;
	const struct role *r;
	struct host *n;
	size_t pos = 0;

	w->next = a->watchers.next;
	if (add(w, CHANGE_CA, "") < 0)
		return -1;
	while (role_next(a, &pos, &r))
		if (add(w, CHANGE_ROLE, r->policy->name) < 0)
			return -1;
	if (resource_each(a, RESOURCE_CUTOFF, on_cutoff, w) < 0)
		return -1;
	if ((w->who & (RPC_PROXY | RPC_LOCAL)) &&
	    resource_each(a, RESOURCE_HOST_CUTOFF, on_node_cutoff, w) < 0)
		return -1;
	if (w->users && resource_each(a, RESOURCE_USER, on_user, w) < 0)
		return -1;
	pos = 0;
	while (w->nodes && host_next(a, &pos, &n))
		if (n->online && strcmp(n->kind, "node") == 0 && add(w, CHANGE_NODE, n->uuid) < 0)
			return -1;
	return w->who == RPC_NODE ? add(w, CHANGE_LABELS, w->name) : 0;
}

/* --- the call --------------------------------------------------------------------------------- */

static void
on_watch(struct rpc_call *call, const Auth__WatchRequest *m)
{
	struct auth *a = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	struct watcher *w;

	if (peer->who != RPC_LOCAL && !access_daemon(call))
		return;
	w = a->watchers.n < WATCHERS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "too many watch already; try again later");
		return;
	}
	w->auth = a;
	w->call = call;
	w->who = peer->who;
	w->expires_s = peer->expires_s;
	if (peer->who != RPC_LOCAL)
		str_copy(w->name, sizeof(w->name), peer->name);
	w->nodes = m->nodes && (peer->who & (RPC_PROXY | RPC_LOCAL));
	w->users = m->users && (peer->who & (RPC_PROXY | RPC_AUDIT | RPC_LOCAL));
	w->moved_ms = clock_mono_ms();
	list_add(&a->watchers.all, &w->link);
	a->watchers.n++;
	rpc_set_data(call, w);
	if (snapshot(w) < 0)
		end(w, RPC_RESOURCE_EXHAUSTED, "out of memory; watch again later");
	feed(w);
}

static void
on_writable(struct rpc_call *call)
{
	struct watcher *w = rpc_data(call);

	if (!w)
		return;
	w->moved_ms = clock_mono_ms();
	feed(w);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct watcher *w = rpc_data(call);

	(void)status;
	if (!w)
		return;
	list_del(&w->link);
	w->auth->watchers.n--;
	while (w->at < w->n_todo)
		free(w->todo[w->at++].key);
	free(w->todo);
	free(w);
}

/* Proxies and audit daemons send no heartbeats: their watch says that they are there. */
static void
note_alive(struct watcher *w)
{
	struct host *n = w->who & (RPC_PROXY | RPC_AUDIT) ? host_find(w->auth, w->name) : NULL;

	if (!n)
		return;
	n->online = true;
	n->last_seen_ms = w->auth->now_ms();
}

void
watchers_sweep(struct auth *a)
{
	int64_t mono = clock_mono_ms(), now_s = a->now_ms() / 1000;

	list_each (struct watcher, w, &a->watchers.all, link) {
		if (!w->ended)
			note_alive(w);
		if (w->expires_s > 0 && w->expires_s <= now_s)
			end(w, RPC_UNAUTHENTICATED,
			    "the certificate of this connection has expired; renew it and watch again");
		else if (!w->ended && rpc_queued(w->call) > 0 && mono - w->moved_ms > STUCK_MS)
			rpc_cancel(w->call);
		else if (rpc_queued(w->call) == 0)
			w->moved_ms = mono;
	}
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Watch, WHO_DAEMONS | RPC_LOCAL, on_watch, .writable = on_writable,
	    .closed = on_closed),
};
const struct face face_watch = { rows, sizeof(rows) / sizeof(rows[0]) };
