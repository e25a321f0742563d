/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_ask: see rpc_ask.h.
 */
#include "audit/rpc_ask.h"

#include <stdlib.h>

#include "audit/record.h"
#include "audit/rpc_play.h"

/* Freed by ask_closed, which comes for every call, also for one that was finished here. */
struct ask *
ask_new(struct rpc_call *call)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	a->call = call;
	rpc_set_data(call, a);
	return a;
}

void
ask_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct ask *a = rpc_data(call);

	(void)status;
	if (!a)
		return;
	review_remove(&a->review);
	search_cancel(a->search);
	rpc_play_stop(a->play);
	free(a);
}

static enum sight
look(struct rpc_call *call, const char *verb, struct err *why)
{
	struct replica *r = ((struct audit *)rpc_context(call))->replica;

	return verb ? sight_recordings(r, rpc_peer(call), verb, why)
		    : sight_events(r, rpc_peer(call), why);
}

void
ask_refuse(struct rpc_call *call, const char *why)
{
	struct audit *d = rpc_context(call);

	d->denials[AUDIT_DENIAL_ROLE]++;
	events_refused(d->events, rpc_peer(call), rpc_method_name(call), why);
	rpc_finish(call, RPC_PERMISSION_DENIED, "%s", why);
}

enum sight
ask_may_see(struct rpc_call *call, const char *verb)
{
	struct audit *d = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	struct err why;
	enum sight sight = look(call, verb, &why);

	if (peer->who == RPC_USER && !replica_is_known(d->replica)) {
		rpc_finish(call, RPC_UNAVAILABLE,
		    "auditd does not know the users and roles yet; try again in a moment");
		return SIGHT_NOTHING;
	}
	/* Before the database is looked at: how it is doing is nobody's business who may see
	 * nothing. */
	if (sight == SIGHT_NOTHING) {
		ask_refuse(call, why.text);
		return SIGHT_NOTHING;
	}
	if (!store_is_ready(d->store)) {
		rpc_finish(call, RPC_UNAVAILABLE,
		    "the audit database cannot be used (%s); try again later",
		    store_trouble(d->store));
		return SIGHT_NOTHING;
	}
	return sight;
}

struct ask *
ask_seeing(struct rpc_call *call, enum sight sight, const char *verb)
{
	struct audit *d = rpc_context(call);
	struct ask *a = ask_new(call);

	if (!a)
		return NULL;
	a->sight = sight;
	a->verb = verb;
	review_add(&d->asks, &a->review);
	return a;
}

void
audit_review_ask(struct review_item *item, void *arg)
{
	struct ask *a = container_of(item, struct ask, review);
	struct err why = {
		"your roles changed and no longer allow this; ask again for what they allow"
	};

	(void)arg;
	/* More than before changes nothing of an answer that is under way; less ends it. */
	if (look(a->call, a->verb, &why) >= a->sight)
		return;
	/* Nothing more of the answer. */
	review_remove(&a->review);
	search_cancel(a->search);
	a->search = NULL;
	rpc_play_stop(a->play);
	a->play = NULL;
	rpc_finish(a->call, RPC_PERMISSION_DENIED, "%s", why.text);
}

const char *
ask_only_user(struct rpc_call *call, enum sight sight)
{
	return sight == SIGHT_ALL ? NULL : rpc_peer(call)->name;
}

/* PostgreSQL would refuse it too, with words that help nobody. */
bool
ask_names_session(struct rpc_call *call, const char *session)
{
	uint8_t uuid[16];

	if (!*session || record_uuid_read(session, uuid))
		return true;
	rpc_finish(call, RPC_INVALID_ARGUMENT, "\"%s\" is not a session id (a UUID)", session);
	return false;
}

/* The call is not closed yet: cancelled askers get no answer. */
void
ask_answer(const struct search_answer *answer, void *arg)
{
	struct ask *a = arg;

	review_remove(&a->review);
	if (answer->code == RPC_OK)
		a->reply(a->call, answer->list);
	else
		rpc_finish(a->call, answer->code, "%s", answer->why);
}
