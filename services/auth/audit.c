/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: events of authd into the log on disk (api/audit_log.h), from where they go to auditd.
 */
#include "auth/audit.h"

#include <string.h>
#include <unistd.h>

#include "api/audit_log.h"
#include "auth/auth.h"
#include "auth/conf.h"
#include "auth/self.h"
#include "base/log.h"
#include "base/str.h"
#include "rpc/rpc.h"

enum { FLUSH_MS = 3000, FLUSH_AWAY_MS = 200 };

int
audit_open(struct auth *a, struct err *e)
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
audit_close(struct auth *a)
{
	audit_log_close(a->audit);
	a->audit = NULL;
}

int
audit_connect(struct auth *a, struct err *e)
{
	char name[300];

	str_format(name, sizeof(name), "auditd.%s", a->cluster);
	return audit_log_connect(a->audit, a->conf->audit_addr, name, self_identity(a->self), e);
}

void
audit_flush(struct auth *a, void (*done)(void *arg), void *arg)
{
	audit_log_flush(a->audit, audit_log_is_connected(a->audit) ? FLUSH_MS : FLUSH_AWAY_MS, done,
	    arg);
}

bool
audit_is_full(struct auth *a)
{
	return audit_log_is_full(a->audit);
}

static const char *
kind_of(const struct rpc_peer *peer)
{
	switch (peer ? peer->who : RPC_AUTH) {
	case RPC_USER:
		return "user";
	case RPC_NODE:
		return "node";
	case RPC_PROXY:
		return "proxy";
	case RPC_AUTH:
		return "auth";
	case RPC_AUDIT:
		return "audit";
	case RPC_LOCAL:
		return "local";
	default:
		return "anyone";
	}
}

int
audit_write(struct auth *a, const struct rpc_peer *peer, const struct auth_event *event)
{
	struct api_label fields[AUDIT_FIELDS_MAX + 2];
	struct audit_event out = { .type = event->type,
		.code = event->code,
		.ok = !event->failed,
		.user = event->user,
		.login = event->login,
		.node = event->node,
		.node_name = event->node_name,
		.message = event->message,
		.fields = fields };
	char from[ADDR_TEXT_SIZE + 8] = "local";
	struct origin origin;

	if (peer) {
		origin_of(a, peer->address, &origin);
		if (origin.at.ip[0])
			addr_text(&origin.at, from, sizeof(from));
		out.remote_addr = from;
	}
	for (size_t i = 0; i + 1 < 2 * AUDIT_FIELDS_MAX && event->fields[i]; i += 2)
		if (event->fields[i + 1])
			fields[out.n_fields++] = (struct api_label){ event->fields[i],
				event->fields[i + 1] };
	fields[out.n_fields++] = (struct api_label){ "cluster", a->cluster };
	fields[out.n_fields++] = (struct api_label){ "caller", kind_of(peer) };
	if (!out.user && peer && (peer->who == RPC_USER || peer->who == RPC_LOCAL))
		out.user = peer->name;
	if (!out.node && peer && peer->who == RPC_NODE)
		out.node = peer->name;
	log_info(event->type, "code", event->code, "ok", event->failed ? "false" : "true", "user",
	    out.user ? out.user : "", "from", out.remote_addr ? out.remote_addr : "", "message",
	    event->message ? event->message : "", NULL);
	if (audit_event(a->audit, &out) == 0)
		return 0;
	log_error("an audit event could not be written: check the disk of the state folder", "type",
	    event->type, NULL);
	return -1;
}
