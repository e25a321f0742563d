/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_turns: see rpc_turns.h. A proxy that is slow hears of nobody in particular: then everybody's pages ask.
 *
 * Security: a name, and nothing else, of somebody whose connections pass through proxies anyway. Who may see whose sessions is
 * decided when a page asks.
 */
#include "audit/rpc_turns.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "proto/audit.server.h"

enum { QUEUE = 16 };

struct listener {
	struct list link; /* audit.turns */
	struct rpc_call *call;
	bool missed; /* there was no room for some */
};

static void
tell(struct listener *l, const char *user)
{
	Audit__SessionTurn turn = AUDIT__SESSION_TURN__INIT;

	if (rpc_queued(l->call) >= QUEUE) {
		l->missed = true;
		return;
	}
	turn.user = user;
	audit_watch_sessions_push(l->call, &turn);
}

void
rpc_turns(struct rpc_call *call, const Audit__AuditEmpty *request)
{
	struct audit *d = rpc_context(call);
	struct listener *l = calloc(1, sizeof(*l));

	(void)request;
	if (!l) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	l->call = call;
	rpc_set_data(call, l);
	list_add(&d->turns, &l->link);
	/* What happened while nobody listened. */
	tell(l, "");
}

void
rpc_turns_writable(struct rpc_call *call)
{
	struct listener *l = rpc_data(call);

	if (!l || !l->missed)
		return;
	l->missed = false;
	tell(l, "");
}

void
rpc_turns_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct listener *l = rpc_data(call);

	(void)status;
	if (!l)
		return;
	list_del(&l->link);
	free(l);
}

void
rpc_turns_tell(struct audit *d, const char *user)
{
	list_each (struct listener, l, &d->turns, link)
		tell(l, user);
}
