/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_event: see session_event.h. Pure but for the sink.
 */
#include "api/session_event.h"

static const char *
kind_name(enum session_kind kind)
{
	switch (kind) {
	case SESSION_EXEC:
		return "exec";
	case SESSION_SUBSYSTEM:
		return "subsystem";
	default:
		return "shell";
	}
}

static struct audit_event
begin(const struct session_info *s, enum event_id id)
{
	return (struct audit_event){ .id = id,
		.user = span_str(s->user),
		.login = span_str(s->login),
		.session = span_str(s->uuid),
		.connection = span_str(s->connection),
		.remote_addr = span_str(s->remote_addr) };
}

static void
put_what(struct audit_event *ev, const struct session_info *s)
{
	event_put_text(ev, EVENT_KEY_KIND, kind_name(s->kind));
	event_put_flag(ev, EVENT_KEY_INTERACTIVE, s->interactive);
	event_put_text(ev, EVENT_KEY_COMMAND, s->command);
}

int
session_event_start(const struct session_info *s, session_event_sink *sink, void *arg)
{
	struct audit_event ev = begin(s, EVENT_SESSION_START);

	put_what(&ev, s);
	if (s->interactive)
		event_put_text(&ev, EVENT_KEY_TERM, s->term);
	event_put_number(&ev, EVENT_KEY_COLS, s->cols);
	event_put_number(&ev, EVENT_KEY_ROWS, s->rows);
	event_put_text(&ev, EVENT_KEY_SERVER_ADDR, s->server_addr);
	event_put_text(&ev, EVENT_KEY_CLIENT, s->client);
	if (s->env.n)
		event_put(&ev, EVENT_KEY_ENV, s->env);
	return sink(&ev, arg);
}

/* Beside the session's own event, since people look for commands by that type. */
static void
write_command(const struct session_info *s, const struct session_outcome *outcome,
    session_event_sink *sink, void *arg)
{
	bool subsystem = s->kind == SESSION_SUBSYSTEM;
	struct audit_event ev = begin(s, subsystem ? EVENT_SUBSYSTEM : EVENT_EXEC);

	ev.failed = outcome->status != 0;
	event_put_text(&ev, subsystem ? EVENT_KEY_NAME : EVENT_KEY_COMMAND, s->command);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, outcome->status);
	(void)sink(&ev, arg);
}

int
session_event_end(const struct session_info *s, const struct session_outcome *outcome,
    session_event_sink *sink, void *arg)
{
	struct audit_event ev = begin(s, EVENT_SESSION_END);

	/* How a command ended is not known of one that died with its server. */
	if (s->kind != SESSION_SHELL && !outcome->unseen)
		write_command(s, outcome, sink, arg);
	ev.message = span_str(outcome->why);
	put_what(&ev, s);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, outcome->status);
	event_put_text(&ev, EVENT_KEY_EXIT_SIGNAL, outcome->signal);
	event_put_number(&ev, EVENT_KEY_STARTED_US, s->started_us);
	if (!outcome->unseen) {
		event_put_number(&ev, EVENT_KEY_RX, (int64_t)outcome->rx);
		event_put_number(&ev, EVENT_KEY_TX, (int64_t)outcome->tx);
	}
	return sink(&ev, arg);
}

int
session_event_reject(const struct session_info *s, struct span command, const char *why,
    session_event_sink *sink, void *arg)
{
	struct audit_event ev = begin(s, EVENT_SESSION_REJECT);

	ev.failed = true;
	ev.message = span_str(why);
	event_put_text(&ev, EVENT_KEY_KIND, kind_name(s->kind));
	event_put(&ev, EVENT_KEY_COMMAND, command);
	event_put_text(&ev, EVENT_KEY_REASON, why);
	return sink(&ev, arg);
}
