/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: conditions, transactions, expiry and watches, the same above every driver.
 * Called by authd's nouns; touches its driver and the loop.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/loop.h"
#include "store/driver.h"

enum { CHANGES_MAX = 20000 };

/* A committed change on its way to the watchers; key and value follow the struct. */
struct change {
	struct list link;
	uint64_t revision;
	int64_t expires_ms;
	bool deleted;
	size_t key_len, value_len;
	char bytes[];
};

struct store {
	const struct store_driver *driver;
	void *db;
	struct loop *loop;
	struct deferred deliver;
	int64_t (*now_ms)(void);
	struct err error;
	bool in_txn; /* the caller's */
	bool delivering;
	bool lost; /* a committed change could not be queued */
	bool lost_in_txn;
	struct list changes; /* committed */
	struct list pending; /* of the transaction */
	size_t n_changes;
	struct list watches;
};

static void
on_deliver(void *arg)
{
	store_deliver(arg);
}

int
store_make(struct store **ret, const struct store_driver *driver, void *db, struct loop *loop)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s) {
		driver->close(db);
		return -1;
	}
	s->driver = driver;
	s->db = db;
	s->loop = loop;
	s->now_ms = clock_wall_ms;
	list_init(&s->changes);
	list_init(&s->pending);
	list_init(&s->watches);
	deferred_init(&s->deliver, on_deliver, s);
	*ret = s;
	return 0;
}

static void
drop_changes(struct store *s, struct list *l)
{
	list_each (struct change, c, l, link) {
		list_del(&c->link);
		s->n_changes--;
		free(c);
	}
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	deferred_cancel(&s->deliver);
	drop_changes(s, &s->changes);
	list_each (struct store_watch, w, &s->watches, link)
		list_del(&w->link);
	s->driver->close(s->db);
	free(s);
}

const char *
store_error(const struct store *s)
{
	return s->error.text;
}

void
store_set_clock(struct store *s, int64_t (*now_ms)(void))
{
	s->now_ms = now_ms;
}

static bool
key_is_good(const char *key)
{
	size_t n = 0;

	for (; key[n]; n++)
		if (key[n] <= ' ' || key[n] > '~' || n >= STORE_KEY_MAX)
			return false;
	return n > 0;
}

static int
bad_key(struct store *s)
{
	return err_set(&s->error, "bad key: only printable ASCII without blanks, 1 to %d bytes",
	    STORE_KEY_MAX);
}

/* --- transactions ------------------------------------------------------------------- */

int
store_begin(struct store *s)
{
	if (s->in_txn)
		return err_set(&s->error, "a transaction is open already");
	if (s->driver->begin(s->db, &s->error) < 0)
		return -1;
	s->in_txn = true;
	return 0;
}

void
store_rollback(struct store *s)
{
	struct err ignored;

	if (!s->in_txn)
		return;
	s->driver->rollback(s->db, &ignored);
	s->in_txn = false;
	s->lost_in_txn = false;
	drop_changes(s, &s->pending);
}

int
store_commit(struct store *s)
{
	if (!s->in_txn)
		return err_set(&s->error, "no transaction is open");
	if (s->driver->commit(s->db, &s->error) < 0) {
		/* SQLite may still hold the transaction open (a full disk): nothing of it may stay for the next
		 * one. */
		store_rollback(s);
		return -1;
	}
	s->in_txn = false;
	/* Only now: a change that was lost in a transaction that is then rolled back was none. */
	s->lost = s->lost || s->lost_in_txn;
	s->lost_in_txn = false;
	list_each (struct change, c, &s->pending, link) {
		list_del(&c->link);
		list_add(&s->changes, &c->link);
	}
	if (s->loop && (s->lost || !list_empty(&s->changes)))
		loop_defer(s->loop, &s->deliver);
	return 0;
}

/* A single change is a transaction of its own when the caller has none. */
static int
enter(struct store *s, bool *own)
{
	*own = !s->in_txn;
	return *own ? store_begin(s) : 0;
}

static int
leave(struct store *s, bool own, int rc)
{
	if (!own)
		return rc;
	if (rc == 0)
		return store_commit(s);
	store_rollback(s);
	return rc;
}

static void
note_change(struct store *s, const struct store_item *item, bool deleted)
{
	size_t key_len = strlen(item->key);
	size_t value_len = deleted ? 0 : item->value.n;
	struct change *c = NULL;

	if (list_empty(&s->watches))
		return;
	/* Watchers who do not keep up cost no more memory than this: beyond it they are told that they missed
	 * something (deliver, item NULL), and read everything again. */
	if (s->n_changes < CHANGES_MAX)
		c = malloc(sizeof(*c) + key_len + 1 + value_len);
	if (!c) {
		s->lost_in_txn = true;
		return;
	}
	c->revision = item->revision;
	c->expires_ms = item->expires_ms;
	c->deleted = deleted;
	c->key_len = key_len;
	c->value_len = value_len;
	memcpy(c->bytes, item->key, key_len + 1);
	if (value_len > 0)
		memcpy(c->bytes + key_len + 1, item->value.p, value_len);
	list_add(&s->pending, &c->link);
	s->n_changes++;
}

/* --- reading ----------------------------------------------------------------------- */

struct got {
	int64_t now_ms;
	struct buf *value; /* NULL: only the revision is wanted */
	uint64_t revision;
	int64_t expires_ms;
	bool expired, failed;
};

static void
on_got(const struct store_item *item, void *arg)
{
	struct got *g = arg;

	g->revision = item->revision;
	g->expires_ms = item->expires_ms;
	g->expired = item->expires_ms > 0 && item->expires_ms <= g->now_ms;
	if (g->value && !g->expired)
		g->failed = !buf_put(g->value, item->value.p, item->value.n);
}

static int
get(struct store *s, const char *key, struct got *g)
{
	int rc;

	g->now_ms = s->now_ms();
	rc = s->driver->get(s->db, key, on_got, g, &s->error);
	if (rc != 0)
		return rc;
	if (g->failed)
		return err_set(&s->error, "the value of %s is larger than its reader takes", key);
	return g->expired ? STORE_E_NOT_FOUND : 0;
}

int
store_get(struct store *s, const char *key, struct buf *value, uint64_t *ret_revision,
    int64_t *ret_expires_ms)
{
	struct got g = { .value = value };
	int rc;

	if (!key_is_good(key))
		return STORE_E_NOT_FOUND;
	buf_reset(value);
	rc = get(s, key, &g);
	if (rc != 0)
		return rc;
	if (ret_revision)
		*ret_revision = g.revision;
	if (ret_expires_ms)
		*ret_expires_ms = g.expires_ms;
	return 0;
}

int
store_range(struct store *s, const char *prefix, const char *after, size_t limit,
    int (*fn)(const struct store_item *item, void *arg), void *arg)
{
	struct store_bounds b = { .from = after ? after : prefix,
		.inclusive = !after,
		.limit = limit };
	char to[STORE_KEY_MAX + 1];
	size_t n;

	if (!key_is_good(prefix) || (after && !key_is_good(after)))
		return bad_key(s);
	str_copy(to, sizeof(to), prefix);
	n = strlen(to);
	to[n - 1]++; /* the first key after all with the prefix: bytes are below 0x7f */
	b.to = to;
	b.now_ms = s->now_ms();
	return s->driver->range(s->db, &b, fn, arg, &s->error);
}

/* --- changing ------------------------------------------------------------------------ */

/* Whether the key is as the caller believes; an expired one is absent. */
static int
condition(struct store *s, const char *key, uint64_t if_revision)
{
	struct got g = { 0 };
	int rc;

	if (if_revision == STORE_ANY)
		return 0;
	rc = get(s, key, &g);
	if (rc < 0)
		return rc;
	if (rc == STORE_E_NOT_FOUND)
		return if_revision == STORE_ABSENT ? 0 : STORE_E_CONFLICT;
	return g.revision == if_revision ? 0 : STORE_E_CONFLICT;
}

static int
put(struct store *s, struct store_item *item, uint64_t if_revision)
{
	int rc = condition(s, item->key, if_revision);

	if (rc == 0)
		rc = s->driver->next_revision(s->db, &item->revision, &s->error);
	if (rc == 0)
		rc = s->driver->put(s->db, item, &s->error);
	if (rc == 0)
		note_change(s, item, false);
	return rc;
}

int
store_put(struct store *s, const char *key, struct span value, int64_t expires_ms,
    uint64_t if_revision, uint64_t *ret_revision)
{
	struct store_item item = { .key = key, .value = value, .expires_ms = expires_ms };
	bool own;
	int rc;

	if (!key_is_good(key))
		return bad_key(s);
	if (value.n > STORE_VALUE_MAX)
		return err_set(&s->error, "the value of %s is larger than %d bytes", key,
		    STORE_VALUE_MAX);
	if (enter(s, &own) < 0)
		return -1;
	rc = leave(s, own, put(s, &item, if_revision));
	if (rc == 0 && ret_revision)
		*ret_revision = item.revision;
	return rc;
}

static int
del(struct store *s, const char *key, uint64_t if_revision)
{
	struct store_item item = { .key = key };
	struct got g = { 0 };
	/* An expired one is absent for everybody, whether or not a sweep was here yet. */
	int rc = get(s, key, &g);

	if (rc != 0)
		return rc;
	if (if_revision != STORE_ANY && g.revision != if_revision)
		return STORE_E_CONFLICT;
	rc = s->driver->next_revision(s->db, &item.revision, &s->error);
	if (rc == 0)
		rc = s->driver->del(s->db, key, &s->error);
	if (rc == 0)
		note_change(s, &item, true);
	return rc;
}

int
store_delete(struct store *s, const char *key, uint64_t if_revision)
{
	bool own;

	if (!key_is_good(key))
		return STORE_E_NOT_FOUND;
	if (enter(s, &own) < 0)
		return -1;
	return leave(s, own, del(s, key, if_revision));
}

/* --- expiry -------------------------------------------------------------------------- */

struct keys {
	char **v;
	int n, max;
};

static int
on_expired(const struct store_item *item, void *arg)
{
	struct keys *k = arg;

	if (k->n == k->max)
		return 0;
	k->v[k->n] = strdup(item->key);
	if (k->v[k->n])
		k->n++;
	return 0;
}

static int
delete_expired(struct store *s, const struct keys *k)
{
	for (int i = 0; i < k->n; i++) {
		struct store_item item = { .key = k->v[i] };
		int rc = s->driver->next_revision(s->db, &item.revision, &s->error);

		if (rc == 0)
			rc = s->driver->del(s->db, item.key, &s->error);
		if (rc < 0)
			return rc;
		if (rc == 0)
			note_change(s, &item, true);
	}
	return 0;
}

int
store_sweep(struct store *s, int max)
{
	struct keys k = { .max = max };
	bool own;
	int rc;

	if (max <= 0)
		return 0;
	k.v = calloc((size_t)max, sizeof(*k.v));
	if (!k.v)
		return err_memory(&s->error);
	rc = s->driver->expired(s->db, s->now_ms(), (size_t)max, on_expired, &k, &s->error);
	if (rc == 0 && k.n > 0 && (rc = enter(s, &own)) == 0)
		rc = leave(s, own, delete_expired(s, &k));
	for (int i = 0; i < k.n; i++)
		free(k.v[i]);
	free(k.v);
	return rc < 0 ? rc : k.n;
}

/* --- copies --------------------------------------------------------------------------- */

struct store_snapshot {
	const struct store_driver *driver;
	void *db;
	uint64_t revision;
};

int
store_snapshot_open(struct store *s, struct store_snapshot **ret, struct err *e)
{
	struct store_snapshot *n = calloc(1, sizeof(*n));

	*ret = NULL;
	if (!n)
		return err_memory(e);
	n->driver = s->driver;
	if (s->driver->snapshot_open(s->db, &n->db, &n->revision, e) < 0) {
		free(n);
		return -1;
	}
	*ret = n;
	return 0;
}

int
store_snapshot_next(struct store_snapshot *n, struct store_item *item, struct err *e)
{
	return n->driver->snapshot_next(n->db, item, e);
}

uint64_t
store_snapshot_revision(const struct store_snapshot *n)
{
	return n->revision;
}

void
store_snapshot_close(struct store_snapshot *n)
{
	if (!n)
		return;
	n->driver->snapshot_close(n->db);
	free(n);
}

int
store_fill(struct store *s, const struct store_item *item)
{
	if (!s->in_txn)
		return err_set(&s->error, "no transaction is open");
	if (!key_is_good(item->key))
		return bad_key(s);
	if (item->value.n > STORE_VALUE_MAX)
		return err_set(&s->error, "the value of %s is larger than %d bytes", item->key,
		    STORE_VALUE_MAX);
	return s->driver->put(s->db, item, &s->error);
}

int
store_set_revision(struct store *s, uint64_t revision)
{
	if (!s->in_txn)
		return err_set(&s->error, "no transaction is open");
	return s->driver->set_revision(s->db, revision, &s->error);
}

int
store_settle(struct store *s)
{
	if (s->in_txn)
		return err_set(&s->error, "a transaction is open");
	return s->driver->settle(s->db, &s->error);
}

/* --- watches -------------------------------------------------------------------------- */

void
store_watch_start(struct store *s, struct store_watch *w)
{
	list_add(&s->watches, &w->link);
}

void
store_watch_stop(struct store_watch *w)
{
	if (w->link.next)
		list_del(&w->link);
}

static void
deliver_one(struct store *s, const struct change *c)
{
	struct store_item item = { .key = c->bytes,
		.revision = c->revision,
		.expires_ms = c->expires_ms };

	if (!c->deleted)
		item.value = (struct span){ (const uint8_t *)c->bytes + c->key_len + 1,
			c->value_len };
	list_each (struct store_watch, w, &s->watches, link)
		if (str_starts(c->bytes, w->prefix))
			w->fn(&item, w->arg);
}

void
store_deliver(struct store *s)
{
	struct list now;
	bool lost = s->lost;

	if (s->delivering)
		return;
	s->delivering = true;
	s->lost = false;
	list_init(&now);
	/* Only what is here already: a watcher that writes is told in the next round. */
	list_each (struct change, c, &s->changes, link) {
		list_del(&c->link);
		list_add(&now, &c->link);
	}
	list_each (struct change, c, &now, link) {
		deliver_one(s, c);
		list_del(&c->link);
		s->n_changes--;
		free(c);
	}
	if (lost)
		list_each (struct store_watch, w, &s->watches, link)
			w->fn(NULL, w->arg);
	s->delivering = false;
	if (s->loop && (s->lost || !list_empty(&s->changes)))
		loop_defer(s->loop, &s->deliver);
}
