/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: see roster.h. Touches memory only.
 */
#include "proxy/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { ENTRIES_MAX = 200000, ENTRY_ARENA_MAX = 256 * 1024, STALE_MS = 60 * 1000 };

enum entry_kind { ENTRY_NODE, ENTRY_ROLE, ENTRY_CUTOFF, ENTRY_NODE_CUTOFF, ENTRY_KINDS };

struct entry {
	struct arena memory; /* of everything below */
	uint64_t mark;       /* the snapshot that named it last */
	struct span packed;
	struct roster_node node;
	struct policy_role *role;
	int64_t cutoff_ms;
};

struct roster {
	const struct roster_events *events;
	void *arg;
	struct map *entries[ENTRY_KINDS];
	struct timer stale;
	uint64_t mark;
	bool synced;
};

static void
entry_free(struct entry *e)
{
	if (!e)
		return;
	policy_role_free(e->role);
	arena_done(&e->memory);
	free(e);
}

static struct entry *
entry_new(struct span packed)
{
	struct entry *e = calloc(1, sizeof(*e));
	uint8_t *copy;

	if (!e)
		return NULL;
	arena_init(&e->memory, ENTRY_ARENA_MAX);
	copy = arena_alloc(&e->memory, packed.n + !packed.n);
	if (!copy) {
		entry_free(e);
		return NULL;
	}
	memcpy(copy, packed.p, packed.n);
	e->packed = (struct span){ copy, packed.n };
	return e;
}

/* Takes the entry in any case. */
static int
entry_put(struct roster *r, enum entry_kind kind, const char *key, struct entry *e)
{
	void *old = NULL;

	if (map_count(r->entries[kind]) >= ENTRIES_MAX ||
	    !map_put(r->entries[kind], key, e, &old)) {
		entry_free(e);
		return -1;
	}
	e->mark = r->mark;
	entry_free(old);
	r->events->changed(r->arg);
	return 0;
}

static void
on_stale(void *arg)
{
	struct roster *r = arg;
	const char *uuid;
	void *value;
	size_t pos = 0;

	while (map_next(r->entries[ENTRY_NODE], &pos, &uuid, &value)) {
		struct entry *e = value;

		if (e->mark == r->mark)
			continue;
		(void)map_del(r->entries[ENTRY_NODE], uuid);
		entry_free(e);
	}
	r->events->changed(r->arg);
}

int
roster_new(struct roster **ret, struct loop *loop, const struct roster_events *events, void *arg)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->events = events;
	r->arg = arg;
	for (int i = 0; i < ENTRY_KINDS; i++)
		r->entries[i] = map_new();
	if (!r->entries[ENTRY_NODE] || !r->entries[ENTRY_ROLE] || !r->entries[ENTRY_CUTOFF] ||
	    !r->entries[ENTRY_NODE_CUTOFF] || timer_init(&r->stale, loop, on_stale, r) < 0) {
		roster_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void
roster_free(struct roster *r)
{
	if (!r)
		return;
	for (int i = 0; i < ENTRY_KINDS; i++) {
		size_t pos = 0;
		void *value;

		if (!r->entries[i])
			continue;
		while (map_next(r->entries[i], &pos, NULL, &value))
			entry_free(value);
		map_free(r->entries[i]);
	}
	timer_done(&r->stale);
	free(r);
}

/* --- snapshots ------------------------------------------------------------------- */

void
roster_begin(struct roster *r)
{
	r->mark++;
	timer_stop(&r->stale);
}

static void
drop_unmarked(struct roster *r, enum entry_kind kind)
{
	const char *key;
	void *value;
	size_t pos = 0;

	while (map_next(r->entries[kind], &pos, &key, &value)) {
		struct entry *e = value;

		if (e->mark == r->mark)
			continue;
		(void)map_del(r->entries[kind], key);
		entry_free(e);
	}
}

void
roster_complete(struct roster *r)
{
	r->synced = true;
	drop_unmarked(r, ENTRY_ROLE);
	drop_unmarked(r, ENTRY_CUTOFF);
	drop_unmarked(r, ENTRY_NODE_CUTOFF);
	timer_start(&r->stale, STALE_MS);
	r->events->changed(r->arg);
}

bool
roster_is_synced(const struct roster *r)
{
	return r->synced;
}

/* --- putting in and taking out --------------------------------------------------- */

static bool
copy_labels(struct arena *a, struct policy_labels *to, struct policy_labels from)
{
	struct policy_label *v = arena_alloc(a, (from.n + 1) * sizeof(*v));

	if (!v)
		return false;
	for (size_t i = 0; i < from.n; i++) {
		v[i].key = arena_strdup(a, from.v[i].key);
		v[i].value = arena_strdup(a, from.v[i].value);
		if (!v[i].key || !v[i].value)
			return false;
	}
	*to = (struct policy_labels){ v, from.n };
	return true;
}

int
roster_put_node(struct roster *r, const struct roster_node *node, struct span packed)
{
	struct entry *e = entry_new(packed);

	if (!e)
		return -1;
	e->node.uuid = arena_strdup(&e->memory, node->uuid);
	e->node.name = arena_strdup(&e->memory, node->name);
	e->node.address = arena_strdup(&e->memory, node->address);
	if (!e->node.uuid || !e->node.name || !e->node.address ||
	    !copy_labels(&e->memory, &e->node.labels, node->labels)) {
		entry_free(e);
		return -1;
	}
	return entry_put(r, ENTRY_NODE, node->uuid, e);
}

void
roster_remove_node(struct roster *r, const char *uuid)
{
	entry_free(map_del(r->entries[ENTRY_NODE], uuid));
	r->events->changed(r->arg);
}

int
roster_put_role(struct roster *r, const struct policy_role *role, struct span packed)
{
	struct entry *e = entry_new(packed);

	if (!e)
		return -1;
	e->role = policy_role_copy(role);
	if (!e->role) {
		entry_free(e);
		return -1;
	}
	return entry_put(r, ENTRY_ROLE, role->name, e);
}

void
roster_remove_role(struct roster *r, const char *name)
{
	entry_free(map_del(r->entries[ENTRY_ROLE], name));
	r->events->changed(r->arg);
}

static int
put_cutoff(struct roster *r, enum entry_kind kind, const char *who, int64_t issued_before_ms,
    struct span packed)
{
	struct entry *e = entry_new(packed);

	if (!e)
		return -1;
	e->cutoff_ms = issued_before_ms;
	return entry_put(r, kind, who, e);
}

int
roster_put_cutoff(struct roster *r, const char *user, int64_t issued_before_ms, struct span packed)
{
	if (put_cutoff(r, ENTRY_CUTOFF, user, issued_before_ms, packed) < 0)
		return -1;
	r->events->user_cut(user, issued_before_ms, r->arg);
	return 0;
}

int
roster_put_node_cutoff(struct roster *r, const char *uuid, int64_t issued_before_ms,
    struct span packed)
{
	if (put_cutoff(r, ENTRY_NODE_CUTOFF, uuid, issued_before_ms, packed) < 0)
		return -1;
	r->events->node_cut(uuid, issued_before_ms, r->arg);
	return 0;
}

/* --- asking ---------------------------------------------------------------------- */

const struct roster_node *
roster_node(const struct roster *r, const char *uuid)
{
	const struct entry *e = map_get(r->entries[ENTRY_NODE], uuid);

	return e ? &e->node : NULL;
}

bool
roster_next_node(const struct roster *r, size_t *pos, const struct roster_node **ret)
{
	void *value;

	if (!map_next(r->entries[ENTRY_NODE], pos, NULL, &value))
		return false;
	*ret = &((const struct entry *)value)->node;
	return true;
}

const struct policy_role *
roster_role(const struct roster *r, const char *name)
{
	const struct entry *e = map_get(r->entries[ENTRY_ROLE], name);

	return e ? e->role : NULL;
}

int64_t
roster_cutoff_ms(const struct roster *r, const char *user)
{
	const struct entry *e = map_get(r->entries[ENTRY_CUTOFF], user);

	return e ? e->cutoff_ms : 0;
}

int64_t
roster_node_cutoff_ms(const struct roster *r, const char *uuid)
{
	const struct entry *e = map_get(r->entries[ENTRY_NODE_CUTOFF], uuid);

	return e ? e->cutoff_ms : 0;
}

void
roster_each_packed(const struct roster *r, void (*fn)(struct span packed, void *arg), void *arg)
{
	for (int i = 0; i < ENTRY_KINDS; i++) {
		size_t pos = 0;
		void *value;

		while (map_next(r->entries[i], &pos, NULL, &value))
			fn(((const struct entry *)value)->packed, arg);
	}
}
