/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a session as a channel: its memory, its state, and what the engine tells of it. Called
 * through channel.c and by the SSH engine.
 *
 *	client --data--> in_fd    out/err --recorder--> spool, then --> client
 */
#include "node/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "node/idle.h"
#include "node/session_priv.h"
#include "node/transfer.h"

static struct session *
of(struct channel *ch)
{
	return (struct session *)(void *)ch; /* its first member */
}

static const struct session *
of_const(const struct channel *ch)
{
	return (const struct session *)(const void *)ch;
}

bool
session_enter(struct session *s, enum session_state to)
{
	const char *why = session_state_why(s->state, to);

	if (!why) {
		log_error("session cannot go this way", "session", s->uuid, "from",
		    session_state_name(s->state), "to", session_state_name(to), NULL);
		return false;
	}
	log_debug("session", "session", s->uuid, "from", session_state_name(s->state), "to",
	    session_state_name(to), "cause", why, NULL);
	s->state = to;
	return true;
}

enum session_kind
session_kind_of(enum mon_kind kind)
{
	return kind == MON_KIND_EXEC     ? SESSION_EXEC
	    : kind == MON_KIND_SUBSYSTEM ? SESSION_SUBSYSTEM
					 : SESSION_SHELL;
}

struct session_info
session_info(const struct session *s)
{
	const struct conn *c = s->base.conn;

	return (struct session_info){ .uuid = s->uuid,
		.connection = c->uuid,
		.user = c->access.user,
		.login = c->login,
		.remote_addr = c->address.client,
		.server_addr = c->address.server,
		.kind = session_kind_of(s->kind),
		.interactive = s->has_pty,
		.command = s->command,
		.cols = s->cols,
		.rows = s->rows,
		.started_us = s->started_us };
}

/* For live.c: whose end will still be written by the session itself. */
bool
session_is_running(const struct node *n, const char *uuid)
{
	list_each (struct session, s, &n->sessions, node_link)
		if (s->start_written && s->state != SESSION_OVER && strcmp(s->uuid, uuid) == 0)
			return true;
	return false;
}

void
session_watched(const char *uuid, void *node)
{
	const struct node *n = node;

	list_each (struct session, s, &n->sessions, node_link)
		if (strcmp(s->uuid, uuid) == 0)
			recording_watched(&s->recording);
}

/* --- memory ------------------------------------------------------------------------------ */

/* What was asked before the start; the running session keeps none of it. */
void
session_setup_free(struct session *s)
{
	if (s->setup)
		buf_done(&s->setup->env);
	free(s->setup);
	s->setup = NULL;
}

/* The channel is gone and so is the process; nothing of the engine points here any more. */
void
session_free(struct session *s)
{
	struct conn *c = s->base.conn;

	/* An answer that is still to come would start a session for memory that is freed. */
	monitor_cancel(c->node->monitor, s);
	audit_log_sync_cancel(c->node->audit, s);
	stream_close_all(s);
	timer_done(&s->timer);
	timer_done(&s->room);
	timer_done(&s->idle);
	session_setup_free(s);
	recorder_done(&s->recorder);
	recording_close(&s->recording);
	transfer_free(s);
	if (s->counted)
		c->node->n_sessions--;
	list_del(&s->base.link);
	list_del(&s->node_link);
	free(s->command);
	free(s);
	/* The last: c may go with it. */
	conn_unref(c);
}

/* --- as a channel -------------------------------------------------------------------------- */

static void
session_proven(struct channel *ch)
{
	struct session *s = of(ch);

	if (s->state == SESSION_WAITING && ch->chan && !ch->conn->cut)
		session_start(s);
}

/* The connection is gone, and the engine's channel with it: the session goes on without, until
 * its process has ended. */
static void
session_lost(struct channel *ch)
{
	struct session *s = of(ch);

	if (ch->chan)
		/* The engine still closes the channel after this, and must not find the session
		 * then. */
		ssh_chan_set_arg(ch->chan, NULL);
	ch->chan = NULL;
	if (!s->end_reason)
		s->end_reason = "the connection ended";
	list_del(&ch->link);
	session_hang_up(s);
}

static void
session_kill(struct channel *ch, const char *why)
{
	session_stop(of(ch), why);
}

/* The login was decided for the whole connection; a terminal, and that somebody ends it, is the session's own. */
int
session_may(const struct channel *ch, struct err *e)
{
	const struct session *s = of_const(ch);

	if (s->has_pty && !ch->conn->access.permit_pty)
		return err_set(e, "your roles do not permit a terminal");
	if (!s->uuid[0])
		return 0;
	return authorize_session(ch->conn->node, ch->conn->access.user, s->uuid, e) != 0 ? -1 : 0;
}

static void
session_describe(const struct channel *ch, char *dst, size_t size)
{
	str_format(dst, size, "session %s as %s", of_const(ch)->uuid, ch->conn->login);
}

/* --- the engine's news --------------------------------------------------------------------- */

/* Returns what was taken. After the end all of it is, so that the client is not held up by its
 * window. */
static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	(void)chan;
	if (!arg || ext != 0)
		return n;
	idle_heard(arg);
	return stream_input(arg, p, n);
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	if (arg)
		stream_writable(arg);
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	(void)chan;
	return arg ? session_request(arg, name, payload) : SSH_FAIL;
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	if (arg)
		stream_input_end(arg);
}

/* A client that closes while its input still waits for the process; one that writes is not to wait for ever meanwhile. */
static void
on_unread(struct ssh_chan *chan, void *arg)
{
	struct session *s = arg;

	if (!s)
		return;
	stream_no_reader(s);
	ssh_chan_resume(chan); /* of a terminal, which is gone, nothing waits */
	session_advance(s);
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	struct session *s = arg;

	(void)chan;
	if (!s)
		return;
	s->base.chan = NULL;
	if (!s->end_reason && s->state == SESSION_RUNNING)
		s->end_reason = ssh_is_dead(ssh_link_ssh(s->base.conn->ssh_link))
		    ? "the connection ended"
		    : "the client closed the session";
	session_hang_up(s);
}

static void
session_open(struct conn *c, struct ssh_chan *chan, const struct ssh_open *open)
{
	static const struct ssh_chan_events events = {
		.data = on_data,
		.writable = on_writable,
		.request = on_request,
		.eof = on_eof,
		.unread = on_unread,
		.closed = on_closed,
	};
	struct session *s = calloc(1, sizeof(*s));
	struct session_setup *setup = calloc(1, sizeof(*setup));

	if (!s || !setup || timer_init(&s->timer, c->node->loop, session_on_timer, s) ||
	    timer_init(&s->room, c->node->loop, stream_on_room, s) ||
	    timer_init(&s->idle, c->node->loop, idle_on_timer, s)) {
		if (s) {
			timer_done(&s->timer);
			timer_done(&s->room);
		}
		free(s);
		free(setup);
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES, "out of memory");
		return;
	}
	buf_init(&setup->env, SESSION_ENV_MAX_BYTES);
	s->base = (struct channel){ .conn = c, .chan = chan, .ops = &session_ops };
	/* A session outlives its connection until its process has ended and its end is written. */
	c->refs++;
	s->setup = setup;
	stream_init(s);
	list_init(&s->node_link);
	list_add(&c->channels, &s->base.link);
	ssh_chan_accept(chan, &events, s);
	ssh_chan_requests(chan, open->payload);
}

const struct channel_ops session_ops = {
	.open = session_open,
	.proven = session_proven,
	.lost = session_lost,
	.kill = session_kill,
	.may = session_may,
	.describe = session_describe,
};
