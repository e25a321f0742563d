/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_changes: see web_changes.h.
 *
 * Security: somebody hears of a node only when he may see it, and of sessions, users, roles and locks when he may list them. Of
 * what is gone, or of so much at once that it is not looked at one by one, everybody hears, and learns no name.
 */
#include "proxy/web_changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "proxy/resolve.h"
#include "proxy/web.h"
#include "proxy/web_live.h"

enum { SETTLE_MS = 200, KEYS_MAX = 8, KEY_SIZE = 64, USER_SIZE = 256, MESSAGE_MAX = 128 };

/* What pages are told of, by the names that roles have for them. */
enum told { TOLD_NODE, TOLD_ROLE, TOLD_USER, TOLD_LOCK, TOLD_SESSION, TOLD_KINDS };
static const char *const told_names[TOLD_KINDS] = { "node", "role", "user", "lock", "session" };

/* One WebSocket. */
struct listener {
	struct web_live live;
	struct list link;
	unsigned owed; /* a bit for each kind that it is still to be told of */
};

struct web_changes {
	struct web *web;
	struct list listeners;
	struct timer settle;
	bool waits;
	/* Since it was told last: */
	unsigned kinds;
	bool all_nodes;
	char nodes[KEYS_MAX][KEY_SIZE];
	size_t n_nodes;
	bool all_sessions;
	char users[KEYS_MAX][USER_SIZE]; /* whose sessions */
	size_t n_users;
};

/* --- telling ------------------------------------------------------------------------- */

/* What there is no room for is told when there is. */
static void
listener_tell(struct listener *l)
{
	for (int kind = 0; kind < TOLD_KINDS && l->owed && l->live.ws; kind++) {
		char text[MESSAGE_MAX];

		if (!(l->owed & 1u << kind) ||
		    !str_format(text, sizeof(text), "{\"kind\":\"%s\"}", told_names[kind]))
			continue;
		if (websocket_send(l->live.ws, true, span_str(text)) < 0)
			return;
		l->owed &= ~(1u << kind);
	}
}

static bool
may_see_one(const struct web_changes *c, const struct subject *who)
{
	struct replica *replica = c->web->config.replica;

	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct replica_host *host = replica_host(replica, c->nodes[i]);

		if (!host || resolve_may_see(replica, who, host, NULL) == 0)
			return true;
	}
	return false;
}

static bool
may_see_sessions(const struct web_changes *c, const struct policy_user *user, const char *name)
{
	bool any = c->all_sessions && policy_session(user, "list", name, NULL);

	for (size_t i = 0; i < c->n_users && !any; i++)
		any = policy_session(user, "list", c->users[i], NULL);
	return any;
}

static unsigned
what_concerns(const struct web_changes *c, const struct subject *who)
{
	struct subject_view view;
	unsigned kinds = 0;
	struct err e;

	if (c->all_nodes || may_see_one(c, who))
		kinds |= 1u << TOLD_NODE;
	if ((c->kinds & ~(1u << TOLD_NODE)) == 0 ||
	    subject_view(who, replica_role, c->web->config.replica, &view, &e) < 0)
		return kinds;
	if (c->kinds & 1u << TOLD_SESSION && may_see_sessions(c, &view.user, who->name))
		kinds |= 1u << TOLD_SESSION;
	for (int kind = TOLD_NODE + 1; kind < TOLD_SESSION; kind++)
		if (c->kinds & 1u << kind &&
		    policy_verb(&view.user, told_names[kind], "list", NULL))
			kinds |= 1u << kind;
	return kinds;
}

static void
on_settled(void *arg)
{
	struct web_changes *c = arg;
	struct replica *replica = c->web->config.replica;

	list_each (struct listener, l, &c->listeners, link) {
		const struct replica_web_session *s = replica_web_session(replica, l->live.key);
		const struct subject *who = s ? replica_user(replica, s->user) : NULL;

		/* Whose session has gone is told so, by web_live_review. */
		if (!who)
			continue;
		l->owed |= what_concerns(c, who);
		listener_tell(l);
	}
	c->waits = c->all_nodes = c->all_sessions = false;
	c->kinds = 0;
	c->n_nodes = c->n_users = 0;
}

/* --- hearing ------------------------------------------------------------------------- */

static void
settle(struct web_changes *c)
{
	if (c->waits || !c->kinds)
		return;
	c->waits = true;
	timer_start(&c->settle, SETTLE_MS);
}

static void
note_node(struct web_changes *c, const char *key)
{
	c->kinds |= 1u << TOLD_NODE;
	if (!key || c->n_nodes == KEYS_MAX || !str_copy(c->nodes[c->n_nodes], KEY_SIZE, key))
		c->all_nodes = true;
	else
		c->n_nodes++;
}

void
web_changes_note(struct web_changes *c, enum replica_kind kind, const char *key)
{
	static const enum told told[REPLICA_KINDS] = { [REPLICA_ROLE] = TOLD_ROLE,
		[REPLICA_USER] = TOLD_USER,
		[REPLICA_LOCK] = TOLD_LOCK };

	if (list_empty(&c->listeners))
		return;
	if (kind == REPLICA_HOST) {
		note_node(c, key);
	} else if (told[kind]) {
		c->kinds |= 1u << told[kind];
		/* Somebody may see others now. */
		note_node(c, NULL);
	}
	settle(c);
}

void
web_changes_note_session(struct web_changes *c, const char *user)
{
	size_t i = 0;

	if (list_empty(&c->listeners))
		return;
	c->kinds |= 1u << TOLD_SESSION;
	while (user && i < c->n_users && strcmp(c->users[i], user) != 0)
		i++;
	if (!user || i == KEYS_MAX || !str_copy(c->users[i], USER_SIZE, user))
		c->all_sessions = true;
	else if (i == c->n_users)
		c->n_users++;
	settle(c);
}

/* --- the WebSocket --------------------------------------------------------------------- */

static void
on_message(struct websocket *ws, bool is_text, struct span bytes, void *arg)
{
	(void)is_text, (void)bytes, (void)arg;
	websocket_close(ws, WEBSOCKET_UNSUPPORTED, "there is nothing to say here");
}

static void
on_drained(struct websocket *ws, void *arg)
{
	(void)ws;
	listener_tell(arg);
}

static void
on_closed(struct websocket *ws, void *arg)
{
	struct listener *l = arg;

	(void)ws;
	list_del(&l->link);
	web_live_close(&l->live);
	free(l);
}

static const struct websocket_events socket_events = { .message = on_message,
	.drained = on_drained,
	.closed = on_closed };

static void
on_session_over(struct web_live *live, const char *why)
{
	websocket_close(live->ws, WEBSOCKET_POLICY, why);
}

void
web_changes_open(struct http_request *r, void *arg)
{
	struct web *w = arg;
	struct listener *l = calloc(1, sizeof(*l));
	struct websocket_config config = { .events = &socket_events,
		.arg = l,
		.message_max = MESSAGE_MAX };

	if (!l) {
		http_reply_error(r, 503, "out of memory");
		return;
	}
	l->live.end = on_session_over;
	if (web_live_open(&l->live, w, r, &config) < 0) {
		free(l);
		return;
	}
	list_add(&w->changes->listeners, &l->link);
}

/* --- life -------------------------------------------------------------------------------- */

int
web_changes_new(struct web_changes **ret, struct web *w)
{
	struct web_changes *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->web = w;
	list_init(&c->listeners);
	if (timer_init(&c->settle, w->config.loop, on_settled, c) < 0) {
		free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void
web_changes_free(struct web_changes *c)
{
	if (!c)
		return;
	timer_done(&c->settle);
	free(c);
}
