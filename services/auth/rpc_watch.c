/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: Watch: first everything, or what changed since the last stream, then changes. A
 * watcher is a list of names still to be sent (the snapshot), then a place in the ring of changes
 * (watchers.h). What is sent is how things are at that moment; at most QUEUED_MAX messages wait in
 * the transport, and who falls behind the ring or takes nothing for STUCK_MS is cut and may start
 * again.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/cutoff.h"
#include "auth/rpc_faces.h"
#include "auth/watchers.h"
#include "base/clock.h"
#include "base/str.h"

enum { QUEUED_MAX = 32, STUCK_MS = 60000, SNAPSHOT_MAX = 400000, OF_ONE_MAX = 8 };

struct watcher {
	struct list link;
	struct auth *auth;
	struct rpc_call *call;
	unsigned who;
	char name[64]; /* uuid of the daemon that watches; "" for the local socket */
	int64_t issued_s, expires_s;
	uint32_t kinds;          /* a bit for each */
	struct change_ref *todo; /* the snapshot */
	size_t n_todo, at, cap;
	bool opened;   /* the epoch was sent, or is not to be */
	bool complete; /* was sent */
	bool ended;
	uint64_t next;     /* change to look at */
	uint64_t catch_up; /* complete when that is the next */
	int64_t moved_ms;  /* when the transport last took something; monotonic */
};

static uint32_t
bit(unsigned kind)
{
	return (uint32_t)1 << kind;
}

/* Once; the call is closed later, by on_closed, which frees the watcher. */
static void
end(struct watcher *w, enum rpc_code code, const char *why)
{
	if (w->ended)
		return;
	w->ended = true;
	rpc_finish(w->call, code, "%s", why);
}

/* --- what is sent -------------------------------------------------------------------------- */

/* revision 0: of a snapshot. */
static void
send_one(struct watcher *w, const struct change_ref *ref, uint64_t revision)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;
	struct buf value;
	int rc;

	if (!(w->kinds & bit(ref->kind)) ||
	    (watch_kind_is_own(ref->kind) && strcmp(ref->key, w->name) != 0))
		return;
	buf_init(&value, STORE_VALUE_MAX);
	/* As it is now, not as it was at the change: who is behind is told once instead of ten
	 * times. */
	rc = watch_pack(w->auth, ref->kind, ref->key, &value);
	m.kind = watch_kind(ref->kind)->name;
	m.key = ref->key;
	m.removed = rc == WATCH_GONE;
	m.value = (ProtobufCBinaryData){ value.len, value.len > 0 ? buf_head(&value) : NULL };
	m.revision = revision;
	if (rc < 0)
		end(w, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		auth_watch_push(w->call, &m);
	buf_done(&value);
}

static void
send_epoch(struct watcher *w)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;

	m.epoch = w->auth->watchers.epoch;
	auth_watch_push(w->call, &m);
	w->opened = true;
}

static void
send_complete(struct watcher *w)
{
	Auth__WatchUpdate m = AUTH__WATCH_UPDATE__INIT;

	m.complete = true;
	/* From here a later stream may resume. */
	m.revision = w->next - 1;
	auth_watch_push(w->call, &m);
	w->complete = true;
}

/* As much as the transport takes. */
static void
feed(struct watcher *w)
{
	const struct change_ref *ref;

	while (!w->ended && rpc_queued(w->call) < QUEUED_MAX) {
		/* The epoch first: numbers mean nothing without it. */
		if (!w->opened) {
			send_epoch(w);
		} else if (w->at < w->n_todo) {
			send_one(w, &w->todo[w->at], 0);
			free(w->todo[w->at++].key);
		} else if (!w->complete && w->next >= w->catch_up) {
			send_complete(w);
		} else if (w->next == w->auth->watchers.next) {
			break;
		} else if (watchers_get(&w->auth->watchers, w->next, &ref)) {
			send_one(w, ref, w->next++);
		} else {
			end(w, RPC_RESOURCE_EXHAUSTED,
			    "too slow for the changes there were; watch again");
		}
	}
}

/* A host that was removed hears nothing more, however much still waits to be sent to it. */
static void
end_removed(struct auth *a, const char *uuid)
{
	int64_t cutoff_ms = cutoff_get(a, RESOURCE_HOST_CUTOFF, uuid);

	list_each (struct watcher, w, &a->watchers.all, link)
		if (strcmp(w->name, uuid) == 0 &&
		    (cutoff_ms == INT64_MAX || w->issued_s * 1000 < cutoff_ms))
			end(w, RPC_UNAUTHENTICATED,
			    "this host was removed; join it with a new token");
}

/* Also when changes were lost: then everybody is looked at. */
static void
end_all_removed(struct auth *a)
{
	const struct change_ref *ref;
	struct watchers *all = &a->watchers;

	for (; all->woken < all->next; all->woken++) {
		if (watchers_get(all, all->woken, &ref)) {
			if (ref->kind == RESOURCE_HOST_CUTOFF)
				end_removed(a, ref->key);
			continue;
		}
		list_each (struct watcher, w, &all->all, link)
			end_removed(a, w->name);
		all->woken = all->next;
		break;
	}
}

void
watchers_wake(struct auth *a)
{
	list_each (struct watcher, w, &a->watchers.all, link)
		feed(w);
	/* After feeding, so that the host hears of its own cut-off before it is cut. */
	end_all_removed(a);
}

/* --- the snapshot -------------------------------------------------------------------------------- */

/* What is being walked through. */
struct walk {
	struct watcher *w;
	unsigned kind;
};

static int
add(const struct walk *walk, const char *key)
{
	struct watcher *w = walk->w;
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
	w->todo[w->n_todo++] = (struct change_ref){ walk->kind, copy };
	return 0;
}

static int
on_item(const struct store_item *item, void *arg)
{
	const struct walk *walk = arg;

	return add(walk, item->key + strlen(watch_kind(walk->kind)->prefix));
}

static int
add_kind(struct watcher *w, unsigned kind)
{
	const char *prefix = watch_kind(kind)->prefix;
	struct walk walk = { w, kind };

	if (watch_kind_is_own(kind))
		return add(&walk, w->name);
	if (!prefix)
		return add(&walk, "");
	return store_range(w->auth->store, prefix, NULL, SNAPSHOT_MAX, on_item, &walk);
}

/* Names only, and changes from this moment on: what changes while the snapshot is sent is sent
 * again. */
static int
snapshot(struct watcher *w)
{
	w->next = w->catch_up = w->auth->watchers.next;
	for (unsigned kind = 0; watch_kind(kind); kind++)
		if ((w->kinds & bit(kind)) && add_kind(w, kind) < 0)
			return -1;
	return 0;
}

static int
begin(struct watcher *w, const Auth__WatchRequest *m)
{
	if (!watchers_can_resume(&w->auth->watchers, m->epoch, m->after))
		return snapshot(w);
	/* It resumes: the epoch is the one that the caller named. */
	w->opened = true;
	w->next = m->after + 1;
	w->catch_up = w->auth->watchers.next;
	return 0;
}

/* --- the call --------------------------------------------------------------------------------- */

/* Refuses what is not there or not for this caller, so that nobody believes to know all of it. */
static bool
choose_kinds(struct rpc_call *call, const Auth__WatchRequest *m, uint32_t *ret)
{
	const struct rpc_peer *peer = rpc_peer(call);

	*ret = 0;
	for (size_t i = 0; i < m->n_kinds; i++) {
		unsigned kind = 0;

		while (watch_kind(kind) && strcmp(watch_kind(kind)->name, m->kinds[i]) != 0)
			kind++;
		if (!watch_kind(kind) || !(watch_kind(kind)->watched_by & peer->who)) {
			access_refuse(call,
			    "this kind of resource is unknown here, or not for this caller");
			return false;
		}
		*ret |= bit(kind);
	}
	return true;
}

/* A daemon needs one, and has another for a while when its connection broke unseen. Whoever opens more loses his oldest,
 * so that nobody holds the places of all. */
static void
make_room(struct auth *a, const char *name)
{
	struct watcher *oldest = NULL;
	size_t n = 0;

	list_each (struct watcher, w, &a->watchers.all, link) {
		if (w->ended || strcmp(w->name, name) != 0)
			continue;
		oldest = oldest ? oldest : w;
		n++;
	}
	if (n < OF_ONE_MAX)
		return;
	/* Not finished: what it does not read would keep its place. */
	oldest->ended = true;
	rpc_cancel(oldest->call);
}

static void
on_watch(struct rpc_call *call, const Auth__WatchRequest *m)
{
	struct auth *a = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	struct watcher *w;
	struct host *n = NULL;
	uint32_t kinds;

	if (peer->who != RPC_LOCAL && !(n = access_registered(call)))
		return;
	/* Whoever was upgraded begins a stream: nobody tells oftener. */
	if (n)
		host_note_version(a, n, m->version);
	if (!choose_kinds(call, m, &kinds))
		return;
	if (peer->who != RPC_LOCAL)
		make_room(a, peer->name);
	w = a->watchers.n < WATCHERS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "too many watch already; try again later");
		return;
	}
	w->auth = a;
	w->call = call;
	w->who = peer->who;
	w->kinds = kinds;
	w->issued_s = peer->issued_s;
	w->expires_s = peer->expires_s;
	if (peer->who != RPC_LOCAL)
		str_copy(w->name, sizeof(w->name), peer->name);
	w->moved_ms = clock_mono_ms();
	list_add(&a->watchers.all, &w->link);
	a->watchers.n++;
	rpc_set_data(call, w);
	if (begin(w, m) < 0)
		end(w, RPC_RESOURCE_EXHAUSTED, "out of memory");
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
		/* TLS looks at a certificate once, when the connection is made; a watch lasts for
		 * months. */
		if (w->expires_s > 0 && w->expires_s <= now_s)
			end(w, RPC_UNAUTHENTICATED,
			    "the certificate of this connection has expired; renew it and watch again");
		else if (!w->ended && rpc_queued(w->call) > 0 && mono - w->moved_ms > STUCK_MS)
			/* Not rpc_finish, whose last words would wait behind what is not taken. */
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
