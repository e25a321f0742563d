/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_ask: a call that asks for events or recordings: whether it may, how it waits for the database, and how it ends when the
 * caller goes, or loses what it was allowed with. What is asked for is in rpc_search.c, rpc_count.c and
 * rpc_play.c.
 *
 * Security: what a caller may see is decided by sight.c before the query, and is part of the query (ask_only_user).
 */
#ifndef AUDIT_RPC_ASK_H
#define AUDIT_RPC_ASK_H

#include "audit/audit.h"
#include "audit/search.h"
#include "audit/sight.h"

/* A call that waits for the database; freed when the call is closed. */
struct ask {
	struct review_item review; /* audit.asks */
	struct rpc_call *call;
	enum sight sight; /* that it was allowed with */
	const char *verb; /* on recordings; NULL: events */
	struct search *search;
	struct play *play; /* of rpc_play.c */
	/* Answers the call with what was found. */
	void (*reply)(struct rpc_call *call, const struct store_list *list);
};

/* SIGHT_NOTHING: the call was ended. verb: on recordings; NULL: events. */
enum sight ask_may_see(struct rpc_call *call, const char *verb);
/* "" is none, and fine. False: that is no session's id; the call was ended. */
bool ask_names_session(struct rpc_call *call, const char *session);
/* Ends a call that the roles do not allow, and writes it down. */
void ask_refuse(struct rpc_call *call, const char *why);
/* Whose doings the caller sees; NULL: everybody's. */
const char *ask_only_user(struct rpc_call *call, enum sight sight);

/* For what nobody needs a right. NULL: the call was ended. */
struct ask *ask_new(struct rpc_call *call);
/* The call that ask_may_see allowed; judged again when the cluster changes. NULL: it was ended. */
struct ask *ask_seeing(struct rpc_call *call, enum sight sight, const char *verb);
/* A search_done_fn: by the ask's reply, or the failure. */
void ask_answer(const struct search_answer *answer, void *arg);
/* .closed of the rows of all these calls. */
void ask_closed(struct rpc_call *call, const struct rpc_status *status);

#endif
