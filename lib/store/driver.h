/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: what a database must do for lib/store. Included by lib/store's own files only; store_make is in store.c.
 * Every function returns 0, STORE_E_NOT_FOUND or a negative number after putting the cause into *e.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/store.h"

struct store_bounds {
	const char *from;
	bool inclusive;
	const char *to;
	size_t limit;
	int64_t now_ms; /* rows that have expired by then are left out */
};

struct store_driver {
	const char *name;
	void (*close)(void *db);
	int (*begin)(void *db, struct err *e);
	int (*commit)(void *db, struct err *e);
	int (*rollback)(void *db, struct err *e);
	/* The next revision; inside a transaction. */
	int (*next_revision)(void *db, uint64_t *ret, struct err *e);
	/* fn sees the row while it is valid; expired rows are the caller's business. */
	int (*get)(void *db, const char *key, void (*fn)(const struct store_item *, void *),
	    void *arg, struct err *e);
	int (*put)(void *db, const struct store_item *item, struct err *e);
	int (*del)(void *db, const char *key, struct err *e);
	/* Rows with from < key < to in order (from itself too when inclusive), at most limit. */
	int (*range)(void *db, const struct store_bounds *bounds,
	    int (*fn)(const struct store_item *, void *), void *arg, struct err *e);
	/* Rows that expired at or before now_ms, at most limit. */
	int (*expired)(void *db, int64_t now_ms, size_t limit,
	    int (*fn)(const struct store_item *, void *), void *arg, struct err *e);
	int (*set_revision)(void *db, uint64_t revision, struct err *e);
	int (*settle)(void *db, struct err *e); /* see store_settle */
	/* See store_snapshot_open. next: the item is valid until the next call. */
	int (*snapshot_open)(void *db, void **ret, uint64_t *ret_revision, struct err *e);
	int (*snapshot_next)(void *snapshot, struct store_item *item, struct err *e);
	void (*snapshot_close)(void *snapshot);
};

/* Takes over db. On failure db is closed. */
int store_make(struct store **ret, const struct store_driver *driver, void *db, struct loop *loop);

#endif
