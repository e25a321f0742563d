/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_start: from what a client asked to run to the process that the monitor starts for it:
 * whether this node takes it, the question to the monitor, and what comes back. Called by
 * session_request.c and, when the connection is proven, by session.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "node/events.h"
#include "node/idle.h"
#include "node/live.h"
#include "node/session_priv.h"
#include "node/transfer.h"
#include "node/transfer_command.h"

enum { REFUSED_COMMAND_KEPT = 1024 };

/* --- what the monitor said ------------------------------------------------------------------ */

void
session_apply_size(const struct session *s)
{
	const struct winsize size = { (unsigned short)s->rows, (unsigned short)s->cols, 0, 0 };

	(void)ioctl(s->out.fd, TIOCSWINSZ, &size);
}

/* Owns fds. The process runs already; it may write until its pipes are full. */
static void
on_running(struct session *s, int *fds, size_t n_fds)
{
	int r = stream_open(s, fds, n_fds);

	session_setup_free(s); /* session.start says what was in it */
	/* The size may have changed since. */
	if (r || (s->has_pty && recorder_resize(&s->recorder, s->cols, s->rows))) {
		session_fail(s,
		    r ? "out of memory"
		      : "this session cannot be recorded: the node's spool is full");
		session_advance(s);
	} else if (!s->base.chan) {
		session_hang_up(s); /* the client left while it was started */
	} else {
		if (s->has_pty)
			session_apply_size(s); /* it may have changed meanwhile */
		idle_begin(s);
		stream_go(s);
	}
}

static void
on_answer(bool ok, const char *text, int *fds, size_t n_fds, void *arg)
{
	struct session *s = arg;

	if (!ok) {
		str_copy(s->reason_text, sizeof(s->reason_text), text);
		s->end_reason = s->reason_text;
		session_setup_free(s);
		session_refuse(s, s->reason_text);
	} else if (session_enter(s, SESSION_RUNNING)) {
		on_running(s, fds, n_fds);
	} else {
		/* Over before the monitor answered (the worker ends): the process is the
		 * monitor's to kill. */
		session_setup_free(s);
		for (size_t i = 0; i < n_fds; i++)
			mem_closep(&fds[i]);
	}
}

/* --- the question to the monitor ------------------------------------------------------------- */

static void
fill_env(const struct session *s, struct mon_start *start)
{
	struct wire w = wire_from(buf_span(&s->setup->env));

	for (uint32_t i = 0; i < s->setup->n_env && i < MON_ENV_MAX; i++) {
		start->env[i].name = wire_string(&w);
		start->env[i].value = wire_string(&w);
		start->n_env = i + 1;
	}
}

static void
fill_terminal(const struct session *s, struct mon_start *start)
{
	const struct ssh_pty *pty = &s->setup->pty;

	start->pty = true;
	str_copy(start->term, sizeof(start->term), pty->term);
	start->cols = s->cols;
	start->rows = s->rows;
	start->width_px = pty->width_px;
	start->height_px = pty->height_px;
	start->modes = (struct span){ pty->modes, pty->n_modes };
}

static void
ask_monitor(struct session *s)
{
	const struct conn *c = s->base.conn;
	static struct mon_start start; /* large */

	if (!session_enter(s, SESSION_STARTING))
		return;
	start = (struct mon_start){ .connection = c->id,
		.session = s->session,
		.kind = s->kind,
		.transfer = s->transfer,
		.command = span_str(s->command),
		.client_port = c->address.client_port,
		.server_port = c->address.server_port };
	str_copy(start.uuid, sizeof(start.uuid), s->uuid);
	str_copy(start.client_address, sizeof(start.client_address), c->address.client);
	str_copy(start.server_address, sizeof(start.server_address), c->address.server);
	if (s->has_pty)
		fill_terminal(s, &start);
	fill_env(s, &start);
	monitor_start(c->node->monitor, &start, on_answer, s);
}

/* --- what is written down before anything runs ------------------------------------------------- */

/* By what runs and by the role. */
static enum recorder_what
what_to_record(const struct session *s)
{
	if (s->has_pty)
		return RECORDER_TERMINAL;
	return s->observer ? RECORDER_TRANSFER : RECORDER_COMMAND;
}

/* From here on there will be a session.end, whatever happens: the file in live/ is written before
 * session.start, and goes when that cannot be. Also when the monitor then refuses: the trail has
 * what was tried, and why it was not done. */
static int
begin_recording(struct session *s)
{
	const struct authorized *access = &s->base.conn->access;
	struct node *n = s->base.conn->node;
	const struct recorder_config config = { .session = s->uuid,
		.what = what_to_record(s),
		.limit = access->record_limit,
		.omit_input = access->omit_input,
		.sink = recording_frames,
		.arg = &s->recording };

	s->started_us = clock_wall_ms() * 1000;
	recorder_begin(&s->recorder, &config);
	const struct session_info info = session_info(s);
	if (recording_open(&s->recording, n, s->uuid, s->base.conn->access.user) ||
	    live_put(n, &info) || events_session_start(s, &info)) {
		recording_close(&s->recording);
		live_remove(n, s->uuid);
		return -1;
	}
	s->start_written = true;
	return s->has_pty ? recorder_resize(&s->recorder, s->cols, s->rows) : 0;
}

/* After the answer to the request in which this may be. */
static void
give_up(struct session *s, const char *why)
{
	s->end_reason = why;
	if (session_enter(s, SESSION_REFUSED))
		timer_start(&s->timer, 0);
}

static void
on_noted(bool ok, void *arg)
{
	if (ok)
		ask_monitor(arg);
	else
		give_up(arg, "this session cannot be recorded: the node's disk does not take it");
}

/* Nothing runs that a power cut could take out of the trail. */
void
session_start(struct session *s)
{
	struct audit_log *audit = s->base.conn->node->audit;

	if (!session_enter(s, SESSION_NOTING))
		return;
	if (transfer_open(s))
		give_up(s, "out of memory");
	else if (begin_recording(s) || transfer_note(s))
		give_up(s, "this session cannot be recorded: the node's spool is full");
	else if (audit_log_sync(audit, on_noted, s))
		give_up(s, "out of memory or descriptors");
}

/* --- whether it may be ------------------------------------------------------------------------ */

/* That were asked for and have not ended. */
static size_t
sessions_of(const struct node *n, const char *user)
{
	size_t count = 0;

	list_each (struct session, s, &n->sessions, node_link)
		count += strcmp(s->base.conn->access.user, user) == 0;
	return count;
}

/* Why this node cannot take a session now, and the kind of reason, or NULL. */
static const char *
reason_to_refuse(struct session *s, size_t command_len, enum node_refusal *ret)
{
	const struct node *n = s->base.conn->node;
	struct err e = { "" };

	*ret = NODE_REFUSAL_STOPPING;
	if (n->stopping)
		return "this node is stopping";
	*ret = NODE_REFUSAL_REQUEST;
	if (command_len > MON_COMMAND_MAX) {
		str_format(s->reason_text, sizeof(s->reason_text),
		    "the command is too long: %zu bytes, and the system takes %d; send it as standard input of a shell",
		    command_len, MON_COMMAND_MAX);
		return s->reason_text;
	}
	*ret = NODE_REFUSAL_MANY;
	if (n->n_sessions >= (size_t)n->config->max_sessions)
		return "this node serves as many sessions as it may, try again later";
	/* Others want to come in, too. */
	if (sessions_of(n, s->base.conn->access.user) >= ((size_t)n->config->max_sessions + 1) / 2)
		return "you have as many sessions on this node as one may: end some of them";
	*ret = NODE_REFUSAL_SPOOL;
	if (audit_log_is_full(n->audit))
		return "this node cannot record sessions now: its spool is full because the audit "
		       "service is away";
	*ret = NODE_REFUSAL_REQUEST;
	if (s->kind == MON_KIND_SUBSYSTEM && s->transfer == MON_TRANSFER_NONE)
		return s->has_pty
		    ? "file transfers have no terminal"
		    : "sftp_server in noded.yaml is more than a program and its arguments";
	*ret = NODE_REFUSAL_SPOOL;
	if (share_is_full(s->base.conn->node, s->base.conn->access.user))
		return "your sessions have filled your share of this node's spool, because the audit "
		       "service is away";
	*ret = NODE_REFUSAL_RIGHTS;
	if (session_may(&s->base, &e) || conn_may(s->base.conn, &e)) {
		str_copy(s->reason_text, sizeof(s->reason_text), e.text);
		return s->reason_text;
	}
	return NULL;
}

enum ssh_answer
session_decline(struct session *s, enum mon_kind kind, struct span command, const char *why)
{
	struct session_info info = session_info(s);

	s->base.conn->node->counts.refusals[NODE_REFUSAL_REQUEST]++;
	info.kind = session_kind_of(kind);
	if (!s->declined)
		events_session_reject(s->base.conn, &info, command, why);
	s->declined = true;
	return SSH_FAIL;
}

/* What runs decides whether it is a transfer. With a terminal it is none: that is recorded whole. */
static int
find_transfer(struct session *s)
{
	struct transfer_command c;
	int r = 0;

	s->transfer = MON_TRANSFER_NONE;
	if (!s->has_pty) {
		r = transfer_command_read(&c, s->base.conn->node->config, s->kind,
		    span_str(s->command));
		s->transfer = (uint8_t)c.kind;
		transfer_command_done(&c);
	}
	return r;
}

/* Of one that is too long to run, the beginning, for the record of its refusal. NULL: no memory. */
static char *
keep_command(struct span command)
{
	if (command.n > MON_COMMAND_MAX)
		command.n = REFUSED_COMMAND_KEPT;
	return command.n ? span_dup(command) : strdup("");
}

enum ssh_answer
session_run(struct session *s, enum mon_kind kind, struct span command)
{
	struct node *n = s->base.conn->node;
	enum node_refusal cause;

	/* One program a session (RFC 4254 section 6.5). */
	if (s->state != SESSION_OPEN || s->base.conn->proof == PROOF_REFUSED)
		return SSH_FAIL;
	if (command.n && memchr(command.p, 0, command.n))
		return session_decline(s, kind, command, "a command that holds a NUL byte");
	free(s->command);
	s->command = keep_command(command);
	if (!s->command)
		return SSH_FAIL;
	s->kind = (uint8_t)kind;
	s->has_pty = s->setup->has_pty;
	if (find_transfer(s))
		return SSH_FAIL;
	rand_uuid(s->uuid);
	s->session = node_next_id(n);
	/* A refusal is a session too, that only says why: the client shows no other words. */
	s->end_reason = reason_to_refuse(s, command.n, &cause);
	if (s->end_reason) {
		n->counts.refusals[cause]++;
		(void)session_enter(s, SESSION_REFUSED);
		timer_start(&s->timer, 0); /* after the answer to this request */
		return SSH_OK;
	}
	/* Counted from the request, so that many at once do not pass the limit while the monitor
	 * works. */
	n->n_sessions++;
	s->counted = true;
	list_add(&n->sessions, &s->node_link);
	(void)session_enter(s, SESSION_WAITING);
	/* Otherwise session_proven starts it, when the monitor has looked at the signature. */
	if (s->base.conn->proof == PROOF_GOOD)
		session_start(s);
	return SSH_OK;
}
