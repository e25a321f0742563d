/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_turns: see web_turns.h.
 */
#include "proxy/web_turns.h"

#include <stdlib.h>

#include "crypto/rand.h"
#include "proto/audit.async.h"
#include "proxy/web_changes.h"

/* Half of it at random: many proxies that lost one auditd do not come back together. */
enum { AGAIN_MS = 4000 };

struct web_turns {
	struct rpc_client *audit;
	struct web_changes *changes;
	struct rpc_call *call; /* NULL: none now */
	struct timer again;
};

static void
on_turn(struct rpc_call *call, const Audit__SessionTurn *turn)
{
	struct web_turns *t = rpc_data(call);

	if (t && turn)
		web_changes_note_session(t->changes, *turn->user ? turn->user : NULL);
}

/* Pages ask now and then also by themselves: nobody is told that it broke. */
static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct web_turns *t = rpc_data(call);

	(void)status;
	if (!t)
		return;
	t->call = NULL;
	timer_start(&t->again, AGAIN_MS / 2 + rand_below(AGAIN_MS / 2));
}

static void
open_stream(void *arg)
{
	static const struct audit_watch_sessions_on on = { .message = on_turn,
		.closed = on_closed };
	static const Audit__AuditEmpty nothing = AUDIT__AUDIT_EMPTY__INIT;
	struct web_turns *t = arg;

	t->call = audit_watch_sessions_open(t->audit, &nothing, &on, t);
}

int
web_turns_new(struct web_turns **ret, struct loop *loop, struct rpc_client *audit,
    struct web_changes *changes)
{
	struct web_turns *t = calloc(1, sizeof(*t));

	*ret = NULL;
	if (!t)
		return -1;
	t->audit = audit;
	t->changes = changes;
	if (timer_init(&t->again, loop, open_stream, t) < 0) {
		free(t);
		return -1;
	}
	if (audit)
		timer_start(&t->again, 0);
	*ret = t;
	return 0;
}

void
web_turns_free(struct web_turns *t)
{
	if (!t)
		return;
	if (t->call) {
		rpc_set_data(t->call, NULL);
		rpc_cancel(t->call);
	}
	timer_done(&t->again);
	free(t);
}
