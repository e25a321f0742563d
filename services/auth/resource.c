/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource: the store's values as objects, and the copies of cached kinds.
 */
#include "auth/resource.h"

#include <stdlib.h>
#include <string.h>

#include "auth/access.h"
#include "auth/auth.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "rpc/rpc.h"

const struct resource resource_table[RESOURCE_KINDS] = {
#define RESOURCE(id, noun, ...) [RESOURCE_##id] = { .form = &noun##_form, __VA_ARGS__ },
#include "auth/resource.def"
#undef RESOURCE
};

static const struct resource_hooks no_hooks = { 0 };

static const struct resource_hooks *
hooks_of(const struct resource *r)
{
	return r->hooks ? r->hooks : &no_hooks;
}

/* What is not stored and is made from the rest. Negative: it cannot be used. */
static int
derive(struct auth *a, const struct resource *r, void *object)
{
	return hooks_of(r)->derive ? hooks_of(r)->derive(a, object) : 0;
}

/* Of the store's own words. */
static int
store_failed(struct auth *a, struct err *e)
{
	return err_set(e, "%s", store_error(a->store));
}

/* --- an object's common members --------------------------------------------------------------- */

/* Every object of a kind has its key, revision and expiry where its form says. */
static char *
key_of(const struct resource *r, const void *object)
{
	return (char *)(uintptr_t)object + r->form->key_at;
}

static uint64_t *
revision_of(const struct resource *r, void *object)
{
	return (uint64_t *)(void *)((uint8_t *)object + r->form->revision_at);
}

/* 0: never. */
static int64_t
expiry_of(const struct resource *r, const void *object)
{
	const uint8_t *at = (const uint8_t *)object + r->form->expires_at;

	return r->form->expires_at ? *(const int64_t *)(const void *)at : 0;
}

static bool
store_key(char dst[STORE_KEY_MAX], const struct resource *r, const char *key)
{
	/* Names come from strangers too; what cannot be a key of the store is not there. */
	for (const char *c = key; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *key && str_format(dst, STORE_KEY_MAX, "%s%s", r->prefix, key);
}

const char *
resource_key(enum resource_kind kind, const void *object)
{
	return key_of(&resource_table[kind], object);
}

uint64_t
resource_revision(enum resource_kind kind, const void *object)
{
	return *revision_of(&resource_table[kind], (void *)(uintptr_t)object);
}

void *
resource_new(enum resource_kind kind)
{
	return calloc(1, resource_table[kind].form->size);
}

void
resource_done(enum resource_kind kind, void *object)
{
	stored_done(resource_table[kind].form, object);
}

void
resource_free(enum resource_kind kind, void *object)
{
	if (!object)
		return;
	resource_done(kind, object);
	free(object);
}

/* What the store has into an object that is zeroed. */
static bool
object_from(const struct resource *r, const struct store_item *item, void *object)
{
	int64_t *expires = (int64_t *)(void *)((uint8_t *)object + r->form->expires_at);

	if (!stored_unpack(r->form, item->value, object) ||
	    !str_copy(key_of(r, object), r->form->key_size, item->key + strlen(r->prefix)))
		return false;
	/* Some kinds store it themselves as well; what the store goes by is what counts, also where a restore moved it. */
	if (r->form->expires_at)
		*expires = item->expires_ms;
	*revision_of(r, object) = item->revision;
	return true;
}

static int
not_found(const struct resource *r, const char *key, struct err *e)
{
	/* In these words everywhere: tctl get says them too, of a kind that it lists itself. A token's key is not its
	 * name, and a secret besides. */
	if (r->where && strcmp(r->name, "token") != 0)
		err_set(e, "no such %s: %s; %s shows them all", r->name, key, r->where);
	else if (r->where)
		err_set(e, "no such %s; %s shows them all", r->name, r->where);
	else
		err_set(e, "no such %s", r->name);
	return AUTH_E_NOT_FOUND;
}

/* --- one ------------------------------------------------------------------------------------- */

/* 0, AUTH_E_NOT_FOUND, negative: the store failed or the record is damaged. *ret is zeroed in any
 * case, so that resource_done is always right. */
int
resource_load(struct auth *a, enum resource_kind kind, const char *key, void *ret, struct err *e)
{
	const struct resource *r = &resource_table[kind];
	char full[STORE_KEY_MAX];
	struct store_item item = { .key = full };
	struct buf b;
	/* A key that the store cannot have is not there. */
	int rc = STORE_E_NOT_FOUND;

	memset(ret, 0, r->form->size);
	buf_init(&b, STORE_VALUE_MAX);
	if (store_key(full, r, key))
		rc = store_get(a->store, full, &b, &item.revision, &item.expires_ms);
	item.value = buf_span(&b);
	if (rc < 0)
		store_failed(a, e);
	else if (rc == 0 && !object_from(r, &item, ret))
		rc = err_set(e, "the record of %s %s is damaged", r->name, key);
	/* Some kinds hold secrets (a user's seed, his password's hash). */
	buf_wipe(&b);
	return rc == STORE_E_NOT_FOUND ? not_found(r, key, e) : rc;
}

/* Only what is in memory can be counted at no cost; of the others max bounds the walks. */
static bool
is_full(struct auth *a, enum resource_kind kind, const char *key)
{
	struct map *m = a->resources.cached[kind];

	return m && !map_get(m, key) && map_count(m) >= resource_table[kind].max;
}

/* The revision is that of what was read: of two writers one is told to look again. */
static int
write_object(struct auth *a, const struct resource *r, void *object, struct err *e)
{
	uint64_t *revision = revision_of(r, object);
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc = -1;

	buf_init(&b, STORE_VALUE_MAX);
	if (!store_key(key, r, key_of(r, object)) || !stored_pack(r->form, object, &b))
		err_set(e, "%s %s is too large", r->name, key_of(r, object));
	else if ((rc = store_put(a->store, key, buf_span(&b), expiry_of(r, object), *revision,
		      revision)) < 0)
		store_failed(a, e);
	buf_wipe(&b);
	if (rc != STORE_E_CONFLICT)
		return rc;
	err_set(e, "%s %s was changed by somebody else at the same time; look again", r->name,
	    key_of(r, object));
	return AUTH_E_STATE;
}

/* The copy that was there before, or none. */
static void
put_back(struct auth *a, enum resource_kind kind, const char *key, void *old)
{
	struct map *m = a->resources.cached[kind];

	if (old)
		(void)map_put(m, key, old, NULL); /* in its place: needs no memory */
	else
		map_del(m, key);
}

/* Of a cached kind the table owns the object from here on, when this returns 0; otherwise it
 * stays the caller's. */
int
resource_save(struct auth *a, enum resource_kind kind, void *object, struct err *e)
{
	const struct resource *r = &resource_table[kind];
	const char *key = key_of(r, object);
	void *old = NULL;
	int rc;

	if (is_full(a, kind, key)) {
		err_set(e, "there are %zu %ss already; remove some", r->max, r->name);
		return AUTH_E_STATE;
	}
	/* Before it is written: what cannot be used must not be in the store. */
	if (derive(a, r, object) < 0)
		return err_set(e, "%s %s: out of memory, or too much in a list", r->name, key);
	if (!r->cached || resource_find(a, kind, key) == object)
		return write_object(a, r, object, e);
	/* The copy first: without memory for it the store must not be ahead of what is asked. */
	if (!map_put(a->resources.cached[kind], key, object, &old))
		return err_memory(e);
	rc = write_object(a, r, object, e);
	if (rc != 0)
		put_back(a, kind, key, old);
	else
		resource_free(kind, old);
	return rc;
}

int
resource_remove(struct auth *a, enum resource_kind kind, const char *key, struct err *e)
{
	const struct resource *r = &resource_table[kind];
	char full[STORE_KEY_MAX];
	int rc = store_key(full, r, key) ? store_delete(a->store, full, STORE_ANY)
					 : STORE_E_NOT_FOUND;

	if (rc < 0)
		return store_failed(a, e);
	return rc == STORE_E_NOT_FOUND ? not_found(r, key, e) : 0;
}

/* The copy only; the record in the store is somebody else's to remove. */
void
resource_forget(struct auth *a, enum resource_kind kind, const char *key)
{
	resource_free(kind, map_del(a->resources.cached[kind], key));
}

int
resource_begin(struct auth *a, struct err *e)
{
	return store_begin(a->store) < 0 ? store_failed(a, e) : 0;
}

int
resource_end(struct auth *a, int rc, struct err *e)
{
	if (rc == 0 && store_commit(a->store) < 0)
		rc = store_failed(a, e);
	/* Nothing to take back after a commit. */
	store_rollback(a->store);
	return rc;
}

/* --- files ---------------------------------------------------------------------------------------- */

/* RESOURCE_KINDS: none of this name, or none that people manage as a file. */
enum resource_kind
resource_kind_of(const char *name)
{
	int kind = 0;

	while (kind < RESOURCE_KINDS &&
	    (!resource_table[kind].is_file || strcmp(resource_table[kind].name, name) != 0))
		kind++;
	return kind;
}

static int
may_change(struct auth *a, const struct resource *r, const struct access_person *by,
    const void *next, const void *old, struct err *e)
{
	return hooks_of(r)->may_change ? hooks_of(r)->may_change(a, by, next, old, e) : 0;
}

/* Of a record that is there and cannot be read nobody knows what it denies. */
static bool
is_damaged(struct auth *a, enum resource_kind kind, const char *key)
{
	void *object = resource_new(kind);
	struct err ignored;
	int rc = object ? resource_load(a, kind, key, object, &ignored) : -1;

	resource_free(kind, object);
	return rc < 0;
}

/* A file over something that is there is a change of it, else a new one, whatever was asked for. */
static int
may_put(struct auth *a, const struct resource_file *file, const void *next, const void *old,
    struct err *e)
{
	const struct resource *r = &resource_table[file->kind];
	struct policy_decision decision;
	int rc = 0;

	if (!old && !file->by->local &&
	    !policy_verb(&file->by->view.user, r->name, "create", &decision)) {
		err_set(e, "%s", decision.reason);
		return AUTH_E_DENIED;
	}
	if (!old && is_damaged(a, file->kind, key_of(r, next)))
		rc = may_change(a, r, file->by, NULL, NULL, e);
	return rc == 0 ? may_change(a, r, file->by, next, old, e) : rc;
}

/* From bytes to an object that may be saved. */
static int
take_file(struct auth *a, struct resource_file *file, void *object, struct err *e)
{
	const struct resource *r = &resource_table[file->kind];
	const void *old;
	int rc;

	if (!stored_unpack(r->form, file->value, object)) {
		err_set(e, "this is no %s, or one with a text or a list that is too long", r->name);
		return AUTH_E_INVALID;
	}
	if (file->name[0] && strcmp(file->name, key_of(r, object)) != 0) {
		err_set(e, "name: the name of the %s is another one in the file", r->name);
		return AUTH_E_INVALID;
	}
	old = resource_find(a, file->kind, key_of(r, object));
	file->replaced = old != NULL;
	rc = hooks_of(r)->check ? hooks_of(r)->check(a, object, old, e) : 0;
	/* The store would refuse it too (STORE_ABSENT); this says what to do. */
	if (rc == 0 && old && file->revision == STORE_ABSENT) {
		err_set(e, "%s %s exists already; replace it with `tctl create -f`", r->name,
		    key_of(r, object));
		return AUTH_E_EXISTS;
	}
	if (rc == 0)
		rc = may_put(a, file, object, old, e);
	if (rc == 0 && hooks_of(r)->sign)
		hooks_of(r)->sign(object, file->by);
	return rc;
}

int
resource_put(struct auth *a, struct resource_file *file, struct err *e)
{
	void *object = resource_new(file->kind);
	int rc;

	if (!object)
		return err_memory(e);
	rc = take_file(a, file, object, e);
	if (rc == 0) {
		*revision_of(&resource_table[file->kind], object) = file->revision;
		rc = resource_save(a, file->kind, object, e);
	}
	if (rc != 0)
		resource_free(file->kind, object);
	else
		/* Lent: the table owns it. */
		file->kept = object;
	return rc;
}

/* Also one that could not be read, which is the only way to be rid of it. */
int
resource_drop(struct auth *a, enum resource_kind kind, const char *key,
    const struct access_person *by, struct err *e)
{
	const struct resource *r = &resource_table[kind];
	const void *object = resource_find(a, kind, key);
	int rc = 0;

	if (object || is_damaged(a, kind, key))
		rc = may_change(a, r, by, NULL, object, e);
	if (rc == 0 && object && hooks_of(r)->may_remove)
		rc = hooks_of(r)->may_remove(a, object, e);
	if (rc == 0)
		rc = resource_remove(a, kind, key, e);
	/* Without a copy in memory it was one of those that could not be read. */
	if (rc == 0 && object)
		resource_forget(a, kind, key);
	else if (rc == 0 && a->resources.damaged[kind] > 0)
		a->resources.damaged[kind]--;
	return rc;
}

/* --- what closes doors ---------------------------------------------------------------------------- */

static int
kind_denies(struct auth *a, enum resource_kind kind, const struct policy_identity *who,
    struct err *e)
{
	const struct resource *r = &resource_table[kind];
	size_t pos = 0;
	void *object;

	/* A lock that cannot be read may lock anybody. */
	if (a->resources.damaged[kind] > 0) {
		err_set(e,
		    "a %s cannot be read here, so it holds for everybody; its record must be removed",
		    r->name);
		return AUTH_E_DENIED;
	}
	while (resource_next(a, kind, &pos, &object))
		if (hooks_of(r)->denies(object, who, a->now_ms(), e))
			return AUTH_E_DENIED;
	return 0;
}

/* Every kind that can deny is asked, so that a new one needs no new call. */
int
resource_denies(struct auth *a, const struct policy_identity *who, struct err *e)
{
	int rc = 0;

	for (int kind = 0; kind < RESOURCE_KINDS && rc == 0; kind++)
		if (hooks_of(&resource_table[kind])->denies)
			rc = kind_denies(a, kind, who, e);
	return rc;
}

void
resource_describe(enum resource_kind kind, const void *object, char *dst, size_t size)
{
	const struct resource_hooks *hooks = hooks_of(&resource_table[kind]);

	*dst = '\0';
	if (object && hooks->describe)
		hooks->describe(object, dst, size);
}

/* --- all of a kind, from the store ---------------------------------------------------------------- */

struct walk {
	enum resource_kind kind;
	int (*fn)(const void *object, void *arg);
	void *arg;
	bool stopped; /* by fn or for lack of memory: the store has no words for that */
};

/* Damaged ones are left out of lists; what they deny is counted when the copies are loaded. */
static int
on_item(const struct store_item *item, void *arg)
{
	struct walk *w = arg;
	const struct resource *r = &resource_table[w->kind];
	void *object = resource_new(w->kind);
	int rc = object ? 0 : -1;

	if (object && object_from(r, item, object))
		rc = w->fn(object, w->arg);
	else if (object)
		log_error("damaged record", "key", item->key, NULL);
	resource_free(w->kind, object);
	w->stopped = rc != 0;
	return rc;
}

static int
walk(struct auth *a, const char *after, struct walk *w)
{
	const struct resource *r = &resource_table[w->kind];
	char full[STORE_KEY_MAX];

	/* What the store could not have as a key was never the last of anything. */
	if (*after && !store_key(full, r, after))
		return 0;
	return store_range(a->store, r->prefix, *after ? full : NULL, r->max, on_item, w);
}

/* fn: 0 goes on. The object is lent for the call. */
int
resource_each(struct auth *a, enum resource_kind kind, int (*fn)(const void *object, void *arg),
    void *arg)
{
	return resource_each_after(a, kind, "", fn, arg);
}

int
resource_each_after(struct auth *a, enum resource_kind kind, const char *after,
    int (*fn)(const void *object, void *arg), void *arg)
{
	struct walk w = { .kind = kind, .fn = fn, .arg = arg };

	return walk(a, after, &w);
}

/* The store cannot be changed while it is walked: keys first. */
struct victims {
	const struct resource *row;
	bool (*fn)(const void *object, void *arg);
	void *arg;
	struct list found;
};

struct victim {
	struct list link;
	char key[];
};

/* 0 goes on; negative: no memory. */
static int
on_victim(const void *object, void *arg)
{
	struct victims *v = arg;
	const char *key = key_of(v->row, object);
	struct victim *k;

	if (!v->fn(object, v->arg))
		return 0;
	k = malloc(sizeof(*k) + strlen(key) + 1);
	if (!k)
		return -1;
	memcpy(k->key, key, strlen(key) + 1);
	list_add(&v->found, &k->link);
	return 0;
}

int
resource_remove_if(struct auth *a, enum resource_kind kind,
    bool (*fn)(const void *object, void *arg), void *arg, struct err *e)
{
	struct victims v = { .row = &resource_table[kind], .fn = fn, .arg = arg };
	struct walk w = { .kind = kind, .fn = on_victim, .arg = &v };
	int rc;

	list_init(&v.found);
	rc = walk(a, "", &w);
	if (rc < 0)
		(void)(w.stopped ? err_memory(e) : store_failed(a, e));
	list_each (struct victim, k, &v.found, link) {
		/* Positive: it expired meanwhile. */
		if (rc == 0 && resource_remove(a, kind, k->key, e) < 0)
			rc = -1;
		list_del(&k->link);
		free(k);
	}
	return rc;
}

/* --- what is in memory ---------------------------------------------------------------------------- */

struct loading {
	struct auth *auth;
	enum resource_kind kind;
};

/* Damaged ones do not stop the start: an authd that does not start helps nobody. They are counted;
 * of a kind that denies, one of them denies everybody. */
static int
on_cached(const struct store_item *item, void *arg)
{
	struct loading *l = arg;
	const struct resource *r = &resource_table[l->kind];
	void *object = resource_new(l->kind);

	if (!object)
		return -1;
	if (!object_from(r, item, object) || derive(l->auth, r, object) < 0) {
		log_error("damaged record", "key", item->key, NULL);
		l->auth->resources.damaged[l->kind]++;
		resource_free(l->kind, object);
		return 0;
	}
	if (map_put(l->auth->resources.cached[l->kind], key_of(r, object), object, NULL))
		return 0;
	resource_free(l->kind, object);
	return -1;
}

int
resources_load(struct auth *a, struct err *e)
{
	for (int kind = 0; kind < RESOURCE_KINDS; kind++) {
		const struct resource *r = &resource_table[kind];
		struct loading l = { a, kind };

		if (!r->cached)
			continue;
		a->resources.damaged[kind] = 0;
		a->resources.cached[kind] = map_new();
		if (!a->resources.cached[kind])
			return err_memory(e);
		if (store_range(a->store, r->prefix, NULL, r->max, on_cached, &l) < 0)
			return err_set(e, "cannot read every %s: %s", r->name,
			    store_error(a->store));
	}
	return 0;
}

void
resources_done(struct auth *a)
{
	for (int kind = 0; kind < RESOURCE_KINDS; kind++) {
		size_t pos = 0;
		void *object;

		if (!a->resources.cached[kind])
			continue;
		while (resource_next(a, kind, &pos, &object))
			resource_free(kind, object);
		map_free(a->resources.cached[kind]);
		a->resources.cached[kind] = NULL;
	}
}

/* The store forgets what has expired by itself; the copies do not. */
void
resources_sweep(struct auth *a)
{
	int64_t now = a->now_ms();

	for (int kind = 0; kind < RESOURCE_KINDS; kind++) {
		const struct resource *r = &resource_table[kind];
		size_t pos = 0;
		void *object;

		while (r->cached && resource_next(a, kind, &pos, &object))
			if (expiry_of(r, object) > 0 && expiry_of(r, object) <= now)
				resource_forget(a, kind, key_of(r, object));
	}
}

/* Of cached kinds. Lent: until the next save, removal or sweep. */
void *
resource_find(struct auth *a, enum resource_kind kind, const char *key)
{
	return map_get(a->resources.cached[kind], key);
}

bool
resource_next(struct auth *a, enum resource_kind kind, size_t *pos, void **ret)
{
	return map_next(a->resources.cached[kind], pos, NULL, ret);
}
