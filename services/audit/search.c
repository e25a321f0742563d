/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: see search.h.
 */
#include "audit/search.h"

#include <stdlib.h>

#include "base/str.h"

struct search {
	struct search **owner; /* the asker's pointer to this; NULL: cancelled */
	search_done_fn *done;
	void *arg;
};

struct search_answer
search_answer_of(const struct store_list *list, char *text, size_t size)
{
	struct search_answer a = { .code = RPC_UNAVAILABLE, .why = text };

	switch (list->code) {
	case DB_OK:
		return (struct search_answer){ .code = RPC_OK, .why = "", .list = list };
	case DB_E_REFUSED:
		a.code = RPC_INTERNAL;
		(void)str_format(text, size, "the database refused the query: %s", list->why);
		break;
	case DB_E_FULL:
		a.code = RPC_RESOURCE_EXHAUSTED;
		(void)str_format(text, size, "auditd is out of memory; ask for less");
		break;
	default:
		(void)str_format(text, size,
		    "the audit database cannot be reached (%s); try again later", list->why);
	}
	return a;
}

/* Also when the asker is gone: then only the search ends. */
static void
on_list(const struct store_list *list, void *arg)
{
	struct search *q = arg;
	char text[ERR_MAX + 100];
	struct search_answer answer = search_answer_of(list, text, sizeof(text));

	if (q->owner) {
		/* Before the callback: the search is over, and must not be cancelled from there. */
		*q->owner = NULL;
		q->done(&answer, q->arg);
	}
	free(q);
}

/* From within search_start: its caller's pointer is NULL then. */
static void
refuse(search_done_fn *done, void *arg, enum rpc_code code, const char *why)
{
	const struct search_answer answer = { .code = code, .why = why };

	done(&answer, arg);
}

/* 0: not given. */
static uint32_t
limit_of(uint32_t asked)
{
	if (!asked)
		return SEARCH_LIMIT;
	return asked < SEARCH_LIMIT_MAX ? asked : SEARCH_LIMIT_MAX;
}

void
search_start(struct search **ret, struct store *store, search_query_fn *query,
    const struct store_filter *filter, search_done_fn *done, void *arg)
{
	struct store_filter f = *filter;
	struct search *q;

	*ret = NULL;
	if (f.n_types > SEARCH_TYPES_MAX) {
		refuse(done, arg, RPC_INVALID_ARGUMENT, "at most 64 types at once");
		return;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		refuse(done, arg, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	q->owner = ret;
	q->done = done;
	q->arg = arg;
	*ret = q;
	f.limit = limit_of(f.limit);
	query(store, &f, on_list, q);
}

/* The query goes on in the database; its answer finds nobody. */
void
search_cancel(struct search *search)
{
	if (search)
		search->owner = NULL;
}
