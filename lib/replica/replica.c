/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica: see replica.h. Keeps what replica_feed.c and replica_file.c bring, tells the owner what changed, and
 * answers. Memory only.
 */
#include <stdlib.h>
#include <string.h>

#include "api/cutoffs.h"
#include "base/log.h"
#include "base/str.h"
#include "replica/replica_priv.h"
#include "rpc/bytes.h"

static void
entry_free(struct replica *r, enum replica_kind kind, struct entry *e)
{
	if (!e)
		return;
	if (e->value)
		replica_kinds[kind].hooks->free(e->value);
	r->bytes -= e->n;
	free(e);
}

/* --- telling ------------------------------------------------------------------------------ */

/* At the end of the turn, once a kind: a snapshot of ten thousand hosts is one change. */
static void
on_tell(void *arg)
{
	struct replica *r = arg;

	for (int kind = 0; kind < REPLICA_KINDS; kind++) {
		struct change c = r->changes[kind];

		if (!c.any)
			continue;
		r->changes[kind] = (struct change){ .any = false };
		r->events.changed((enum replica_kind)kind, c.many ? NULL : c.key, r->arg);
	}
}

/* key NULL: more than one, or nobody knows which. The owner is told at the end of the turn. */
static void
note(struct replica *r, enum replica_kind kind, const char *key)
{
	struct change *c = &r->changes[kind];

	if (!c->any)
		c->many = !key || !str_copy(c->key, sizeof(c->key), key);
	else if (!key || strcmp(c->key, key) != 0)
		c->many = true;
	c->any = true;
	loop_defer(r->loop, &r->tell);
	replica_file_soon(r);
}

/* --- keeping -------------------------------------------------------------------------------- */

/* packed without p: it is known that there is something, and not what. NULL: no memory even for
 * that. */
static struct entry *
entry_new(struct replica *r, enum replica_kind kind, const char *key, struct span packed)
{
	size_t n = packed.p ? packed.n : 0;
	bool fits = n <= REPLICA_VALUE_MAX && r->bytes + n <= REPLICA_BYTES_MAX;
	struct entry *e = calloc(1, sizeof(*e) + (fits ? n : 0));

	if (!e)
		return NULL;
	e->mark = r->mark;
	if (packed.p && fits)
		e->value = replica_kinds[kind].hooks->decode(key, packed);
	if (!e->value) {
		log_error("a part of the cluster cannot be decoded or kept, and counts against "
			  "whom it concerns",
		    "kind", replica_kinds[kind].name, "key", key, NULL);
		/* The next stream asks for everything again, which may by then fit, or decode with a newer
		 * program. */
		r->deficient = true;
		return e;
	}
	if (n > 0)
		memcpy(e->packed, packed.p, n);
	e->n = n;
	r->bytes += n;
	return e;
}

/* Not even the name could be kept: whatever it was, it counts for everything of its kind. */
static void
go_blind(struct replica *r, enum replica_kind kind, const char *key)
{
	log_error("out of memory for a part of the cluster: nothing of its kind is believed now",
	    "kind", replica_kinds[kind].name, "key", key, NULL);
	r->blind[kind] = r->next_blind[kind] = true;
	note(r, kind, NULL);
	replica_feed_again(r);
}

void
replica_put(struct replica *r, enum replica_kind kind, const char *key, struct span packed)
{
	struct map *m = r->entries[kind];
	struct entry *e = map_get(m, key);
	void *old = NULL;

	/* The same again, as in most of a snapshot: nobody needs to be told, and nothing needs to be judged
	 * anew. */
	if (e && e->value && packed.p && e->n == packed.n &&
	    memcmp(e->packed, packed.p, packed.n) == 0) {
		e->mark = r->mark;
		return;
	}
	/* Beyond a ceiling one kind goes blind, and the daemon goes on. */
	if ((!e && map_count(m) >= REPLICA_ENTRIES_MAX) || strlen(key) >= REPLICA_KEY_SIZE) {
		go_blind(r, kind, key);
		return;
	}
	e = entry_new(r, kind, key, packed);
	if (!e || !map_put(m, key, e, &old)) {
		entry_free(r, kind, e);
		/* The old value must not stay in force. */
		entry_free(r, kind, map_del(m, key));
		go_blind(r, kind, key);
		return;
	}
	entry_free(r, kind, old);
	note(r, kind, key);
}

void
replica_remove(struct replica *r, enum replica_kind kind, const char *key)
{
	struct entry *e = map_del(r->entries[kind], key);

	if (!e)
		return;
	entry_free(r, kind, e);
	note(r, kind, key);
}

void
replica_clear(struct replica *r)
{
	for (int kind = 0; kind < REPLICA_KINDS; kind++) {
		const char *key;
		void *value;

		if (!r->entries[kind])
			continue;
		for (size_t pos = 0; map_next(r->entries[kind], &pos, &key, &value);) {
			map_del(r->entries[kind], key);
			entry_free(r, (enum replica_kind)kind, value);
		}
	}
}

/* --- snapshots ------------------------------------------------------------------------------ */

/* Everything of the kind that the last snapshot did not name is gone at authd, too. */
static void
drop_unnamed(struct replica *r, enum replica_kind kind)
{
	const char *key;
	void *value;
	bool any = false;

	for (size_t pos = 0; map_next(r->entries[kind], &pos, &key, &value);) {
		struct entry *e = value;

		if (e->mark == r->mark)
			continue;
		map_del(r->entries[kind], key);
		entry_free(r, kind, e);
		any = true;
	}
	if (any)
		note(r, kind, NULL);
}

void
replica_begin(struct replica *r)
{
	r->mark++;
	/* What was lost stays lost until the snapshot has named everything. */
	memset(r->next_blind, 0, sizeof(r->next_blind));
}

void
replica_complete(struct replica *r)
{
	/* Hosts too: authd has them all in its store before it answers, and one that was restored does not have those that came
	 * after its backup. */
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		drop_unnamed(r, (enum replica_kind)kind);
	memcpy(r->blind, r->next_blind, sizeof(r->blind));
	/* Nothing may have changed, and still everybody is judged anew: until now the answer was
	 * "not known". */
	if (!r->known) {
		r->known = true;
		note(r, REPLICA_ROLE, NULL);
	}
	replica_file_soon(r);
}

bool
replica_is_known(const struct replica *r)
{
	return r->known;
}

/* --- asking ----------------------------------------------------------------------------------- */

enum replica_kind
replica_kind_of(const struct replica *r, const char *name)
{
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		if (replica_wants(r, (enum replica_kind)kind) &&
		    strcmp(replica_kinds[kind].name, name) == 0)
			return (enum replica_kind)kind;
	return REPLICA_KINDS;
}

/* The entry; NULL: none. *lost: there is one without value, or the whole kind is. */
static const struct entry *
replica_find(const struct replica *r, enum replica_kind kind, const char *key, bool *lost)
{
	const struct entry *e = map_get(r->entries[kind], key);

	*lost = r->blind[kind] || (e && !e->value);
	return *lost ? NULL : e;
}

enum subject_role
replica_role(void *replica, const char *name, const struct policy_role **ret)
{
	bool lost;
	const struct entry *e = replica_find(replica, REPLICA_ROLE, name, &lost);

	if (lost)
		return SUBJECT_ROLE_LOST;
	if (!e)
		return SUBJECT_ROLE_NONE;
	*ret = e->value;
	return SUBJECT_ROLE_FOUND;
}

const struct replica_host *
replica_host(const struct replica *r, const char *uuid)
{
	bool lost;
	const struct entry *e = replica_find(r, REPLICA_HOST, uuid, &lost);

	return e ? &((const struct host_value *)e->value)->host : NULL;
}

bool
replica_next_host(const struct replica *r, size_t *pos, const struct replica_host **ret)
{
	void *value;

	/* A host that could not be decoded is not shown: it cannot be judged who may see it. */
	while (!r->blind[REPLICA_HOST] && map_next(r->entries[REPLICA_HOST], pos, NULL, &value)) {
		const struct entry *e = value;

		if (!e->value)
			continue;
		*ret = &((const struct host_value *)e->value)->host;
		return true;
	}
	return false;
}

const struct subject *
replica_user(const struct replica *r, const char *name)
{
	bool lost;
	const struct entry *e = replica_find(r, REPLICA_USER, name, &lost);

	return e ? &((const struct user_value *)e->value)->subject : NULL;
}

/* Milliseconds since 1970: certificates from before are worth nothing. 0: none; INT64_MAX: one that
 * is lost. */
static int64_t
cutoff(const struct replica *r, enum replica_kind kind, const char *key)
{
	bool lost;
	const struct entry *e = replica_find(r, kind, key, &lost);

	if (lost)
		/* Nobody knows from when on, so from always. */
		return INT64_MAX;
	return e ? *(const int64_t *)e->value : 0;
}

int64_t
replica_user_cutoff(const struct replica *r, const char *user)
{
	int64_t own = cutoff(r, REPLICA_CUTOFF, user);
	int64_t all = cutoff(r, REPLICA_CUTOFF, CUTOFF_EVERYBODY);

	return own > all ? own : all;
}

int64_t
replica_host_cutoff(const struct replica *r, const char *uuid)
{
	return cutoff(r, REPLICA_HOST_CUTOFF, uuid);
}

int
replica_own_labels(const struct replica *r, struct policy_labels *ret)
{
	const struct entry *e;
	size_t pos = 0;
	void *value;

	*ret = (struct policy_labels){ NULL, 0 };
	if (r->blind[REPLICA_OWN_LABELS] ||
	    !map_next(r->entries[REPLICA_OWN_LABELS], &pos, NULL, &value))
		return -1;
	e = value;
	if (!e->value)
		return -1;
	*ret = ((const struct labels_value *)e->value)->labels;
	return 0;
}

const struct bundle *
replica_bundle(const struct replica *r)
{
	bool lost;
	const struct entry *e = replica_find(r, REPLICA_CA, "", &lost);

	return e ? e->value : NULL;
}

const struct replica_web_session *
replica_web_session(const struct replica *r, const char *key)
{
	bool lost;
	const struct entry *e = replica_find(r, REPLICA_WEB_SESSION, key, &lost);

	return e ? &((const struct web_value *)e->value)->session : NULL;
}

struct span
replica_signed_cutoffs(const struct replica *r)
{
	bool lost;
	const struct entry *e = replica_find(r, REPLICA_SIGNED_CUTOFFS, "", &lost);
	const Auth__SignedCutoffs *m = e ? e->value : NULL;

	return m ? bytes_span(m->list) : (struct span){ NULL, 0 };
}

/* --- life ------------------------------------------------------------------------------------- */

int
replica_new(struct replica **ret, const struct replica_config *config,
    const struct replica_events *events, void *arg)
{
	struct replica *r = calloc(1, sizeof(*r));
	bool failed = false;

	*ret = NULL;
	if (!r)
		return -1;
	r->loop = config->loop;
	r->wanted = config->kinds;
	r->events = *events;
	r->arg = arg;
	deferred_init(&r->tell, on_tell, r);
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		failed |= !(r->entries[kind] = map_new());
	if (config->path)
		failed |= !(r->path = strdup(config->path));
	if (failed || replica_file_init(r) < 0) {
		replica_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void
replica_free(struct replica *r)
{
	if (!r)
		return;
	replica_feed_done(r);
	/* The second in which changes are gathered must not be lost with the process. */
	if (r->unsaved)
		replica_file_save(r);
	deferred_cancel(&r->tell);
	timer_done(&r->save);
	replica_clear(r);
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		map_free(r->entries[kind]);
	free(r->path);
	free(r);
}
