/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts: see facts.h.
 *
 * The committed ones are bounded by two generations: when the young one is full the old one goes, so that at least the
 * newest FACTS_MAX are there, without a list of uses.
 */
#include "audit/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"

enum {
	FACTS_MAX = 50000,              /* of a generation: about 15 MiB */
	FACTS_WANTED_MAX = 1024 * 1024, /* bytes of one array; a group has at most 1 000 records */
	FACT_KEY_SIZE = 80,             /* kind, 64 hexadecimal digits */
	FACT_TEXTS = 3,
};

/* A fact and its texts, in one block. */
struct kept {
	struct fact fact;
	uint64_t age; /* count of facts_distrust when it was put */
	char texts[];
};

struct facts {
	struct facts *parent;
	struct map *young, *old; /* old: of the committed ones only; NULL while there is none */
	struct map *wanted[FACT_KINDS];
	struct buf array[FACT_KINDS];
	bool short_of_memory;
	struct map *distrusted; /* by source: the age that a fact must have at least */
	uint64_t age;
};

static void
map_drop(struct map *m)
{
	size_t pos = 0;
	void *value;

	while (m && map_next(m, &pos, NULL, &value))
		free(value);
	map_free(m);
}

struct facts *
facts_new(struct facts *parent)
{
	struct facts *f = calloc(1, sizeof(*f));
	bool fine;

	if (!f)
		return NULL;
	f->parent = parent;
	f->young = map_new();
	f->distrusted = parent ? NULL : map_new();
	fine = f->young && (parent || f->distrusted);
	for (int i = 0; i < FACT_KINDS; i++) {
		buf_init(&f->array[i], FACTS_WANTED_MAX);
		f->wanted[i] = map_new();
		fine = fine && f->wanted[i];
	}
	if (fine)
		return f;
	facts_free(f);
	return NULL;
}

void
facts_free(struct facts *f)
{
	if (!f)
		return;
	map_drop(f->young);
	map_drop(f->old);
	map_free(f->distrusted);
	for (int i = 0; i < FACT_KINDS; i++) {
		map_free(f->wanted[i]);
		buf_done(&f->array[i]);
	}
	free(f);
}

void
facts_stand_on(struct facts *f, struct facts *parent)
{
	f->parent = parent;
}

static void
key_of(char dst[FACT_KEY_SIZE], enum fact_kind kind, const char *key)
{
	(void)str_format(dst, FACT_KEY_SIZE, "%d%s", (int)kind, key);
}

static bool
is_believed(const struct facts *f, const struct kept *k)
{
	char source[12];
	uint64_t age;

	if (!f->distrusted)
		return true;
	(void)str_format(source, sizeof(source), "%d", (int)k->fact.source);
	age = (uint64_t)(uintptr_t)map_get(f->distrusted, source);
	return k->age >= age;
}

int
facts_distrust(struct facts *f, int32_t source)
{
	char key[12];

	(void)str_format(key, sizeof(key), "%d", (int)source);
	/* A number where the map has pointers; it is never followed. */
	return map_put(f->distrusted, key, (void *)(uintptr_t)++f->age, NULL) ? 0 : -1;
}

/* First what this transaction knows, then what those before it know: of these only what there is, since what there is
 * not, they saw while they held the lock. */
static const struct fact *
look(const struct facts *f, const char *key)
{
	for (const struct facts *at = f; at; at = at->parent) {
		const struct kept *k = map_get(at->young, key);

		if (!k && at->old)
			k = map_get(at->old, key);
		if (k && (at == f || k->fact.source) && is_believed(at, k))
			return &k->fact;
	}
	return NULL;
}

/* NULL: not known, and noted as wanting; the record is judged again when the database has been
 * asked. That there is no such thing is a fact too, with source 0. */
const struct fact *
facts_find(struct facts *f, enum fact_kind kind, const char *key)
{
	char full[FACT_KEY_SIZE];
	const struct fact *found;

	key_of(full, kind, key);
	found = look(f, full);
	if (!found && !map_put(f->wanted[kind], key, f, NULL))
		f->short_of_memory = true;
	return found;
}

static struct kept *
copy(const struct fact *fact)
{
	const char *texts[FACT_TEXTS] = { fact->connection, fact->user, fact->login };
	const char **set[FACT_TEXTS];
	size_t n[FACT_TEXTS], size = sizeof(struct kept);
	struct kept *k;
	char *to;

	for (int i = 0; i < FACT_TEXTS; i++) {
		n[i] = texts[i] ? strlen(texts[i]) + 1 : 1;
		size += n[i];
	}
	k = calloc(1, size);
	if (!k)
		return NULL;
	k->fact = *fact;
	set[0] = &k->fact.connection;
	set[1] = &k->fact.user;
	set[2] = &k->fact.login;
	to = k->texts;
	for (int i = 0; i < FACT_TEXTS; i++) {
		if (texts[i])
			memcpy(to, texts[i], n[i]);
		*set[i] = to;
		to += n[i];
	}
	return k;
}

/* Replaces. The texts are copied. */
int
facts_put(struct facts *f, enum fact_kind kind, const char *key, const struct fact *fact)
{
	struct kept *k = copy(fact);
	char full[FACT_KEY_SIZE];
	void *old = NULL;

	key_of(full, kind, key);
	if (!k || !map_put(f->young, full, k, &old)) {
		free(k);
		return -1;
	}
	free(old);
	return 0;
}

/* What a pass that is judged again had put in: its records are not taken yet, and would
 * contradict themselves. */
void
facts_forget(struct facts *f)
{
	const char *key;
	size_t pos = 0;
	void *value;

	while (map_next(f->young, &pos, &key, &value)) {
		(void)map_del(f->young, key);
		free(value);
	}
}

/* --- asking the database ---------------------------------------------------------------------- */

bool
facts_is_wanting(const struct facts *f)
{
	for (int i = 0; i < FACT_KINDS; i++) {
		if (map_count(f->wanted[i]))
			return true;
	}
	return f->short_of_memory;
}

const char *
facts_wanted(struct facts *f, enum fact_kind kind)
{
	struct buf *array = &f->array[kind];
	const char *key;
	size_t pos = 0;

	/* Keys are UUIDs and hexadecimal digits: nothing to quote. */
	buf_reset(array);
	buf_put(array, "{", 1);
	while (map_next(f->wanted[kind], &pos, &key, NULL))
		buf_printf(array, "%s%s", array->len > 1 ? "," : "", key);
	buf_put(array, "}", 2);
	return buf_ok(array) && !f->short_of_memory ? (const char *)buf_head(array) : NULL;
}

/* After the answer: what is still wanting is not there. Noted, so that the next pass does not ask
 * again. */
int
facts_answered(struct facts *f)
{
	static const struct fact none = { .source = 0 };
	char full[FACT_KEY_SIZE];
	const char *key;

	for (int i = 0; i < FACT_KINDS; i++) {
		size_t pos = 0;

		while (map_next(f->wanted[i], &pos, &key, NULL)) {
			key_of(full, (enum fact_kind)i, key);
			if (!look(f, full) && facts_put(f, (enum fact_kind)i, key, &none) < 0)
				return -1;
			(void)map_del(f->wanted[i], key);
		}
	}
	return 0;
}

/* --- after the commit ---------------------------------------------------------------------- */

/* Room for one more. False: no memory; the database is asked then. */
static bool
make_room(struct facts *f)
{
	struct map *fresh;

	if (map_count(f->young) < FACTS_MAX)
		return true;
	fresh = map_new();
	if (!fresh)
		return false;
	map_drop(f->old);
	f->old = f->young;
	f->young = fresh;
	return true;
}

/* Only after COMMIT. What was rolled back is forgotten with the transaction's facts. */
void
facts_keep(struct facts *f)
{
	const char *key;
	size_t pos = 0;
	void *value;

	while (map_next(f->young, &pos, &key, &value)) {
		struct kept *k = value;
		void *old = NULL;

		k->age = f->parent->age;
		/* That something is not there is true in this transaction only. */
		if (!k->fact.source || !make_room(f->parent) ||
		    !map_put(f->parent->young, key, k, &old))
			free(k);
		free(old);
		(void)map_del(f->young, key);
	}
}
