/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: fills events and writes them to the spool. Called by serve.c, session.c and live.c.
 */
#include "node/audit.h"

#include <inttypes.h>
#include <signal.h>

#include "base/log.h"
#include "base/str.h"
#include "node/session_priv.h"
#include "node/live.h"
#include "policy/policy.h"

enum { FIELDS_MAX = 12, NUMBER_SIZE = 24 };

/* The fields of one event, with room for its numbers. */
struct fields {
	struct api_label v[FIELDS_MAX];
	char numbers[FIELDS_MAX][NUMBER_SIZE];
	size_t n;
};

static void
add_text(struct fields *f, const char *key, const char *value)
{
	if (f->n < FIELDS_MAX)
		f->v[f->n++] = (struct api_label){ key, value };
}

static void
add_number(struct fields *f, const char *key, uint64_t value)
{
	if (f->n >= FIELDS_MAX)
		return;
	str_format(f->numbers[f->n], NUMBER_SIZE, "%" PRIu64, value);
	add_text(f, key, f->numbers[f->n]);
}

static int
put(struct node *n, struct audit_event *event, const struct fields *f)
{
	const struct join_identity *self = join_identity(n->join);

	event->node = self ? self->uuid : NULL;
	event->node_name = conf_name(n->config);
	event->fields = f ? f->v : NULL;
	event->n_fields = f ? f->n : 0;
	int r = audit_event(n->audit, event);
	if (r)
		log_error("an audit event could not be written", "type", event->type, NULL);
	return r;
}

void
audit_denied(const struct conn *c, const char *user, const char *login, const char *why)
{
	struct fields f = { .n = 0 };
	struct audit_event event = { .type = "auth",
		.code = "T3007W",
		.user = user,
		.login = login,
		.connection = c->uuid,
		.remote_addr = c->address.client,
		.message = why };

	add_text(&f, "method", "publickey");
	add_text(&f, "reason", why);
	(void)put(c->node, &event, &f);
}

void
audit_disconnected(const struct conn *c, const char *why)
{
	struct fields f = { .n = 0 };
	struct audit_event event = { .type = "client.disconnect",
		.code = "T3006I",
		.ok = true,
		.user = c->access.user,
		.login = c->login,
		.connection = c->uuid,
		.remote_addr = c->address.client };

	add_text(&f, "reason", why);
	(void)put(c->node, &event, &f);
}

/* --- sessions ------------------------------------------------------------------------------ */

static const char *
kind_name(unsigned kind)
{
	static const char *const names[] = { "shell", "exec", "subsystem" };

	return kind < 3 ? names[kind] : "shell";
}

static struct audit_event
session_event(const struct session *s, const char *type, const char *code)
{
	const struct conn *c = s->base.conn;

	return (struct audit_event){ .type = type,
		.code = code,
		.ok = true,
		.user = c->access.user,
		.login = c->login,
		.session = s->uuid,
		.connection = c->uuid,
		.remote_addr = c->address.client };
}

int
audit_session_start(const struct session *s)
{
	struct audit_event event = session_event(s, "session.start", "T2000I");
	struct node *n = s->base.conn->node;
	struct api_label labels[NODE_LABELS_MAX * 2];
	struct policy_labels all;
	struct fields f = { .n = 0 };

	(void)authorize_labels(n, &all);
	for (; event.n_labels < all.n && event.n_labels < NODE_LABELS_MAX * 2; event.n_labels++)
		labels[event.n_labels] = (struct api_label){ all.v[event.n_labels].key,
			all.v[event.n_labels].value };
	event.labels = labels;
	add_text(&f, "kind", kind_name(s->kind));
	add_text(&f, "interactive", s->has_pty ? "true" : "false");
	add_text(&f, "command", s->command);
	add_number(&f, "cols", s->cols);
	add_number(&f, "rows", s->rows);
	add_text(&f, "server_addr", s->base.conn->address.server);
	return put(n, &event, &f);
}

/* exec and subsystem have an event of their own, with how they ended. */
static void
write_command(const struct session *s, uint32_t status)
{
	bool ok = status == 0;
	struct audit_event event = session_event(s, "exec", ok ? "T3002I" : "T3002E");
	struct fields f = { .n = 0 };

	if (s->kind == MON_KIND_SUBSYSTEM) {
		event.type = "subsystem";
		event.code = ok ? "T3001I" : "T3001E";
	}
	event.ok = ok;
	add_text(&f, s->kind == MON_KIND_SUBSYSTEM ? "name" : "command", s->command);
	add_number(&f, "exit_status", status);
	(void)put(s->base.conn->node, &event, &f);
}

int
audit_session_end(const struct session *s)
{
	struct audit_event event = session_event(s, "session.end", "T2004I");
	const char *signal = s->signaled ? ssh_signal_name((int)s->code) : NULL;
	uint32_t status = s->exited && !s->signaled ? s->code : 255;
	struct fields f = { .n = 0 };

	if (s->kind != MON_KIND_SHELL)
		write_command(s, status);
	event.message = s->end_reason;
	add_text(&f, "kind", kind_name(s->kind));
	add_text(&f, "interactive", s->has_pty ? "true" : "false");
	add_text(&f, "command", s->command);
	add_number(&f, "exit_status", status);
	if (signal)
		add_text(&f, "exit_signal", signal);
	add_number(&f, "started_us", (uint64_t)s->started_us);
	add_number(&f, "rx", s->rx);
	add_number(&f, "tx", s->tx);
	return put(s->base.conn->node, &event, &f);
}

void
audit_session_rejected(const struct session *s, const char *why)
{
	struct audit_event event = session_event(s, "session.rejected", "T1006W");
	struct fields f = { .n = 0 };

	event.ok = false;
	event.message = why;
	add_text(&f, "reason", why);
	(void)put(s->base.conn->node, &event, &f);
}

int
audit_session_died(struct node *n, const struct live_session *s)
{
	struct audit_event event = { .type = "session.end",
		.code = "T2004I",
		.ok = true,
		.user = s->user,
		.login = s->login,
		.session = s->uuid,
		.connection = s->connection,
		.remote_addr = s->address,
		.message = s->why };
	struct fields f = { .n = 0 };

	add_text(&f, "kind", kind_name(s->kind));
	add_text(&f, "interactive", s->has_pty ? "true" : "false");
	add_text(&f, "command", s->command);
	add_number(&f, "exit_status", 255);
	add_number(&f, "started_us", s->started_us);
	return put(n, &event, &f);
}
