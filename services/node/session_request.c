/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_request: what a client may ask of a session (RFC 4254 section 6, RFC 4335, OpenSSH's
 * PROTOCOL 2.1), each with the states in which it may. Called by session.c.
 *
 * Security: payloads are a stranger's who has signed in, perhaps not yet proven to the monitor.
 */
#include <string.h>
#include <termios.h>

#include "node/session_priv.h"

static enum ssh_answer
on_pty(struct session *s, struct span payload)
{
	struct session_setup *setup = s->setup;

	if (setup->has_pty || ssh_pty_parse(&setup->pty, payload))
		return SSH_FAIL;
	setup->has_pty = true;
	s->cols = setup->pty.cols;
	s->rows = setup->pty.rows;
	return SSH_OK;
}

/* Which of them the process gets is the monitor's to say. */
static enum ssh_answer
on_env(struct session *s, struct span payload)
{
	struct session_setup *setup = s->setup;
	struct span name, value;

	/* 8: two lengths of the wire's strings. */
	if (setup->n_env >= MON_ENV_MAX || ssh_env_parse(payload, &name, &value) ||
	    setup->env.len + name.n + value.n + 8 > SESSION_ENV_MAX_BYTES)
		return SSH_FAIL;
	/* A NUL or "=" would make it another variable's definition by the time that the shell reads it. */
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
	/* A shell request has nothing in it (RFC 4254 section 6.5). */
	return payload.n ? SSH_FAIL : session_run(s, MON_KIND_SHELL, payload);
}

static enum ssh_answer
on_exec(struct session *s, struct span payload)
{
	struct span command;

	return ssh_text_parse(payload, &command) ? SSH_FAIL
						 : session_run(s, MON_KIND_EXEC, command);
}

static enum ssh_answer
on_subsystem(struct session *s, struct span payload)
{
	struct span name;

	if (ssh_text_parse(payload, &name))
		return SSH_FAIL;
	if (!span_is(name, "sftp"))
		return session_decline(s, MON_KIND_SUBSYSTEM, name,
		    "this node has no such subsystem");
	return session_run(s, MON_KIND_SUBSYSTEM, name);
}

/* May come before the process is there: the size counts when it is. */
static enum ssh_answer
on_window(struct session *s, struct span payload)
{
	struct ssh_window w;

	if (ssh_window_parse(&w, payload) || !(s->has_pty || (s->setup && s->setup->has_pty)))
		return SSH_FAIL;
	s->cols = w.cols;
	s->rows = w.rows;
	if (!session_state_has_output(s->state) || s->out.fd < 0)
		return SSH_OK;
	session_apply_size(s);
	/* While it waits no output comes, and the last size is recorded before what comes then. */
	if (s->waits || !stream_may_record(s))
		return SSH_OK;
	if (recorder_resize(&s->recorder, w.cols, w.rows)) {
		session_fail(s, "this session can no longer be recorded: the node's spool is full");
		session_advance(s);
	}
	return SSH_OK;
}

/* By name (RFC 4254 section 6.9). The keeper sends it with the user's own rights. */
static enum ssh_answer
on_signal(struct session *s, struct span payload)
{
	struct span name;
	int signo = ssh_text_parse(payload, &name) ? 0 : ssh_signal_number(name);

	if (signo == 0)
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

/*
 * The client's standard output has no reader any more (OpenSSH PROTOCOL 2.1): the process shall notice when it writes,
 * by SIGPIPE, or by SIGHUP on a terminal, as when its window is closed. What it says on standard error is still read.
 */
static enum ssh_answer
on_eow(struct session *s, struct span payload)
{
	(void)payload;
	stream_stop_output(s);
	session_advance(s);
	return SSH_OK;
}

enum { IF_OPEN = 1 << SESSION_OPEN, IF_RUNNING = 1 << SESSION_RUNNING, ALWAYS = ~0 };

enum ssh_answer
session_request(struct session *s, struct span name, struct span payload)
{
	static const struct {
		const char *name;
		int when; /* bits 1 << enum session_state */
		enum ssh_answer (*fn)(struct session *s, struct span payload);
	} rows[] = {
		{ "pty-req", IF_OPEN, on_pty },
		{ "env", IF_OPEN, on_env },
		{ "shell", IF_OPEN, on_shell },
		{ "exec", IF_OPEN, on_exec },
		{ "subsystem", IF_OPEN, on_subsystem },
		{ "window-change", ALWAYS, on_window },
		{ "signal", IF_RUNNING, on_signal },
		{ "break", IF_RUNNING, on_break },
		{ "eow@openssh.com", ALWAYS, on_eow },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_is(name, rows[i].name))
			/* Unknown and out of its time are answered alike, as RFC 4254 section 5.4 has it: with
			 * a failure, and no more. */
			return rows[i].when & 1 << s->state ? rows[i].fn(s, payload) : SSH_FAIL;
	return SSH_FAIL;
}
