/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoff_list: see cutoff_list.h.
 *
 * When there are more cut-offs than a list holds, the latest are in it, and the latest of those that
 * are not becomes one for everybody else: a few have to sign in again who would not have to, and
 * nobody who was cut off gets in.
 */
#include "auth/cutoff_list.h"

#include <stdlib.h>
#include <string.h>

#include "api/cutoffs.h"
#include "auth/auth.h"
#include "auth/cutoff.h"
#include "base/log.h"
#include "store/store.h"

enum {
	/* Signed again though nothing changed, because nodes judge a list by its age
	 * (cutoffs_max_age, at least twice this). */
	AGAIN_MS = 5 * 60 * 1000,
	SOON_MS = 20, /* several users are changed in one go */
	RETRY_MS = 5000,
	ENTRY_EXTRA = 12 /* of an entry beside the name */
};

struct cutoff_list {
	struct auth *auth;
	struct timer make;
	struct store_watch watch;
	struct buf latest;
	bool asked;   /* the signer is at it */
	bool changed; /* since it was asked */
};

/* --- what goes into it ---------------------------------------------------------------------- */

struct size {
	int64_t before_ms;
	size_t bytes;
};

struct collect {
	struct size *v;
	size_t n, cap;
	int64_t everybody_ms;
	struct buf *entries;
	uint32_t n_entries;
};

/* Sizes first, without the names: where to cut must be known before anything is written. */
static int
add_size(const void *object, void *arg)
{
	const struct cutoff *c = object;
	struct collect *all = arg;

	if (strcmp(c->name, CUTOFF_EVERYBODY) == 0) {
		all->everybody_ms = c->issued_before_ms;
		return 0;
	}
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		struct size *v = realloc(all->v, cap * sizeof(*v));

		if (!v)
			return -1;
		all->v = v;
		all->cap = cap;
	}
	all->v[all->n++] = (struct size){ c->issued_before_ms, strlen(c->name) + ENTRY_EXTRA };
	return 0;
}

static int
later_first(const void *a, const void *b)
{
	const struct size *x = a, *y = b;

	return (x->before_ms < y->before_ms) - (x->before_ms > y->before_ms);
}

/* The one from which on they do not fit. */
static int64_t
find_rest(struct collect *all)
{
	size_t bytes = 0;

	if (all->n > 0)
		qsort(all->v, all->n, sizeof(all->v[0]), later_first);
	for (size_t i = 0; i < all->n; i++) {
		bytes += all->v[i].bytes;
		if (bytes > CUTOFFS_ENTRIES_MAX)
			return all->v[i].before_ms;
	}
	return 0;
}

static int
add_entry(const void *object, void *arg)
{
	const struct cutoff *c = object;
	struct collect *all = arg;

	/* Covered by the one for everybody, or itself that. */
	if (c->issued_before_ms <= all->everybody_ms)
		return 0;
	cutoffs_put(all->entries, c->name, c->issued_before_ms);
	all->n_entries++;
	return buf_ok(all->entries) ? 0 : -1;
}

static int
collect(struct auth *a, struct collect *all)
{
	int rc = resource_each(a, RESOURCE_CUTOFF, add_size, all);
	int64_t rest_ms;

	rest_ms = find_rest(all);
	if (rest_ms > all->everybody_ms)
		all->everybody_ms = rest_ms;
	free(all->v);
	all->v = NULL;
	return rc ? rc : resource_each(a, RESOURCE_CUTOFF, add_entry, all);
}

/* --- making it --------------------------------------------------------------------------------- */

static void
on_signed(void *arg, struct span result, const char *error)
{
	struct cutoff_list *l = arg;

	l->asked = false;
	buf_reset(&l->latest);
	if (error || !buf_put(&l->latest, result.p, result.n)) {
		log_error("the list of cut-offs was not signed", "cause",
		    error ? error : "out of memory", NULL);
		timer_start(&l->make, RETRY_MS);
		return;
	}
	timer_start(&l->make, l->changed ? SOON_MS : AGAIN_MS);
	/* It is no record of the store, so nobody else tells the watchers. */
	watchers_note(l->auth, "signed_cutoffs");
}

static int
ask(struct cutoff_list *l, struct err *e)
{
	struct buf entries;
	struct collect all = { .entries = &entries };
	int rc;

	buf_init(&entries, CUTOFFS_ENTRIES_MAX);
	if (collect(l->auth, &all)) {
		rc = err_set(e, "the store cannot be read");
	} else {
		const struct signer_cutoffs q = { all.everybody_ms, all.n_entries,
			buf_span(&entries) };
		rc = signer_sign_cutoffs(l->auth->signer, &q, on_signed, l, e);
	}
	buf_done(&entries);
	return rc;
}

static void
on_make(void *arg)
{
	struct cutoff_list *l = arg;
	struct err e = { "" };

	/* on_signed looks at `changed`: one list is made at a time. */
	if (l->asked)
		return;
	l->changed = false;
	if (ask(l, &e) < 0) {
		log_error("the list of cut-offs cannot be made", "cause", e.text, NULL);
		timer_start(&l->make, RETRY_MS);
		return;
	}
	l->asked = true;
}

static void
on_store(const struct store_item *item, void *arg)
{
	struct cutoff_list *l = arg;

	(void)item;
	l->changed = true;
	if (!l->asked)
		timer_start(&l->make, SOON_MS);
}

int
cutoff_list_new(struct cutoff_list **ret, struct auth *a, struct err *e)
{
	struct cutoff_list *l = calloc(1, sizeof(*l));

	if (!l || timer_init(&l->make, a->loop, on_make, l) < 0) {
		free(l);
		return err_memory(e);
	}
	l->auth = a;
	buf_init(&l->latest, CUTOFFS_MAX);
	l->watch = (struct store_watch){ .prefix = resource_table[RESOURCE_CUTOFF].prefix,
		.fn = on_store,
		.arg = l };
	store_watch_start(a->store, &l->watch);
	timer_start(&l->make, 0);
	*ret = l;
	return 0;
}

void
cutoff_list_free(struct cutoff_list *l)
{
	if (!l)
		return;
	store_watch_stop(&l->watch);
	signer_forget(l->auth->signer, l);
	timer_done(&l->make);
	buf_done(&l->latest);
	free(l);
}

struct span
cutoff_list_get(const struct cutoff_list *l)
{
	return buf_span(&l->latest);
}
