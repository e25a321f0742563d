/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: see search.h.
 */
#include "audit/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct search {
	struct search **owner; /* the asker's pointer to this; NULL: cancelled */
	search_done_fn *done;
	void *arg;
	struct list link; /* of those who have one at a time; or in no list */
	char who[256];    /* as in struct rpc_peer */
};

struct search_answer
search_answer_of(const struct store_list *list, char *text, size_t size)
{
	struct search_answer a = { .code = RPC_UNAVAILABLE, .why = text };

	if (list->late) {
		a.code = RPC_DEADLINE_EXCEEDED;
		(void)str_format(text, size,
		    "that would take the database too long: ask for less time, or for one user or server");
		return a;
	}
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
	list_del(&q->link);
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
search_start(struct search **ret, struct store *store, const struct search_question *question,
    search_done_fn *done, void *arg)
{
	struct store_filter f = *question->filter;
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
	list_init(&q->link);
	if (question->occupied) {
		(void)str_copy(q->who, sizeof(q->who), question->who);
		list_add(question->occupied, &q->link);
	}
	q->owner = ret;
	q->done = done;
	q->arg = arg;
	*ret = q;
	f.limit = limit_of(f.limit);
	question->query(store, &f, on_list, q);
}

bool
search_occupies(struct list *occupied, const char *who)
{
	list_each (struct search, q, occupied, link)
		if (strcmp(q->who, who) == 0)
			return true;
	return false;
}

/* The query goes on in the database; its answer finds nobody. */
void
search_cancel(struct search *search)
{
	if (search)
		search->owner = NULL;
}
