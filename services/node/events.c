/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the node writes down; see events.h. Called by serve.c, session.c and live.c.
 */
#include "node/events.h"

#include <signal.h>

#include "api/event.h"
#include "node/live.h"
#include "node/session_priv.h"
#include "policy/policy.h"

/* A node speaks of itself only. */
static int
put(struct node *n, struct audit_event *ev)
{
	const struct join_identity *self = join_identity(n->join);

	ev->node = span_str(self ? self->uuid : NULL);
	ev->node_name = span_str(conf_name(n->config));
	return event_write(n->audit, ev);
}

/* Who signed in stands in the log before what he does. */
static int
put_proof(struct conn *c)
{
	if (!c->signature.len)
		return 0;
	if (audit_proof(c->node->audit, c->uuid, buf_span(&c->signed_data),
		buf_span(&c->signature)))
		return -1;
	buf_reset(&c->signed_data);
	buf_reset(&c->signature);
	return 0;
}

static int
put_proven(struct conn *c, struct audit_event *ev)
{
	return put_proof(c) ? -1 : put(c->node, ev);
}

int
events_signed_in(struct conn *c, struct span signed_data, struct span signature)
{
	if (!buf_put(&c->signed_data, signed_data.p, signed_data.n) ||
	    !buf_put(&c->signature, signature.p, signature.n))
		return -1;
	(void)put_proof(c);
	return 0;
}

/* Version string of the other side's program; NULL: it is not known, or gone. */
static const char *
client_of(const struct conn *c)
{
	return c->ssh_link ? ssh_peer_version(ssh_link_ssh(c->ssh_link)) : NULL;
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
	event_put_text(&ev, EVENT_KEY_CLIENT, client_of(c));
	(void)put(c->node, &ev);
}

void
events_disconnected(struct conn *c, const char *why)
{
	struct span farewell = c->ssh_link ? ssh_peer_farewell(ssh_link_ssh(c->ssh_link))
					   : (struct span){ NULL, 0 };
	struct audit_event ev = { .id = EVENT_CLIENT_DISCONNECT,
		.user = span_str(c->access.user),
		.login = span_str(c->login),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->address.client) };

	if (farewell.n)
		event_put(&ev, EVENT_KEY_REASON, farewell);
	else
		event_put_text(&ev, EVENT_KEY_REASON, why);
	event_put_text(&ev, EVENT_KEY_CLIENT, client_of(c));
	(void)put_proven(c, &ev);
}

/* --- sessions ------------------------------------------------------------------------------ */

static const char *
kind_name(unsigned kind)
{
	static const char *const names[] = { "shell", "exec", "subsystem" };

	return kind < 3 ? names[kind] : "shell";
}

static struct audit_event
session_event(const struct session *s, enum event_id id)
{
	const struct conn *c = s->base.conn;

	return (struct audit_event){ .id = id,
		.user = span_str(c->access.user),
		.login = span_str(c->login),
		.session = span_str(s->uuid),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->address.client) };
}

static void
add_what(struct audit_event *ev, unsigned kind, bool has_pty, const char *command)
{
	event_put_text(ev, EVENT_KEY_KIND, kind_name(kind));
	event_put_flag(ev, EVENT_KEY_INTERACTIVE, has_pty);
	event_put_text(ev, EVENT_KEY_COMMAND, command);
}

/* As in /proc/PID/environ, but for the NUL at the end. Negative: out of memory. */
static int
add_env(struct audit_event *ev, const struct session_setup *setup, struct buf *b)
{
	struct wire w = wire_from(buf_span(&setup->env));

	for (uint32_t i = 0; i < setup->n_env; i++) {
		struct span name = wire_string(&w), value = wire_string(&w);

		if (i > 0)
			buf_put(b, "", 1);
		buf_put(b, name.p, name.n);
		buf_put(b, "=", 1);
		buf_put(b, value.p, value.n);
	}
	if (setup->n_env)
		event_put(ev, EVENT_KEY_ENV, buf_span(b));
	return buf_ok(b) ? 0 : -1;
}

int
events_session_start(const struct session *s)
{
	struct audit_event ev = session_event(s, EVENT_SESSION_START);
	struct node *n = s->base.conn->node;
	struct policy_labels all;
	struct buf env;
	int r = -1;

	(void)authorize_labels(n, &all);
	ev.labels = all.v;
	ev.n_labels = all.n;
	add_what(&ev, s->kind, s->has_pty, s->command);
	if (s->has_pty)
		event_put_text(&ev, EVENT_KEY_TERM, s->setup->pty.term);
	event_put_number(&ev, EVENT_KEY_COLS, s->cols);
	event_put_number(&ev, EVENT_KEY_ROWS, s->rows);
	event_put_text(&ev, EVENT_KEY_SERVER_ADDR, s->base.conn->address.server);
	event_put_text(&ev, EVENT_KEY_CLIENT, client_of(s->base.conn));
	buf_init(&env, SESSION_ENV_MAX_BYTES);
	if (add_env(&ev, s->setup, &env) == 0)
		r = put_proven(s->base.conn, &ev);
	buf_done(&env);
	return r;
}

/* exec and subsystem have an event of their own, with how they ended. */
static void
write_command(const struct session *s, uint32_t status)
{
	bool subsystem = s->kind == MON_KIND_SUBSYSTEM;
	struct audit_event ev = session_event(s, subsystem ? EVENT_SUBSYSTEM : EVENT_EXEC);

	ev.failed = status != 0;
	event_put_text(&ev, subsystem ? EVENT_KEY_NAME : EVENT_KEY_COMMAND, s->command);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, status);
	(void)put_proven(s->base.conn, &ev);
}

int
events_session_end(const struct session *s)
{
	struct audit_event ev = session_event(s, EVENT_SESSION_END);
	uint32_t status = s->exited && !s->signaled ? s->code : 255;

	if (s->kind != MON_KIND_SHELL)
		write_command(s, status);
	ev.message = span_str(s->end_reason);
	add_what(&ev, s->kind, s->has_pty, s->command);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, status);
	event_put_text(&ev, EVENT_KEY_EXIT_SIGNAL,
	    s->signaled ? ssh_signal_name((int)s->code) : NULL);
	event_put_number(&ev, EVENT_KEY_STARTED_US, s->started_us);
	event_put_number(&ev, EVENT_KEY_RX, (int64_t)s->rx);
	event_put_number(&ev, EVENT_KEY_TX, (int64_t)s->tx);
	return put_proven(s->base.conn, &ev);
}

void
events_session_reject(const struct session *s, unsigned kind, struct span command, const char *why)
{
	struct audit_event ev = session_event(s, EVENT_SESSION_REJECT);

	ev.failed = true;
	ev.message = span_str(why);
	event_put_text(&ev, EVENT_KEY_KIND, kind_name(kind));
	event_put(&ev, EVENT_KEY_COMMAND, command);
	event_put_text(&ev, EVENT_KEY_REASON, why);
	(void)put_proven(s->base.conn, &ev);
}

int
events_session_died(struct node *n, const struct live_session *s)
{
	struct audit_event ev = { .id = EVENT_SESSION_END,
		.user = span_str(s->user),
		.login = span_str(s->login),
		.session = span_str(s->uuid),
		.connection = span_str(s->connection),
		.remote_addr = span_str(s->address),
		.message = span_str(s->why) };

	add_what(&ev, s->kind, s->has_pty, s->command);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, 255);
	event_put_number(&ev, EVENT_KEY_STARTED_US, (int64_t)s->started_us);
	return put(n, &ev);
}
