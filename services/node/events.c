/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the node writes down; see events.h. Called by serve.c, session.c and live.c.
 */
#include "node/events.h"

#include "api/event.h"
#include "net/rate.h"
#include "node/serve.h"
#include "node/session_priv.h"
#include "node/share.h"

/* What one event, or proof, takes in the log beside its texts. */
enum { EVENT_BYTES = 512 };

#define EVERYBODY "everybody" /* as an address */

/* A node speaks of itself only. */
static int
put(struct node *n, struct audit_event *ev)
{
	const struct join_identity *self = join_identity(n->join);

	ev->node = span_str(self ? self->uuid : NULL);
	ev->node_name = span_str(conf_name(n->config));
	return event_write(n->audit, ev);
}

/* In the log. Texts stand there as they are read, and where these are odd as bytes too. */
static uint64_t
size_of(const struct audit_event *ev)
{
	uint64_t n = EVENT_BYTES;

	for (size_t i = 0; i < ev->n_fields; i++)
		n += 2 * (uint64_t)ev->fields[i].text.n;
	return n;
}

/* Who signed in stands in the log before what he does. */
static int
put_proof(struct conn *c)
{
	if (!c->signature.len)
		return 0;
	if (share_is_full(c->node, c->access.user))
		return -1;
	if (audit_proof(c->node->audit, c->uuid, buf_span(&c->signed_data),
		buf_span(&c->signature)))
		return -1;
	share_charge(c->node, c->access.user, EVENT_BYTES + c->signed_data.len + c->signature.len);
	buf_reset(&c->signed_data);
	buf_reset(&c->signature);
	return 0;
}

static int
put_proven(struct conn *c, struct audit_event *ev)
{
	return put_proof(c) ? -1 : put(c->node, ev);
}

/* The same at the user's expense. */
static int
put_charged(struct conn *c, struct audit_event *ev)
{
	if (put_proven(c, ev))
		return -1;
	share_charge(c->node, c->access.user, size_of(ev));
	return 0;
}

int
events_signed_in(struct conn *c, struct span signed_data, struct span signature)
{
	if (!buf_put(&c->signed_data, signed_data.p, signed_data.n) ||
	    !buf_put(&c->signature, signature.p, signature.n))
		return -1;
	/* With a full log he is signed in all the same: nothing starts then (reason_to_refuse in
	 * session_start.c), and the proof goes before the first event that finds room. */
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
	struct node *n = c->node;
	const char *payer = c->address.user[0] ? c->address.user : c->address.client;
	int64_t now = loop_now_ms(n->loop);
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
	/* Nothing is told of more: whoever may not come in must not fill the spool, which would then be full for those
	 * who may. */
	if (rate_take(n->denials_of_one, payer, 1, now) && rate_take(n->denials, EVERYBODY, 1, now))
		(void)put(n, &ev);
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

	if (share_is_full(c->node, c->access.user))
		return;
	if (farewell.n)
		event_put(&ev, EVENT_KEY_REASON, farewell);
	else
		event_put_text(&ev, EVENT_KEY_REASON, why);
	event_put_text(&ev, EVENT_KEY_CLIENT, client_of(c));
	(void)put_charged(c, &ev);
}

/* --- sessions ------------------------------------------------------------------------------ */

/* Who writes the events of a session. */
struct teller {
	struct node *node;
	struct conn *conn; /* NULL: of a worker before this, which has shown its proof */
};

static int
on_session_event(struct audit_event *ev, void *arg)
{
	struct teller *t = arg;
	struct policy_labels all;

	if (ev->id == EVENT_SESSION_START) {
		(void)authorize_labels(t->node, &all); /* what is known of them */
		ev->labels = all.v;
		ev->n_labels = all.n;
	}
	return t->conn ? put_charged(t->conn, ev) : put(t->node, ev);
}

/* As in /proc/PID/environ, but for the NUL at the end. Negative: out of memory. */
static int
put_env(struct buf *b, const struct session_setup *setup)
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
	return buf_ok(b) ? 0 : -1;
}

int
events_of_session(struct session *s, struct audit_event *ev)
{
	struct conn *c = s->base.conn;

	ev->user = span_str(c->access.user);
	ev->login = span_str(c->login);
	ev->session = span_str(s->uuid);
	ev->connection = span_str(c->uuid);
	ev->remote_addr = span_str(c->address.client);
	if (put_proven(c, ev))
		return -1;
	share_add(&s->recording.share, size_of(ev));
	return 0;
}

int
events_session_start(const struct session *s, const struct session_info *what)
{
	struct teller t = { s->base.conn->node, s->base.conn };
	struct session_info info = *what;
	struct buf env;
	int r = -1;

	buf_init(&env, SESSION_ENV_MAX_BYTES);
	info.term = s->setup->pty.term;
	info.client = client_of(s->base.conn);
	if (put_env(&env, s->setup) == 0) {
		info.env = buf_span(&env);
		r = session_event_start(&info, on_session_event, &t);
	}
	buf_done(&env);
	return r;
}

int
events_session_end(struct node *n, struct conn *c, const struct session_info *s,
    const struct session_outcome *outcome)
{
	struct teller t = { n, c };

	return session_event_end(s, outcome, on_session_event, &t);
}

void
events_session_reject(struct conn *c, const struct session_info *s, struct span command,
    const char *why)
{
	struct teller t = { c->node, c };

	/* As often as he asks, and with all that he likes to ask for. */
	if (!share_is_full(c->node, c->access.user))
		(void)session_event_reject(s, command, why, on_session_event, &t);
}
