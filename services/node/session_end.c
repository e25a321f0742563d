/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_end: how a session ends: by its process, by its client, by a reason of ours. Called by
 * the session's other files and by the monitor's news.
 *
 * Ends like sshd's: with a terminal, when the process has ended and what it wrote is read; without,
 * when nobody has its output open any more.
 */
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "node/events.h"
#include "node/live.h"
#include "node/session_priv.h"
#include "node/transfer.h"

/* What hears SIGHUP has LINGER_MS to end, so that the trail can say how. Of a session that we end, what is on its way to the
 * client has TAKE_MS to be taken. 254 is told apart from what the program itself returned, and is not ssh's own 255. */
enum { LINGER_MS = 5000, TAKE_MS = 1000, STATUS_REFUSED = 254 };

/* Gone when both the client and the process are, or the process never was. */
static void
free_if_gone(struct session *s)
{
	if (!s->base.chan &&
	    (s->state == SESSION_OVER || s->state == SESSION_OPEN || s->state == SESSION_WAITING))
		session_free(s);
}

/* --- by itself --------------------------------------------------------------------------- */

/* Nothing of it happens any more: session.end is written, once, if its start was. */
static void
finish(struct session *s)
{
	struct node *n = s->base.conn->node;
	const struct session_info info = session_info(s);
	const struct session_outcome outcome = {
		/* 255, as ssh(1) has it, for how it ended nobody saw. */
		.status = s->exited && !s->signaled ? s->code : 255,
		.signal = s->exited && s->signaled ? ssh_signal_name((int)s->code) : NULL,
		.why = s->end_reason,
		.rx = s->rx,
		.tx = s->tx,
	};

	timer_stop(&s->timer);
	/* Nothing of a session outlives it: what its process left behind ends now. */
	if (s->state == SESSION_RUNNING || s->state == SESSION_DRAINING ||
	    s->state == SESSION_LINGERING)
		monitor_kill(n->monitor, s->session);
	if (!session_enter(s, SESSION_OVER) || !s->start_written)
		return;
	transfer_end(s);
	(void)recorder_end(&s->recorder, outcome.status, outcome.signal ? outcome.signal : "");
	/* The files go only when what they say is in the log: one of the two is there at any moment. */
	if (recording_flush(&s->recording) == 0 &&
	    events_session_end(n, s->base.conn, &info, &outcome) == 0)
		live_remove(n, s->uuid);
	else
		live_defer(n); /* the file stays, and the end is written when there is room */
}

static void
send_status(struct session *s, uint32_t status)
{
	struct buf b;

	buf_init(&b, 16);
	ssh_exit_status_put(&b, status);
	ssh_chan_request(s->base.chan, "exit-status", false, buf_span(&b));
	buf_done(&b);
}

/* RFC 4254 section 6.10. Signals that have no name there are told as shells do: 128 and the
 * number. */
static void
send_exit(struct session *s)
{
	const char *name = s->signaled ? ssh_signal_name((int)s->code) : NULL;
	struct buf b;

	if (!name) {
		send_status(s, s->signaled ? 128 + s->code : s->code);
		return;
	}
	buf_init(&b, 256);
	ssh_exit_signal_put(&b, name, s->core, "");
	ssh_chan_request(s->base.chan, "exit-signal", false, buf_span(&b));
	buf_done(&b);
}

void
session_advance(struct session *s)
{
	if (s->state != SESSION_DRAINING || !stream_is_drained(s))
		return;
	/* Written down before the client hears that it is over. */
	finish(s);
	if (s->base.chan) {
		send_exit(s);
		ssh_chan_close(s->base.chan);
	}
	stream_close_all(s);
	free_if_gone(s);
}

void
session_hang_up(struct session *s)
{
	stream_hang_up(s);
	switch (s->state) {
	case SESSION_RUNNING:
		/* It hears of it as of a terminal that was closed, and may say how it ended. */
		(void)session_enter(s, SESSION_LINGERING);
		monitor_signal(s->base.conn->node->monitor, s->session, SIGHUP);
		timer_start(&s->timer, LINGER_MS);
		break;
	/* Nothing runs yet, and nothing will. */
	case SESSION_NOTING:
		audit_log_sync_cancel(s->base.conn->node->audit, s);
		finish(s);
		break;
	/* The process has ended, and nobody is there for the rest of its output. */
	case SESSION_DRAINING:
		finish(s);
		break;
	case SESSION_REFUSED:
		session_refuse(s, s->end_reason);
		return;
	default:
		break; /* nothing runs; of STARTING the monitor's answer will come */
	}
	free_if_gone(s);
}

/* Either a refusal, which waited for the answer to the request, or a session that we ended and whose
 * client does not read, or a process that did not end after SIGHUP. */
void
session_on_timer(void *arg)
{
	struct session *s = arg;

	switch (s->state) {
	case SESSION_REFUSED:
		session_refuse(s, s->end_reason);
		break;
	case SESSION_DRAINING:
		stream_no_reader(s);
		session_advance(s);
		break;
	default:
		finish(s);
		free_if_gone(s);
	}
}

void
session_exited(struct node *n, const struct mon_exited *exited)
{
	list_each (struct session, s, &n->sessions, node_link) {
		if (s->session != exited->session)
			continue;
		/* Of one that is over already, for a reason of ours, the end is written. */
		if (s->state != SESSION_RUNNING && s->state != SESSION_LINGERING)
			return;
		s->exited = true;
		s->signaled = exited->signaled;
		s->core = exited->core;
		s->code = exited->code;
		if (s->state == SESSION_LINGERING) {
			finish(s);
			free_if_gone(s);
			return;
		}
		(void)session_enter(s, SESSION_DRAINING);
		if (s->end_reason)
			timer_start(&s->timer, TAKE_MS);
		stream_exited(s);
		return;
	}
}

/* The worker ends: what has a start gets its end, from a process that runs or not. The monitor
 * kills what is left. */
void
session_end_all(struct node *n)
{
	list_each (struct session, s, &n->sessions, node_link) {
		if (s->state != SESSION_OVER) {
			stream_hang_up(s);
			finish(s);
		}
		if (!s->base.chan)
			session_free(s);
	}
}

/* --- ends of our making -------------------------------------------------------------------- */

/* Says why on the client's screen, in a line of its own. */
void
session_tell(struct session *s, const char *what, const char *text)
{
	const char *cr = s->has_pty ? "\r" : "";
	bool after_output = session_state_has_output(s->state) && s->has_pty;
	char line[CHANNEL_TEXT_MAX + MON_TEXT_MAX];

	if (!s->base.chan)
		return;
	str_format(line, sizeof(line), "%s%s: %s%s\n", after_output ? "\r\n" : "", what, text, cr);
	/* As much as the window takes. */
	(void)ssh_chan_write(s->base.chan, s->has_pty ? 0 : 1, line, strlen(line));
}

void
session_refuse(struct session *s, const char *why)
{
	const struct conn *c = s->base.conn;
	const struct session_info info = session_info(s);

	events_session_reject(s->base.conn, &info, span_str(s->command), why);
	log_info("session refused", "user", c->access.user, "login", c->login, "cause", why, NULL);
	session_tell(s, "ERROR", why);
	finish(s);
	if (s->base.chan) {
		send_status(s, STATUS_REFUSED);
		ssh_chan_close(s->base.chan);
	}
	free_if_gone(s);
}

/* The process dies, and its end comes by the usual way. */
static void
stop_process(struct session *s, const char *why)
{
	/* A copy: the text is often an error on the stack of whoever decides. */
	str_copy(s->reason_text, sizeof(s->reason_text), why);
	s->end_reason = s->reason_text;
	/* What a process left behind counts, too. */
	if (session_state_has_process(s->state) || s->state == SESSION_DRAINING)
		monitor_kill(s->base.conn->node->monitor, s->session);
	if (s->start_written && session_state_has_output(s->state))
		(void)recorder_marker(&s->recorder, why);
}

void
session_fail(struct session *s, const char *why)
{
	log_error("session ended", "session", s->uuid, "cause", why, NULL);
	stop_process(s, why);
	session_tell(s, "ERROR", why);
	/* Its exit is not waited for: what cannot be recorded ends now. */
	s->exited = s->signaled = true;
	s->code = SIGKILL;
	stream_close_all(s);
	if (s->state == SESSION_RUNNING)
		(void)session_enter(s, SESSION_DRAINING);
}

static void
refuse_soon(struct session *s)
{
	audit_log_sync_cancel(s->base.conn->node->audit, s);
	if (session_enter(s, SESSION_REFUSED))
		timer_start(&s->timer, 0);
}

void
session_stop(struct session *s, const char *why)
{
	bool again = s->end_reason != NULL;

	stop_process(s, why);
	/* Who cuts the whole connection says why in its DISCONNECT. */
	if (s->base.conn->cut)
		return;
	if (s->state == SESSION_RUNNING) {
		session_tell(s, "ERROR", why);
	} else if (s->state == SESSION_DRAINING && !again) {
		session_tell(s, "ERROR", why);
		timer_start(&s->timer, TAKE_MS);
	} else if (s->state == SESSION_WAITING || s->state == SESSION_NOTING) {
		refuse_soon(s);
	}
}
