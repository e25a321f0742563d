/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: values under keys, durable: get, put if revision, delete, range by prefix, transactions,
 * expiry, watch.
 *
 * Used by authd's nouns only. One thread (the loop's); calls return when the change is on disk, a
 * few milliseconds with the embedded driver. Which database is below is a row of functions
 * (store/driver.h): SQLite today.
 *
 * Keys are printable ASCII without blanks ("user/alice"), at most STORE_KEY_MAX bytes, in byte
 * order. Values are bytes, at most STORE_VALUE_MAX. Every change gets the next revision, a number
 * that only grows.
 *
 * Returns everywhere: 0 done; STORE_E_* for what the caller handles; negative: the database failed
 * (store_error has the cause) and nothing was changed.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"

struct store;
struct loop;

enum { STORE_KEY_MAX = 400, STORE_VALUE_MAX = 1024 * 1024 };

enum store_result {
	STORE_E_NOT_FOUND = 1, /* no such key, or it has expired */
	STORE_E_CONFLICT = 2,  /* the revision is another one, or the key is there already */
};

/* What put and delete may ask of the present state. */
#define STORE_ANY    UINT64_MAX /* no condition */
#define STORE_ABSENT 0          /* must not exist */

struct store_item {
	const char *key;
	struct span value;
	uint64_t revision;
	int64_t expires_ms; /* wall clock; 0: never */
};

/* Opens or creates the database file (0600) and takes it for this process: negative when another
 * one has it, when the file is newer than this program, or cannot be used. loop: where watches
 * are delivered; NULL: by store_deliver() only. */
int store_open_sqlite(struct store **ret, const char *path, struct loop *loop, struct err *e);
void store_close(struct store *s); /* rolls an open transaction back; NULL is fine */
/* The cause of the last negative result, for people. */
const char *store_error(const struct store *s);
/* Another clock than clock_wall_ms(), for tests. */
void store_set_clock(struct store *s, int64_t (*now_ms)(void));

/* Copies the value into value (initialised by the caller; content replaced). ret_revision and
 * ret_expires_ms may be NULL. */
int store_get(struct store *s, const char *key, struct buf *value, uint64_t *ret_revision,
    int64_t *ret_expires_ms);
/* Writes when the condition holds. if_revision: STORE_ANY, STORE_ABSENT or the revision that was
 * read. */
int store_put(struct store *s, const char *key, struct span value, int64_t expires_ms,
    uint64_t if_revision, uint64_t *ret_revision);
/* if_revision: STORE_ANY or the revision that was read. */
int store_delete(struct store *s, const char *key, uint64_t if_revision);
/* Calls fn for at most limit items with the prefix whose key sorts after `after` (NULL: from the
 * first), in order; fn may stop with a value other than 0, which is returned. fn must not change
 * the store. */
int store_range(struct store *s, const char *prefix, const char *after, size_t limit,
    int (*fn)(const struct store_item *item, void *arg), void *arg);

/* Everything between begin and commit happens or nothing does. Not nested. */
int store_begin(struct store *s);
int store_commit(struct store *s);    /* negative: rolled back */
void store_rollback(struct store *s); /* harmless without a transaction */

/* Deletes at most max items that have expired, as one transaction; watchers hear of them.
 * Returns how many, or negative. */
int store_sweep(struct store *s, int max);

/* --- copies --------------------------------------------------------------------------- */

/* Everything as it was when the snapshot was opened, whatever is changed meanwhile; read piece by piece, while the store
 * goes on. What changes meanwhile waits in the database's log, so it is not to be held for long. */
struct store_snapshot;
int store_snapshot_open(struct store *s, struct store_snapshot **ret, struct err *e);
/* The next item in the order of keys, expired ones too, valid until the next call; STORE_E_NOT_FOUND after the last. */
int store_snapshot_next(struct store_snapshot *n, struct store_item *item, struct err *e);
/* The latest revision in it. */
uint64_t store_snapshot_revision(const struct store_snapshot *n);
void store_snapshot_close(struct store_snapshot *n); /* NULL is fine; before store_close */

/* Into a store that is being made from a copy, in a transaction: the item with its own revision, and what the next change's
 * revision will be one above. No watcher hears of them. */
int store_fill(struct store *s, const struct store_item *item);
int store_set_revision(struct store *s, uint64_t revision);
/* Outside of a transaction: what was committed is in the one file of the store, on the disk, and nothing of it beside that
 * file any more. Negative: it could not be, for want of room or because somebody reads. */
int store_settle(struct store *s);

/* Takes the database file for this process as store_open_sqlite does, without opening it: nobody else has it while
 * *ret_fd is open. */
int store_take_sqlite(const char *path, int *ret_fd, struct err *e);

/* --- watch ------------------------------------------------------------------------ */

struct store_watch {
	struct list link;
	const char *prefix; /* not copied */
	/* Committed changes in their order; item->value.p is NULL for a deletion or expiry. NULL
	 * item: changes were lost (no memory): read the range again. */
	void (*fn)(const struct store_item *item, void *arg);
	void *arg;
};
void store_watch_start(struct store *s, struct store_watch *w);
void store_watch_stop(
    struct store_watch *w); /* also on one that is not started but zeroed; not from inside fn */
/* Delivers what is queued, now. */
void store_deliver(struct store *s);

#endif
