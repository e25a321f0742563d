/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a session channel from its opening to session.end. Called through channel.c, by the SSH
 * engine (requests, data) and by the loop (the process's descriptors, stream.c).
 *
 *	client --data--> in_fd    out/err --record--> spool, then --> client
 *
 * Ends like sshd's: with a terminal, when the process has ended and what it wrote is read; without,
 * when nobody has its output open any more.
 */
#include "node/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "api/audit_log.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "node/audit.h"
#include "node/live.h"
#include "node/stream.h"

enum { ENV_MAX_BYTES = 8192, LINGER_MS = 5000, STATUS_REFUSED = 254 };

/* --- the end ---------------------------------------------------------------------------- */

static void
setup_free(struct session *s)
{
	if (s->setup)
		buf_done(&s->setup->env);
	free(s->setup);
	s->setup = NULL;
}

static void
session_free(struct session *s)
{
	struct conn *c = s->base.conn;

	monitor_cancel(c->node->monitor, s);
	stream_close_all(s);
	timer_done(&s->linger);
	setup_free(s);
	if (s->counted)
		c->node->n_sessions--;
	list_del(&s->base.link);
	list_del(&s->node_link);
	free(s->command);
	free(s);
	conn_unref(c);
}

/* Gone when both the client and the process are. */
static void
free_if_over(struct session *s)
{
	if (!s->base.chan &&
	    (s->state == SESSION_OVER || s->state == SESSION_OPEN || s->state == SESSION_WAITING))
		session_free(s);
}

static void
send_exit(struct session *s)
{
	const char *name = s->signaled ? ssh_signal_name((int)s->code) : NULL;
	struct buf b;

	buf_init(&b, 256);
	if (name) {
		ssh_exit_signal_put(&b, name, s->core, "");
		ssh_chan_request(s->base.chan, "exit-signal", false, buf_span(&b));
	} else {
		ssh_exit_status_put(&b, s->signaled ? 128 + s->code : s->code);
		ssh_chan_request(s->base.chan, "exit-status", false, buf_span(&b));
	}
	buf_done(&b);
}

/* Writes session.end, once. */
static void
write_end(struct session *s)
{
	struct node *n = s->base.conn->node;
	const char *signal = s->exited && s->signaled ? ssh_signal_name((int)s->code) : NULL;

	if (s->session_written) {
		(void)recorder_end(&s->recorder, s->exited && !s->signaled ? s->code : 255,
		    signal ? signal : "");
		if (audit_session_end(s) == 0)
			live_remove(n, s);
		else
			live_defer(n);
	}
	s->session_written = false;
	s->state = SESSION_OVER;
	timer_stop(&s->linger);
}

void
session_advance(struct session *s)
{
	if (s->state == SESSION_OVER || !s->exited || !stream_is_drained(s))
		return;
	write_end(s);
	if (s->base.chan) {
		send_exit(s);
		ssh_chan_close(s->base.chan);
	}
	stream_close_all(s);
	free_if_over(s);
}

/* The client is gone: what still runs is hung up on, and gets a moment to say how it ended. */
static void
hang_up(struct session *s)
{
	stream_close_all(s);
	if (s->state == SESSION_RUNNING && !s->exited) {
		monitor_signal(s->base.conn->node->monitor, s->session, SIGHUP);
		timer_start(&s->linger, LINGER_MS);
	} else if (s->state == SESSION_RUNNING) {
		write_end(s);
	}
	free_if_over(s);
}

static void refuse(struct session *s, const char *why);

static void
on_linger(void *arg)
{
	struct session *s = arg;

	if (s->refusal) {
		refuse(s, s->refusal);
		return;
	}
	write_end(s);
	free_if_over(s);
}

static struct session *
of(struct channel *ch)
{
	return (struct session *)(void *)ch; /* its first member */
}

static void
session_lost(struct channel *ch)
{
	struct session *s = of(ch);

	if (s->base.chan)
		ssh_chan_set_arg(s->base.chan, NULL);
	s->base.chan = NULL;
	if (!s->end_reason)
		s->end_reason = "the connection ended";
	list_del(&s->base.link);
	hang_up(s);
}

/* Says why on the client's screen, in a line of its own. */
static void
tell(struct session *s, const char *why)
{
	char text[CHANNEL_TEXT_MAX];

	if (!s->base.chan)
		return;
	str_format(text, sizeof(text), "%sERROR: %s%s\n", s->has_pty ? "\r\n" : "", why,
	    s->has_pty ? "\r" : "");
	(void)ssh_chan_write(s->base.chan, s->has_pty ? 0 : 1, text, strlen(text));
}

/* The process dies, and its end comes by the usual way. */
static void
stop_process(struct session *s, const char *why)
{
	str_copy(s->reason_text, sizeof(s->reason_text), why);
	s->end_reason = s->reason_text;
	if (s->state == SESSION_RUNNING || s->state == SESSION_STARTING)
		monitor_kill(s->base.conn->node->monitor, s->session);
	if (s->session_written && s->state == SESSION_RUNNING)
		(void)recorder_marker(&s->recorder, why);
}

static void
session_kill(struct channel *ch, const char *why)
{
	struct session *s = of(ch);

	stop_process(s, why);
	/* Who cuts the whole connection says why in its DISCONNECT. */
	if (s->state == SESSION_RUNNING && !s->base.conn->cut)
		tell(s, why);
}

/* The login was decided for the whole connection; a terminal is the session's own. */
static int
session_may(const struct channel *ch, struct err *e)
{
	const struct session *s = (const struct session *)(const void *)ch;

	if (s->has_pty && !ch->conn->access.permit_pty)
		return err_set(e, "your roles do not permit a terminal");
	return 0;
}

static void
session_describe(const struct channel *ch, char *dst, size_t size)
{
	const struct session *s = (const struct session *)(const void *)ch;

	str_format(dst, size, "session %s as %s", s->uuid, ch->conn->login);
}

void
session_end_all(struct node *n)
{
	list_each (struct session, s, &n->sessions, node_link) {
		write_end(s);
		if (!s->base.chan)
			session_free(s);
	}
}

void
session_exited(struct node *n, const struct mon_exited *exited)
{
	list_each (struct session, s, &n->sessions, node_link) {
		if (s->session != exited->session)
			continue;
		s->exited = true;
		s->signaled = exited->signaled;
		s->core = exited->core;
		s->code = exited->code;
		if (!s->base.chan) {
			write_end(s);
			free_if_over(s);
			return;
		}
		stream_exited(s);
		session_advance(s);
		return;
	}
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* A session that may not be: the client reads why, and gets a status. */
static void
refuse(struct session *s, const char *why)
{
	char text[MON_TEXT_MAX + 32];

	audit_session_rejected(s, why);
	log_info("session refused", "user", s->base.conn->access.user, "login", s->base.conn->login,
	    "cause", why, NULL);
	s->state = SESSION_OVER;
	if (s->base.chan) {
		struct buf b;
		str_format(text, sizeof(text), "ERROR: %s%s\n", why, s->has_pty ? "\r" : "");
		(void)ssh_chan_write(s->base.chan, s->has_pty ? 0 : 1, text, strlen(text));
		buf_init(&b, 16);
		ssh_exit_status_put(&b, STATUS_REFUSED);
		ssh_chan_request(s->base.chan, "exit-status", false, buf_span(&b));
		buf_done(&b);
		ssh_chan_close(s->base.chan);
	}
	free_if_over(s);
}

/* A session that can go on no longer. */
void
session_fail(struct session *s, const char *why)
{
	log_error("session ended", "session", s->uuid, "cause", why, NULL);
	stop_process(s, why);
	tell(s, why);
	s->signaled = true;
	s->code = SIGKILL;
	s->exited = true;
	stream_close_all(s);
}

static int
write_frames(const char *session, struct span frames, void *arg)
{
	struct node *n = arg;

	return audit_frames(n->audit, session, frames);
}

static int
begin_recording(struct session *s)
{
	struct node *n = s->base.conn->node;
	const struct recorder_config config = { .session = s->uuid,
		.what = s->kind == MON_KIND_SUBSYSTEM ? RECORDER_NO_BODIES
		    : s->has_pty                      ? RECORDER_TERMINAL
						      : RECORDER_COMMAND,
		.limit = n->config->record_limit,
		.sink = write_frames,
		.arg = n };

	s->started_us = clock_wall_ms() * 1000;
	recorder_begin(&s->recorder, &config);
	if (live_put(n, s) || audit_session_start(s))
		return -1;
	s->session_written = true;
	return s->has_pty ? recorder_resize(&s->recorder, s->cols, s->rows) : 0;
}

static void
apply_size(const struct session *s)
{
	const struct winsize size = { (unsigned short)s->rows, (unsigned short)s->cols, 0, 0 };

	(void)ioctl(s->out.fd, TIOCSWINSZ, &size);
}

static void
on_started(bool ok, const char *text, int *fds, size_t n_fds, void *arg)
{
	struct session *s = arg;

	setup_free(s);
	if (!ok) {
		refuse(s, text);
		return;
	}
	s->state = SESSION_RUNNING;
	int r = stream_open(s, fds, n_fds);
	if (begin_recording(s)) {
		session_fail(s, "this session cannot be recorded: the node's spool is full");
		session_advance(s);
	} else if (r) {
		session_fail(s, "out of memory");
		session_advance(s);
	} else if (!s->base.chan) {
		hang_up(s);
	} else {
		if (s->has_pty)
			apply_size(s); /* it may have changed meanwhile */
		stream_go(s);
	}
}

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
ask_to_start(struct session *s)
{
	const struct conn *c = s->base.conn;
	static struct mon_start start; /* large */

	start = (struct mon_start){ .connection = c->id,
		.session = s->session,
		.kind = s->kind,
		.command = span_str(s->command),
		.pty = s->has_pty };
	str_copy(start.uuid, sizeof(start.uuid), s->uuid);
	if (s->has_pty) {
		const struct ssh_pty *pty = &s->setup->pty;
		str_copy(start.term, sizeof(start.term), pty->term);
		start.cols = s->cols;
		start.rows = s->rows;
		start.width_px = pty->width_px;
		start.height_px = pty->height_px;
		start.modes = (struct span){ pty->modes, pty->n_modes };
	}
	str_copy(start.client_address, sizeof(start.client_address), c->address.client);
	str_copy(start.server_address, sizeof(start.server_address), c->address.server);
	start.client_port = c->address.client_port;
	start.server_port = c->address.server_port;
	fill_env(s, &start);
	s->state = SESSION_STARTING;
	monitor_start(c->node->monitor, &start, on_started, s);
}

static void
session_proven(struct channel *ch)
{
	struct session *s = of(ch);

	if (s->state == SESSION_WAITING && s->base.chan && !s->refusal && !s->base.conn->cut)
		ask_to_start(s);
}

/* Why this node cannot take a session now, or NULL. */
static const char *
reason_to_refuse(struct session *s)
{
	const struct node *n = s->base.conn->node;
	struct err e = { "" };

	if (n->stopping)
		return "this node is stopping";
	if (n->n_sessions >= (size_t)n->config->max_sessions)
		return "this node serves as many sessions as it may, try again later";
	if (audit_log_is_full(n->audit))
		return "this node cannot record sessions now: its spool is full because the audit "
		       "service is away";
	if (session_may(&s->base, &e) || conn_may(s->base.conn, &e)) {
		str_copy(s->reason_text, sizeof(s->reason_text), e.text);
		return s->reason_text;
	}
	return NULL;
}

static enum ssh_answer
run(struct session *s, enum mon_kind kind, struct span command)
{
	struct node *n = s->base.conn->node;

	if (s->state != SESSION_OPEN || !s->setup || s->base.conn->proof == PROOF_REFUSED)
		return SSH_FAIL;
	s->command = command.n ? span_dup(command) : strdup("");
	if (!s->command || strlen(s->command) > MON_COMMAND_MAX)
		return SSH_FAIL;
	s->kind = (uint8_t)kind;
	s->has_pty = s->setup->has_pty;
	rand_uuid(s->uuid);
	s->session = node_next_id(n);
	s->refusal = reason_to_refuse(s);
	if (s->refusal) {
		s->state = SESSION_WAITING;
		timer_start(&s->linger, 0); /* after the answer to this request */
		return SSH_OK;
	}
	n->n_sessions++;
	s->counted = true;
	list_add(&n->sessions, &s->node_link);
	s->state = SESSION_WAITING;
	if (s->base.conn->proof == PROOF_GOOD)
		ask_to_start(s);
	return SSH_OK;
}

/* --- requests
 * ------------------------------------------------------------------------------------- */

static enum ssh_answer
on_pty(struct session *s, struct span payload)
{
	if (s->state != SESSION_OPEN || !s->setup || s->setup->has_pty ||
	    ssh_pty_parse(&s->setup->pty, payload))
		return SSH_FAIL;
	s->setup->has_pty = true;
	s->cols = s->setup->pty.cols;
	s->rows = s->setup->pty.rows;
	return SSH_OK;
}

static enum ssh_answer
on_env(struct session *s, struct span payload)
{
	struct session_setup *setup = s->setup;
	struct span name, value;

	if (!setup || setup->n_env >= MON_ENV_MAX || ssh_env_parse(payload, &name, &value) ||
	    setup->env.len + name.n + value.n + 8 > ENV_MAX_BYTES)
		return SSH_FAIL;
	if (memchr(name.p, 0, name.n) || memchr(name.p, '=', name.n) ||
	    (value.n && memchr(value.p, 0, value.n)))
		return SSH_FAIL;
	wire_put_string(&setup->env, name);
	wire_put_string(&setup->env, value);
	setup->n_env++;
	return SSH_OK;
}

static enum ssh_answer
on_shell(struct session *s, struct span payload)
{
	return payload.n ? SSH_FAIL : run(s, MON_KIND_SHELL, payload);
}

static enum ssh_answer
on_exec(struct session *s, struct span payload)
{
	struct span command;

	return ssh_text_parse(payload, &command) ? SSH_FAIL : run(s, MON_KIND_EXEC, command);
}

static enum ssh_answer
on_subsystem(struct session *s, struct span payload)
{
	struct span name;

	if (ssh_text_parse(payload, &name) || !span_is(name, "sftp"))
		return SSH_FAIL;
	return run(s, MON_KIND_SUBSYSTEM, name);
}

static enum ssh_answer
on_window(struct session *s, struct span payload)
{
	struct ssh_window w;

	if (ssh_window_parse(&w, payload) || !(s->has_pty || (s->setup && s->setup->has_pty)))
		return SSH_FAIL;
	s->cols = w.cols;
	s->rows = w.rows;
	if (s->state == SESSION_RUNNING && s->out.fd >= 0) {
		apply_size(s);
		if (recorder_resize(&s->recorder, w.cols, w.rows)) {
			session_fail(s,
			    "this session can no longer be recorded: the node's spool is full");
			session_advance(s);
		}
	}
	return SSH_OK;
}

static enum ssh_answer
on_signal(struct session *s, struct span payload)
{
	struct span name;
	int signo = ssh_text_parse(payload, &name) ? 0 : ssh_signal_number(name);

	if (signo == 0 || s->state != SESSION_RUNNING)
		return SSH_FAIL;
	monitor_signal(s->base.conn->node->monitor, s->session, signo);
	return SSH_OK;
}

/* RFC 4335 */
static enum ssh_answer
on_break(struct session *s, struct span payload)
{
	(void)payload;
	if (!s->has_pty || s->out.fd < 0)
		return SSH_FAIL;
	return tcsendbreak(s->out.fd, 0) ? SSH_FAIL : SSH_OK;
}

/* The client reads no more (OpenSSH PROTOCOL 2.1): the process shall notice when it writes. */
static enum ssh_answer
on_eow(struct session *s, struct span payload)
{
	(void)payload;
	if (s->has_pty)
		return SSH_OK;
	stream_stop_output(s);
	session_advance(s);
	return SSH_OK;
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	static const struct {
		const char *name;
		enum ssh_answer (*fn)(struct session *s, struct span payload);
	} rows[] = {
		{ "pty-req", on_pty },
		{ "env", on_env },
		{ "shell", on_shell },
		{ "exec", on_exec },
		{ "subsystem", on_subsystem },
		{ "window-change", on_window },
		{ "signal", on_signal },
		{ "break", on_break },
		{ "eow@openssh.com", on_eow },
	};

	(void)chan;
	if (!arg)
		return SSH_FAIL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_is(name, rows[i].name))
			return rows[i].fn(arg, payload);
	return SSH_FAIL;
}

/* --- the engine's other news
 * --------------------------------------------------------------------- */

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct session *s = arg;

	(void)chan;
	if (!s || ext != 0)
		return n;
	return stream_input(s, p, n);
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	if (arg)
		stream_writable(arg);
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	if (arg)
		stream_input_end(arg);
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
		s->end_reason = "the client closed the session";
	hang_up(s);
}

static const struct ssh_chan_events events = {
	.data = on_data,
	.writable = on_writable,
	.request = on_request,
	.eof = on_eof,
	.closed = on_closed,
};

static void
session_open(struct conn *c, struct ssh_chan *chan, const struct ssh_open *open)
{
	struct session *s = calloc(1, sizeof(*s));
	struct session_setup *setup = calloc(1, sizeof(*setup));

	(void)open;
	if (!s || !setup || timer_init(&s->linger, c->node->loop, on_linger, s)) {
		free(s);
		free(setup);
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES, "out of memory");
		return;
	}
	buf_init(&setup->env, ENV_MAX_BYTES);
	s->base = (struct channel){ .conn = c, .chan = chan, .ops = &session_ops };
	c->refs++;
	s->setup = setup;
	s->out.fd = s->err.fd = s->in_fd = -1;
	stream_init(s);
	list_init(&s->node_link);
	list_add(&c->channels, &s->base.link);
	ssh_chan_accept(chan, &events, s);
}

const struct channel_ops session_ops = {
	.open = session_open,
	.proven = session_proven,
	.lost = session_lost,
	.kill = session_kill,
	.may = session_may,
	.describe = session_describe,
};
