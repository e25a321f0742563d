/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the node writes down; see events.h. Called by serve.c, session.c and live.c.
 */
#include "node/events.h"

#include "api/event.h"
#include "node/serve.h"

/* A node speaks of itself only. */
static int
put(struct node *n, struct audit_event *ev)
{
	const struct join_identity *self = join_identity(n->join);

	ev->node = span_str(self ? self->uuid : NULL);
	ev->node_name = span_str(conf_name(n->config));
	return event_write(n->audit, ev);
}

void
events_denied(const struct conn *c, const char *user, const char *login, const char *why)
{
	struct audit_event ev = { .id = EVENT_AUTH,
		.failed = true,
		.user = span_str(user),
		.login = span_str(login),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->address.client),
		.message = span_str(why) };

	event_put_text(&ev, EVENT_KEY_METHOD, "publickey");
	event_put_text(&ev, EVENT_KEY_REASON, why);
	(void)put(c->node, &ev);
}

void
events_disconnected(const struct conn *c, const char *why)
{
	struct audit_event ev = { .id = EVENT_CLIENT_DISCONNECT,
		.user = span_str(c->access.user),
		.login = span_str(c->login),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->address.client) };

	event_put_text(&ev, EVENT_KEY_REASON, why);
	(void)put(c->node, &ev);
}

/* --- sessions ------------------------------------------------------------------------------ */

static int
on_session_event(struct audit_event *ev, void *arg)
{
	struct node *n = arg;
	struct api_label labels[NODE_LABELS_MAX * 2];
	struct policy_labels all;

	if (ev->id == EVENT_SESSION_START) {
		(void)authorize_labels(n, &all); /* what is known of them */
		for (; ev->n_labels < all.n && ev->n_labels < NODE_LABELS_MAX * 2; ev->n_labels++)
			labels[ev->n_labels] = (struct api_label){ all.v[ev->n_labels].key,
				all.v[ev->n_labels].value };
		ev->labels = labels;
	}
	return put(n, ev);
}

int
events_session_start(struct node *n, const struct session_info *s)
{
	return session_event_start(s, on_session_event, n);
}

int
events_session_end(struct node *n, const struct session_info *s,
    const struct session_outcome *outcome)
{
	return session_event_end(s, outcome, on_session_event, n);
}

void
events_session_reject(struct node *n, const struct session_info *s, const char *why)
{
	(void)session_event_reject(s, why, on_session_event, n);
}
