/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchers: the ring of the latest changes.
 */
#include "auth/watchers.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/str.h"
#include "crypto/rand.h"

enum { EPOCH_BYTES = (WATCH_EPOCH_SIZE - 1) / 2 };

static void
add(struct auth *a, unsigned kind, const char *key)
{
	struct watchers *w = &a->watchers;
	struct change_ref *ref = &w->ring[w->next % WATCHERS_RING];

	free(ref->key);
	ref->kind = kind;
	ref->key = strdup(key); /* NULL without memory: whoever comes by is cut and starts again */
	w->next++;
	/* At the end of the turn: many changes wake the watchers once. */
	loop_defer(a->loop, &w->wake);
}

/* A change of a resource is one of whatever is seen of it. */
static void
note(struct auth *a, const struct resource *changed, const char *key)
{
	const struct resource *kind;

	for (unsigned i = 0; (kind = watch_kind(i)); i++) {
		/* part: a view of the kind that changed (own_labels of a host). whole: the kind
		 * that changed is told as another (a lockout as its user). */
		bool part = kind->tells && strcmp(kind->tells, changed->name) == 0 &&
		    watch_kind_is_own(i);
		bool whole = changed->tells && strcmp(changed->tells, kind->name) == 0;

		if (kind->watched_by && (kind == changed || part || whole))
			add(a, i, key);
	}
}

/* For what is no resource; there is one of each, so without a key. */
void
watchers_note(struct auth *a, const char *name)
{
	const struct resource *kind;

	for (unsigned i = 0; (kind = watch_kind(i)); i++)
		if (strcmp(kind->name, name) == 0)
			add(a, i, "");
}

static void
on_store(const struct store_item *item, void *arg)
{
	struct auth *a = arg;

	if (!item) {
		/* Changes were lost: nobody can be told what; everybody starts again. */
		a->watchers.next += WATCHERS_RING + 1;
		loop_defer(a->loop, &a->watchers.wake);
		return;
	}
	for (int i = 0; i < RESOURCE_KINDS; i++)
		if (str_starts(item->key, resource_table[i].prefix))
			note(a, &resource_table[i], item->key + strlen(resource_table[i].prefix));
}

static void
on_wake(void *arg)
{
	watchers_wake(arg);
}

int
watchers_init(struct auth *a)
{
	struct watchers *w = &a->watchers;

	list_init(&w->all);
	deferred_init(&w->wake, on_wake, a);
	/* New with every start: the numbers of an earlier run mean other changes. */
	rand_hex(w->epoch, EPOCH_BYTES);
	w->next = w->woken = 1; /* 0 on the wire: not known */
	w->store_watch = (struct store_watch){ .prefix = "", .fn = on_store, .arg = a };
	store_watch_start(a->store, &w->store_watch);
	return 0;
}

void
watchers_done(struct auth *a)
{
	struct watchers *w = &a->watchers;

	if (!w->wake.fn)
		return;
	store_watch_stop(&w->store_watch);
	deferred_cancel(&w->wake);
	for (size_t i = 0; i < WATCHERS_RING; i++)
		free(w->ring[i].key);
	memset(w, 0, sizeof(*w));
}

bool
watchers_get(const struct watchers *w, uint64_t number, const struct change_ref **ret)
{
	if (number >= w->next || w->next - number > WATCHERS_RING)
		return false;
	*ret = &w->ring[number % WATCHERS_RING];
	/* Without memory for the name the change is as good as fallen out of the ring. */
	return (*ret)->key != NULL;
}

bool
watchers_can_resume(const struct watchers *w, const char *epoch, uint64_t after)
{
	return strcmp(epoch, w->epoch) == 0 && after < w->next &&
	    w->next - (after + 1) <= WATCHERS_RING;
}
