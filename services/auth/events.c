/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: authd's own events into the log on disk (api/audit_log.h), from where they go to auditd.
 */
#include "auth/events.h"

#include <string.h>
#include <unistd.h>

#include "api/audit_log.h"
#include "auth/auth.h"
#include "auth/conf.h"
#include "auth/self.h"
#include "auth/web_session.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "rpc/rpc.h"

enum { FLUSH_MS = 3000, FLUSH_AWAY_MS = 200 };

int
events_open(struct auth *a, struct err *e)
{
	char dir[4096], host[256] = "";
	struct audit_log_config config = { .loop = a->loop,
		.rl = a->rpc,
		.dir = dir,
		.name = host };

	gethostname(host, sizeof(host) - 1);
	if (!str_format(dir, sizeof(dir), "%s/audit", a->conf->state))
		return err_set(e, "the path of the state folder is too long");
	return audit_log_open(&a->audit, &config, e);
}

void
events_close(struct auth *a)
{
	audit_log_close(a->audit);
	a->audit = NULL;
}

int
events_connect(struct auth *a, struct err *e)
{
	char name[300];

	str_format(name, sizeof(name), "auditd.%s", a->cluster);
	return audit_log_connect(a->audit, a->conf->audit_addr, name, self_identity(a->self), e);
}

void
events_flush(struct auth *a, void (*done)(void *arg), void *arg)
{
	audit_log_flush(a->audit, audit_log_is_connected(a->audit) ? FLUSH_MS : FLUSH_AWAY_MS, done,
	    arg);
}

bool
events_are_full(struct auth *a)
{
	return audit_log_is_full(a->audit);
}

/* Whoever calls, in the fields that all events of authd have. */
static void
add_caller(struct audit_event *ev, const struct auth *a, const struct rpc_peer *peer)
{
	event_put_text(ev, EVENT_KEY_CLUSTER, a->cluster);
	event_put_text(ev, EVENT_KEY_CALLER, rpc_who_name(peer ? peer->who : RPC_AUTH));
	if (!peer)
		return;
	if (peer->who == RPC_USER || peer->who == RPC_LOCAL) {
		if (!ev->user.n)
			ev->user = span_str(peer->name);
		if (peer->web[0]) {
			event_put_text(ev, EVENT_KEY_CALLER_NAME, peer->via);
			event_put(ev, EVENT_KEY_WEB_SESSION, web_session_id(peer->web));
		}
	} else if (peer->who & (RPC_NODE | RPC_PROXY | RPC_AUTH | RPC_AUDIT)) {
		event_put_text(ev, EVENT_KEY_CALLER_NAME, peer->name);
		if (!ev->node.n && peer->who == RPC_NODE)
			ev->node = span_str(peer->name);
	}
}

static void
log_event(const struct audit_event *ev)
{
	const struct event_type *type = event_type(ev->id);
	char user[256], from[ADDR_TEXT_SIZE + 8], message[512], more[LOG_LIMIT_TEXT] = "";

	str_clean(from, sizeof(from), (const char *)ev->remote_addr.p, ev->remote_addr.n);
	/* What is refused a stranger can cause; by the address, whatever the port. */
	if (ev->failed) {
		char host[sizeof(from)];
		char *colon;

		(void)str_copy(host, sizeof(host), from);
		colon = strrchr(host, ':');
		if (colon)
			*colon = '\0';
		if (!log_limit(host, more))
			return;
	}
	str_clean(user, sizeof(user), (const char *)ev->user.p, ev->user.n);
	str_clean(message, sizeof(message), (const char *)ev->message.p, ev->message.n);
	log_info(type->name, "code", ev->failed ? type->bad.code : type->ok.code, "ok",
	    ev->failed ? "false" : "true", "user", user, "from", from, "message", message,
	    *more ? "left_out" : NULL, more, NULL);
}

int
events_write(struct auth *a, const struct rpc_peer *peer, struct audit_event *ev)
{
	char from[ADDR_TEXT_SIZE + 8] = "local";
	struct origin origin;

	if (peer) {
		origin_of(a, peer, &origin);
		if (origin.at.ip[0])
			addr_text(&origin.at, from, sizeof(from));
		ev->remote_addr = span_str(from);
	}
	add_caller(ev, a, peer);
	log_event(ev);
	return event_write(a->audit, ev);
}
