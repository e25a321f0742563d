/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: what people ask of the audit trail, between the wire (rpc_search.c) and the store: limits, what may be asked,
 * and failures as people are told them. Knows no message and no SQL.
 *
 * A question outlives neither its asker (search_cancel) nor the store; its answer comes once.
 */
#ifndef AUDIT_SEARCH_H
#define AUDIT_SEARCH_H

#include "audit/store.h"
#include "base/list.h"
#include "rpc/rpc.h"

enum {
	SEARCH_LIMIT = 50,
	SEARCH_LIMIT_MAX = 10000,
	SEARCH_TYPES_MAX = 64,
	/* Of one answer, and what each row of it takes besides its texts: a proxy takes 4 MiB for whoever asks in a browser, and
	 * the last row may stand over the bound. */
	SEARCH_BYTES_MAX = 3 * 1024 * 1024,
	SEARCH_ROW_BYTES = 256,
};

struct search; /* a question that waits for its answer */

/* code RPC_OK: list holds what was found. Else list is NULL, and why says what happened and what to do. */
struct search_answer {
	enum rpc_code code;
	const char *why;
	const struct store_list *list;
};
/* The search is over when this is called, perhaps from inside the asking function. */
typedef void search_done_fn(const struct search_answer *answer, void *arg);

/* How a store function is asked: store_events, store_recordings. */
typedef void
search_query_fn(struct store *s, const struct store_filter *filter, store_list_fn *done, void *arg);

/* occupied: a list of those who have a question; NULL: any number at once. One stands there until the database has answered,
 * also when its asker has gone by then. It outlives the store. */
struct search_question {
	search_query_fn *query;
	const struct store_filter *filter;
	struct list *occupied;
	const char *who;
};
/* Asks. *ret is the search until its answer comes (NULL afterwards), for search_cancel. A limit of 0 is the usual
 * one, one that is too high the highest. */
void search_start(struct search **ret, struct store *store, const struct search_question *question,
    search_done_fn *done, void *arg);
bool search_occupies(struct list *occupied, const char *who);
/* The asker is gone: done is not called any more. NULL is fine. */
void search_cancel(struct search *search);

/* A query's failure as people are told it. Buffers of text end with the call. */
struct search_answer search_answer_of(const struct store_list *list, char *text, size_t size);

#endif
