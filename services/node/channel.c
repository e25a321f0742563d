/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: a session channel from its opening to session.end. Called by serve.c, by the SSH engine
 * (requests, data) and by the loop (the process's descriptors, stream.c).
 *
 *	client --data--> in_fd    out/err --record--> spool, then --> client
 *
 * Ends like sshd's: with a terminal, when the process has ended and what it wrote is read; without,
 * when nobody has its output open any more.
 */
#include "node/channel.h"

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
setup_free(struct channel *ch)
{
	if (ch->setup)
		buf_done(&ch->setup->env);
	free(ch->setup);
	ch->setup = NULL;
}

static void
channel_free(struct channel *ch)
{
	struct conn *c = ch->conn;

	monitor_cancel(c->node->monitor, ch);
	stream_close_all(ch);
	timer_done(&ch->linger);
	setup_free(ch);
	if (ch->counted)
		c->node->n_sessions--;
	list_del(&ch->link);
	list_del(&ch->node_link);
	free(ch->command);
	free(ch);
	conn_unref(c);
}

/* Gone when both the client and the process are. */
static void
free_if_over(struct channel *ch)
{
	if (!ch->chan &&
	    (ch->state == CHANNEL_OVER || ch->state == CHANNEL_OPEN ||
		ch->state == CHANNEL_WAITING))
		channel_free(ch);
}

static void
send_exit(struct channel *ch)
{
	const char *name = ch->signaled ? ssh_signal_name((int)ch->code) : NULL;
	struct buf b;

	buf_init(&b, 256);
	if (name) {
		ssh_exit_signal_put(&b, name, ch->core, "");
		ssh_chan_request(ch->chan, "exit-signal", false, buf_span(&b));
	} else {
		ssh_exit_status_put(&b, ch->signaled ? 128 + ch->code : ch->code);
		ssh_chan_request(ch->chan, "exit-status", false, buf_span(&b));
	}
	buf_done(&b);
}

/* Writes session.end, once. */
static void
write_end(struct channel *ch)
{
	struct node *n = ch->conn->node;
	const char *signal = ch->exited && ch->signaled ? ssh_signal_name((int)ch->code) : NULL;

	if (ch->session_written) {
		(void)record_end(&ch->record, ch->exited && !ch->signaled ? ch->code : 255,
		    signal ? signal : "");
		if (audit_session_end(ch) == 0)
			live_remove(n, ch);
		else
			live_defer(n);
	}
	ch->session_written = false;
	ch->state = CHANNEL_OVER;
	timer_stop(&ch->linger);
}

void
channel_advance(struct channel *ch)
{
	if (ch->state == CHANNEL_OVER || !ch->exited || !stream_is_drained(ch))
		return;
	write_end(ch);
	if (ch->chan) {
		send_exit(ch);
		ssh_chan_close(ch->chan);
	}
	stream_close_all(ch);
	free_if_over(ch);
}

/* The client is gone: what still runs is hung up on, and gets a moment to say how it ended. */
static void
hang_up(struct channel *ch)
{
	stream_close_all(ch);
	if (ch->state == CHANNEL_RUNNING && !ch->exited) {
		monitor_signal(ch->conn->node->monitor, ch->session, SIGHUP);
		timer_start(&ch->linger, LINGER_MS);
	} else if (ch->state == CHANNEL_RUNNING) {
		write_end(ch);
	}
	free_if_over(ch);
}

static void refuse(struct channel *ch, const char *why);

static void
on_linger(void *arg)
{
	struct channel *ch = arg;

	if (ch->refusal) {
		refuse(ch, ch->refusal);
		return;
	}
	write_end(ch);
	free_if_over(ch);
}

void
channel_lost(struct channel *ch)
{
	if (ch->chan)
		ssh_chan_set_arg(ch->chan, NULL);
	ch->chan = NULL;
	if (!ch->end_reason)
		ch->end_reason = "the connection ended";
	list_del(&ch->link);
	hang_up(ch);
}

void
channel_kill(struct channel *ch, const char *why)
{
	str_copy(ch->reason_text, sizeof(ch->reason_text), why);
	ch->end_reason = ch->reason_text;
	if (ch->state == CHANNEL_RUNNING || ch->state == CHANNEL_STARTING)
		monitor_kill(ch->conn->node->monitor, ch->session);
	if (ch->session_written && ch->state == CHANNEL_RUNNING)
		(void)record_marker(&ch->record, why);
}

void
channel_free_all(struct node *n)
{
	list_each (struct channel, ch, &n->channels, node_link) {
		write_end(ch);
		if (!ch->chan)
			channel_free(ch);
	}
}

void
channel_exited(struct node *n, const struct mon_exited *exited)
{
	list_each (struct channel, ch, &n->channels, node_link) {
		if (ch->session != exited->session)
			continue;
		ch->exited = true;
		ch->signaled = exited->signaled;
		ch->core = exited->core;
		ch->code = exited->code;
		if (!ch->chan) {
			write_end(ch);
			free_if_over(ch);
			return;
		}
		stream_exited(ch);
		channel_advance(ch);
		return;
	}
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* A session that may not be: the client reads why, and gets a status. */
static void
refuse(struct channel *ch, const char *why)
{
	char text[MON_TEXT_MAX + 32];

	audit_session_rejected(ch, why);
	log_info("session refused", "user", ch->conn->access.user, "login", ch->conn->login,
	    "cause", why, NULL);
	ch->state = CHANNEL_OVER;
	if (ch->chan) {
		struct buf b;
		str_format(text, sizeof(text), "ERROR: %s%s\n", why, ch->has_pty ? "\r" : "");
		(void)ssh_chan_write(ch->chan, ch->has_pty ? 0 : 1, text, strlen(text));
		buf_init(&b, 16);
		ssh_exit_status_put(&b, STATUS_REFUSED);
		ssh_chan_request(ch->chan, "exit-status", false, buf_span(&b));
		buf_done(&b);
		ssh_chan_close(ch->chan);
	}
	free_if_over(ch);
}

/* A session that can go on no longer. */
void
channel_fail(struct channel *ch, const char *why)
{
	char text[512];

	log_error("session ended", "session", ch->uuid, "cause", why, NULL);
	channel_kill(ch, why);
	if (ch->chan) {
		str_format(text, sizeof(text), "%sERROR: %s%s\n", ch->has_pty ? "\r\n" : "", why,
		    ch->has_pty ? "\r" : "");
		(void)ssh_chan_write(ch->chan, ch->has_pty ? 0 : 1, text, strlen(text));
	}
	ch->signaled = true;
	ch->code = SIGKILL;
	ch->exited = true;
	stream_close_all(ch);
}

static int
begin_recording(struct channel *ch)
{
	struct node *n = ch->conn->node;
	enum record_what what = ch->has_pty ? RECORD_TERMINAL : RECORD_COMMAND;

	if (ch->kind == MON_KIND_SUBSYSTEM)
		what = RECORD_NO_BODIES;
	ch->started_us = clock_wall_ms() * 1000;
	record_begin(&ch->record, n, ch->uuid, what);
	if (live_put(n, ch) || audit_session_start(ch))
		return -1;
	ch->session_written = true;
	return ch->has_pty ? record_resize(&ch->record, ch->cols, ch->rows) : 0;
}

static void
apply_size(const struct channel *ch)
{
	const struct winsize size = { (unsigned short)ch->rows, (unsigned short)ch->cols, 0, 0 };

	(void)ioctl(ch->out.fd, TIOCSWINSZ, &size);
}

static void
on_started(bool ok, const char *text, int *fds, size_t n_fds, void *arg)
{
	struct channel *ch = arg;

	setup_free(ch);
	if (!ok) {
		refuse(ch, text);
		return;
	}
	ch->state = CHANNEL_RUNNING;
	int r = stream_open(ch, fds, n_fds);
	if (begin_recording(ch)) {
		channel_fail(ch, "this session cannot be recorded: the node's spool is full");
		channel_advance(ch);
	} else if (r) {
		channel_fail(ch, "out of memory");
		channel_advance(ch);
	} else if (!ch->chan) {
		hang_up(ch);
	} else {
		if (ch->has_pty)
			apply_size(ch); /* it may have changed meanwhile */
		stream_go(ch);
	}
}

static void
fill_env(const struct channel *ch, struct mon_start *start)
{
	struct wire w = wire_from(buf_span(&ch->setup->env));

	for (uint32_t i = 0; i < ch->setup->n_env && i < MON_ENV_MAX; i++) {
		start->env[i].name = wire_string(&w);
		start->env[i].value = wire_string(&w);
		start->n_env = i + 1;
	}
}

static void
ask_to_start(struct channel *ch)
{
	const struct conn *c = ch->conn;
	static struct mon_start start; /* large */

	start = (struct mon_start){ .connection = c->id,
		.session = ch->session,
		.kind = ch->kind,
		.command = span_str(ch->command),
		.pty = ch->has_pty };
	str_copy(start.uuid, sizeof(start.uuid), ch->uuid);
	if (ch->has_pty) {
		const struct ssh_pty *pty = &ch->setup->pty;
		str_copy(start.term, sizeof(start.term), pty->term);
		start.cols = ch->cols;
		start.rows = ch->rows;
		start.width_px = pty->width_px;
		start.height_px = pty->height_px;
		start.modes = (struct span){ pty->modes, pty->n_modes };
	}
	str_copy(start.client_address, sizeof(start.client_address), c->address.client);
	str_copy(start.server_address, sizeof(start.server_address), c->address.server);
	start.client_port = c->address.client_port;
	start.server_port = c->address.server_port;
	fill_env(ch, &start);
	ch->state = CHANNEL_STARTING;
	monitor_start(c->node->monitor, &start, on_started, ch);
}

void
channel_proven(struct channel *ch)
{
	if (ch->state == CHANNEL_WAITING && ch->chan && !ch->refusal && !ch->conn->cut)
		ask_to_start(ch);
}

/* Why this node cannot take a session now, or NULL. */
static const char *
reason_to_refuse(struct channel *ch)
{
	const struct node *n = ch->conn->node;
	struct err e = { "" };

	if (n->stopping)
		return "this node is stopping";
	if (n->n_sessions >= (size_t)n->config->max_sessions)
		return "this node serves as many sessions as it may, try again later";
	if (audit_log_is_full(n->audit))
		return "this node cannot record sessions now: its spool is full because the audit "
		       "service is away";
	if (ch->has_pty && !ch->conn->access.permit_pty)
		return "your roles do not permit a terminal";
	if (conn_may(ch->conn, &e)) {
		str_copy(ch->reason_text, sizeof(ch->reason_text), e.text);
		return ch->reason_text;
	}
	return NULL;
}

static enum ssh_answer
run(struct channel *ch, enum mon_kind kind, struct span command)
{
	struct node *n = ch->conn->node;

	if (ch->state != CHANNEL_OPEN || !ch->setup || ch->conn->proof == PROOF_REFUSED)
		return SSH_FAIL;
	ch->command = command.n ? span_dup(command) : strdup("");
	if (!ch->command || strlen(ch->command) > MON_COMMAND_MAX)
		return SSH_FAIL;
	ch->kind = (uint8_t)kind;
	ch->has_pty = ch->setup->has_pty;
	rand_uuid(ch->uuid);
	ch->session = node_next_id(n);
	ch->refusal = reason_to_refuse(ch);
	if (ch->refusal) {
		ch->state = CHANNEL_WAITING;
		timer_start(&ch->linger, 0); /* after the answer to this request */
		return SSH_OK;
	}
	n->n_sessions++;
	ch->counted = true;
	list_add(&n->channels, &ch->node_link);
	ch->state = CHANNEL_WAITING;
	if (ch->conn->proof == PROOF_GOOD)
		ask_to_start(ch);
	return SSH_OK;
}

/* --- requests
 * ------------------------------------------------------------------------------------- */

static enum ssh_answer
on_pty(struct channel *ch, struct span payload)
{
	if (ch->state != CHANNEL_OPEN || !ch->setup || ch->setup->has_pty ||
	    ssh_pty_parse(&ch->setup->pty, payload))
		return SSH_FAIL;
	ch->setup->has_pty = true;
	ch->cols = ch->setup->pty.cols;
	ch->rows = ch->setup->pty.rows;
	return SSH_OK;
}

static enum ssh_answer
on_env(struct channel *ch, struct span payload)
{
	struct channel_setup *setup = ch->setup;
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
on_shell(struct channel *ch, struct span payload)
{
	return payload.n ? SSH_FAIL : run(ch, MON_KIND_SHELL, payload);
}

static enum ssh_answer
on_exec(struct channel *ch, struct span payload)
{
	struct span command;

	return ssh_text_parse(payload, &command) ? SSH_FAIL : run(ch, MON_KIND_EXEC, command);
}

static enum ssh_answer
on_subsystem(struct channel *ch, struct span payload)
{
	struct span name;

	if (ssh_text_parse(payload, &name) || !span_is(name, "sftp"))
		return SSH_FAIL;
	return run(ch, MON_KIND_SUBSYSTEM, name);
}

static enum ssh_answer
on_window(struct channel *ch, struct span payload)
{
	struct ssh_window w;

	if (ssh_window_parse(&w, payload) || !(ch->has_pty || (ch->setup && ch->setup->has_pty)))
		return SSH_FAIL;
	ch->cols = w.cols;
	ch->rows = w.rows;
	if (ch->state == CHANNEL_RUNNING && ch->out.fd >= 0) {
		apply_size(ch);
		if (record_resize(&ch->record, w.cols, w.rows)) {
			channel_fail(ch,
			    "this session can no longer be recorded: the node's spool is full");
			channel_advance(ch);
		}
	}
	return SSH_OK;
}

static enum ssh_answer
on_signal(struct channel *ch, struct span payload)
{
	struct span name;
	int signo = ssh_text_parse(payload, &name) ? 0 : ssh_signal_number(name);

	if (signo == 0 || ch->state != CHANNEL_RUNNING)
		return SSH_FAIL;
	monitor_signal(ch->conn->node->monitor, ch->session, signo);
	return SSH_OK;
}

/* RFC 4335 */
static enum ssh_answer
on_break(struct channel *ch, struct span payload)
{
	(void)payload;
	if (!ch->has_pty || ch->out.fd < 0)
		return SSH_FAIL;
	return tcsendbreak(ch->out.fd, 0) ? SSH_FAIL : SSH_OK;
}

/* The client reads no more (OpenSSH PROTOCOL 2.1): the process shall notice when it writes. */
static enum ssh_answer
on_eow(struct channel *ch, struct span payload)
{
	(void)payload;
	if (ch->has_pty)
		return SSH_OK;
	stream_stop_output(ch);
	channel_advance(ch);
	return SSH_OK;
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	static const struct {
		const char *name;
		enum ssh_answer (*fn)(struct channel *ch, struct span payload);
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
	struct channel *ch = arg;

	(void)chan;
	if (!ch || ext != 0)
		return n;
	return stream_input(ch, p, n);
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
	struct channel *ch = arg;

	(void)chan;
	if (!ch)
		return;
	ch->chan = NULL;
	if (!ch->end_reason && ch->state == CHANNEL_RUNNING)
		ch->end_reason = "the client closed the session";
	hang_up(ch);
}

static const struct ssh_chan_events events = {
	.data = on_data,
	.writable = on_writable,
	.request = on_request,
	.eof = on_eof,
	.closed = on_closed,
};

void
channel_accept(struct conn *c, struct ssh_chan *chan)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	struct channel_setup *setup = calloc(1, sizeof(*setup));

	if (!ch || !setup || timer_init(&ch->linger, c->node->loop, on_linger, ch)) {
		free(ch);
		free(setup);
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES, "out of memory");
		return;
	}
	buf_init(&setup->env, ENV_MAX_BYTES);
	ch->conn = c;
	c->refs++;
	ch->chan = chan;
	ch->setup = setup;
	ch->out.fd = ch->err.fd = ch->in_fd = -1;
	stream_init(ch);
	list_init(&ch->node_link);
	list_add(&c->channels, &ch->link);
	ssh_chan_accept(chan, &events, ch);
}
