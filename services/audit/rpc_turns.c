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
#include "audit/rpc_ingest.h"
#include "proto/audit.server.h"

enum { QUEUE = 16 };

struct listener {
	struct review_item review; /* audit.turns */
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

/* False: the call was ended. */
static bool
may_hear(struct rpc_call *call)
{
	struct err e = { "" };
	enum rpc_code code = rpc_ingest_admit(rpc_context(call), rpc_peer(call), &e);

	if (code != RPC_OK)
		rpc_finish(call, code, "%s", e.text);
	return code == RPC_OK;
}

void
rpc_turns_review(struct review_item *item, void *arg)
{
	const struct listener *l = container_of(item, struct listener, review);

	(void)arg;
	if (!may_hear(l->call))
		review_remove(item);
}

void
rpc_turns(struct rpc_call *call, const Audit__AuditEmpty *request)
{
	struct audit *d = rpc_context(call);
	struct listener *l;

	(void)request;
	if (!may_hear(call))
		return;
	l = calloc(1, sizeof(*l));
	if (!l) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	l->call = call;
	rpc_set_data(call, l);
	review_add(&d->turns, &l->review);
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
	review_remove(&l->review);
	free(l);
}

void
rpc_turns_tell(struct audit *d, const char *user)
{
	list_each (struct review_item, item, &d->turns.items, link)
		tell(container_of(item, struct listener, review), user);
}
