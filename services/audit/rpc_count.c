/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_count: see rpc_count.h.
 */
#include "audit/rpc_count.h"

#include <stdlib.h>

#include "audit/judge.h"
#include "audit/rpc_ask.h"
#include "base/clock.h"

enum { BUCKETS_MAX = 1000 };

#define HOUR_US INT64_C(3600000000)

static void
fill(const struct store_list *list, Audit__EventBucket *rows, Audit__EventCounts *reply)
{
	uint64_t events = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct store_bucket *b = &list->buckets[i];

		audit__event_bucket__init(&rows[i]);
		rows[i].from_us = b->from_us;
		rows[i].events = b->events;
		rows[i].failed = b->failed;
		reply->buckets[i] = &rows[i];
		events += b->events;
	}
	reply->n_buckets = list->n;
	/* As many as are counted at all: others may be before them. */
	if (events >= STORE_COUNT_MAX)
		reply->counted_from_us = list->buckets[0].oldest_us;
}

static void
reply_counts(struct rpc_call *call, const struct store_list *list)
{
	Audit__EventCounts reply = AUDIT__EVENT_COUNTS__INIT;
	Audit__EventBucket *rows = calloc(list->n + 1, sizeof(*rows));

	reply.buckets = calloc(list->n + 1, sizeof(*reply.buckets));
	if (rows && reply.buckets) {
		fill(list, rows, &reply);
		audit_count_events_reply(call, &reply);
	} else {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory; ask for less");
	}
	free(rows);
	free(reply.buckets);
}

/* The time that is asked about, whole; "": it is one. What happened may be that much after auditd's own clock. */
static const char *
read_time(const Audit__CountRequest *q, struct store_filter *ret)
{
	int64_t now_us = (clock_wall_ms() + JUDGE_AHEAD_S * 1000) * 1000;

	ret->from_us = q->from_us;
	ret->to_us = q->to_us && q->to_us < now_us ? q->to_us : now_us;
	ret->bucket_us = q->bucket_us ? q->bucket_us : HOUR_US;
	if (q->from_us <= 0)
		return "counting needs from_us: when the first bucket begins";
	if (ret->bucket_us < 0 ||
	    (ret->to_us > q->from_us && (ret->to_us - q->from_us) / ret->bucket_us >= BUCKETS_MAX))
		return "that is more than 1000 buckets: ask for longer ones, or for less time";
	return "";
}

void
rpc_count_events(struct rpc_call *call, const Audit__CountRequest *q)
{
	struct audit *d = rpc_context(call);
	const char *who = rpc_peer(call)->name, *why;
	enum sight sight = ask_may_see(call, NULL);
	struct store_filter filter = {
		.types = q->types,
		.n_types = q->n_types,
		.user = q->user,
		.node = q->node,
		.session = q->session,
		.only_user = ask_only_user(call, sight),
		.failed_only = q->failed_only,
		.ok_only = q->ok_only,
	};
	struct ask *a;

	if (sight == SIGHT_NOTHING || !ask_names_session(call, q->session))
		return;
	why = read_time(q, &filter);
	if (*why) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "%s", why);
		return;
	}
	if (search_occupies(&d->counts, who)) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "events are being counted for you already: try again in a moment");
		return;
	}
	a = ask_seeing(call, sight, NULL);
	if (!a)
		return;
	a->reply = reply_counts;
	search_start(&a->search, d->store,
	    &(struct search_question){ store_event_buckets, &filter, &d->counts, who }, ask_answer,
	    a);
}
