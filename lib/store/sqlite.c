/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite: the embedded driver of lib/store. One file in WAL mode, synchronous FULL: what was
 * committed survives a killed process and a power cut. The file is taken with a lock of our own
 * beside it, because two daemons on one state would each believe their own memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/driver.h"

enum { SCHEMA_VERSION = 1 };

enum stmt {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_NEXT,
	S_GET,
	S_PUT,
	S_DEL,
	S_RANGE,
	S_EXPIRED,
	S_SET,
	S_COUNT,
};

static const char *const sql[S_COUNT] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_NEXT] = "UPDATE counter SET value = value + 1 WHERE name = 'revision' RETURNING value",
	[S_GET] = "SELECT key, value, revision, expires_ms FROM item WHERE key = ?1",
	[S_PUT] = "INSERT INTO item (key, value, revision, expires_ms) VALUES (?1, ?2, ?3, ?4) "
		  "ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3, expires_ms = ?4",
	[S_DEL] = "DELETE FROM item WHERE key = ?1",
	[S_RANGE] =
	    "SELECT key, value, revision, expires_ms FROM item WHERE key >= ?1 AND key < ?2 AND key <> ?3 "
	    "AND (expires_ms = 0 OR expires_ms > ?4) ORDER BY key LIMIT ?5",
	[S_EXPIRED] =
	    "SELECT key, value, revision, expires_ms FROM item WHERE expires_ms > 0 AND expires_ms <= ?1 "
	    "ORDER BY expires_ms LIMIT ?2",
	[S_SET] = "UPDATE counter SET value = ?1 WHERE name = 'revision'",
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE item (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX item_expires ON item (expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counter VALUES ('revision', 0);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

struct sqlite {
	sqlite3 *db;
	sqlite3_stmt *stmt[S_COUNT];
	int lock_fd;
};

static int
fail(struct sqlite *q, struct err *e, const char *what)
{
	return err_set(e, "database: %s: %s", what, sqlite3_errmsg(q->db));
}

static void
sqlite_close(void *arg)
{
	struct sqlite *q = arg;

	for (int i = 0; i < S_COUNT; i++)
		sqlite3_finalize(q->stmt[i]);
	sqlite3_close(q->db);
	mem_closep(&q->lock_fd);
	free(q);
}

/* A statement without parameters and rows. */
static int
run(struct sqlite *q, enum stmt which, struct err *e)
{
	sqlite3_stmt *st = q->stmt[which];
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : fail(q, e, sql[which]);
}

static int
sqlite_begin(void *db, struct err *e)
{
	return run(db, S_BEGIN, e);
}

static int
sqlite_commit(void *db, struct err *e)
{
	return run(db, S_COMMIT, e);
}

static int
sqlite_rollback(void *arg, struct err *e)
{
	struct sqlite *q = arg;

	/* Some errors (disk full) end the transaction by themselves. */
	return sqlite3_get_autocommit(q->db) ? 0 : run(q, S_ROLLBACK, e);
}

static int
sqlite_next_revision(void *arg, uint64_t *ret, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_NEXT];
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW) {
		*ret = (uint64_t)sqlite3_column_int64(st, 0);
		rc = sqlite3_step(st);
	} else if (rc == SQLITE_DONE) {
		sqlite3_reset(st);
		return err_set(e, "database: the revision counter is missing");
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : fail(q, e, "next revision");
}

static void
row_of(sqlite3_stmt *st, struct store_item *item)
{
	item->key = (const char *)sqlite3_column_text(st, 0);
	item->value.p = sqlite3_column_blob(st, 1);
	item->value.n = (size_t)sqlite3_column_bytes(st, 1);
	if (!item->value.p) /* SQLite gives NULL for an empty blob */
		item->value.p = (const uint8_t *)"";
	item->revision = (uint64_t)sqlite3_column_int64(st, 2);
	item->expires_ms = sqlite3_column_int64(st, 3);
}

static int
sqlite_get(void *arg, const char *key, void (*fn)(const struct store_item *, void *), void *fn_arg,
    struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_GET];
	struct store_item item;
	int rc, ret = STORE_E_NOT_FOUND;

	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		row_of(st, &item);
		fn(&item, fn_arg);
		ret = 0;
	} else if (rc != SQLITE_DONE) {
		ret = fail(q, e, "get");
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return ret;
}

static int
sqlite_put(void *arg, const struct store_item *item, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_PUT];
	int rc;

	sqlite3_bind_text(st, 1, item->key, -1, SQLITE_STATIC);
	if (item->value.n > 0)
		sqlite3_bind_blob64(st, 2, item->value.p, item->value.n, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(st, 2, 0);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)item->revision);
	sqlite3_bind_int64(st, 4, item->expires_ms);
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : fail(q, e, "put");
}

static int
sqlite_del(void *arg, const char *key, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_DEL];
	int rc;

	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (rc != SQLITE_DONE)
		return fail(q, e, "delete");
	return sqlite3_changes(q->db) > 0 ? 0 : STORE_E_NOT_FOUND;
}

/* Steps through the rows of a bound statement. */
static int
rows(struct sqlite *q, sqlite3_stmt *st, int (*fn)(const struct store_item *, void *), void *arg,
    struct err *e)
{
	struct store_item item;
	int rc, ret = 0;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row_of(st, &item);
		ret = fn(&item, arg);
		if (ret != 0)
			break;
	}
	if (ret == 0 && rc != SQLITE_DONE)
		ret = fail(q, e, "read");
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return ret;
}

static int
sqlite_range(void *arg, const struct store_bounds *b, int (*fn)(const struct store_item *, void *),
    void *fn_arg, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_RANGE];

	sqlite3_bind_text(st, 1, b->from, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, b->to, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, b->inclusive ? "" : b->from, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, b->now_ms);
	sqlite3_bind_int64(st, 5, b->limit > INT64_MAX ? INT64_MAX : (sqlite3_int64)b->limit);
	return rows(q, st, fn, fn_arg, e);
}

static int
sqlite_expired(void *arg, int64_t now_ms, size_t limit,
    int (*fn)(const struct store_item *, void *), void *fn_arg, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_EXPIRED];

	sqlite3_bind_int64(st, 1, now_ms);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)limit);
	return rows(q, st, fn, fn_arg, e);
}

static int
sqlite_set_revision(void *arg, uint64_t revision, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st = q->stmt[S_SET];
	int rc;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)revision);
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : fail(q, e, "set the revision");
}

/* Closing would do it too, and tell nobody that it could not. */
static int
sqlite_settle(void *arg, struct err *e)
{
	struct sqlite *q = arg;
	sqlite3_stmt *st;
	int rc;

	if (sqlite3_prepare_v2(q->db, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &st, NULL) !=
	    SQLITE_OK)
		return fail(q, e, "checkpoint");
	/* One row: whether somebody was in the way, then numbers of pages. */
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		fail(q, e, "checkpoint");
	else if (sqlite3_column_int(st, 0) != 0)
		err_set(e, "database: checkpoint: it is read at the moment");
	else
		rc = SQLITE_DONE;
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* --- snapshots: a second connection, whose read transaction sees one state for as long as it is open ------------- */

struct snapshot {
	sqlite3 *db;
	sqlite3_stmt *items;
};

static void
snapshot_close(void *arg)
{
	struct snapshot *n = arg;

	sqlite3_finalize(n->items);
	sqlite3_close(n->db); /* which ends its transaction */
	free(n);
}

static int
snapshot_fail(struct snapshot *n, struct err *e)
{
	err_set(e, "database: snapshot: %s", n->db ? sqlite3_errmsg(n->db) : "out of memory");
	snapshot_close(n);
	return -1;
}

/* The first read of a transaction is what chooses its state. */
static int
snapshot_begin(struct snapshot *n, uint64_t *ret_revision)
{
	sqlite3_stmt *st;
	int rc;

	if (sqlite3_exec(n->db, "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; BEGIN", NULL,
		NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(n->db, "SELECT value FROM counter WHERE name = 'revision'", -1, &st,
		NULL) != SQLITE_OK)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret_revision = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return -1;
	return sqlite3_prepare_v2(n->db,
		   "SELECT key, value, revision, expires_ms FROM item ORDER BY key", -1, &n->items,
		   NULL) == SQLITE_OK
	    ? 0
	    : -1;
}

static int
snapshot_open(void *arg, void **ret, uint64_t *ret_revision, struct err *e)
{
	struct sqlite *q = arg;
	struct snapshot *n = calloc(1, sizeof(*n));

	if (!n)
		return err_memory(e);
	if (sqlite3_open_v2(sqlite3_db_filename(q->db, "main"), &n->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK ||
	    snapshot_begin(n, ret_revision) < 0)
		return snapshot_fail(n, e);
	*ret = n;
	return 0;
}

static int
snapshot_next(void *arg, struct store_item *item, struct err *e)
{
	struct snapshot *n = arg;
	int rc = sqlite3_step(n->items);

	if (rc == SQLITE_ROW) {
		row_of(n->items, item);
		return 0;
	}
	return rc == SQLITE_DONE ? STORE_E_NOT_FOUND
				 : err_set(e, "database: snapshot: %s", sqlite3_errmsg(n->db));
}

static const struct store_driver driver = {
	.name = "sqlite",
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.next_revision = sqlite_next_revision,
	.get = sqlite_get,
	.put = sqlite_put,
	.del = sqlite_del,
	.range = sqlite_range,
	.expired = sqlite_expired,
	.set_revision = sqlite_set_revision,
	.settle = sqlite_settle,
	.snapshot_open = snapshot_open,
	.snapshot_next = snapshot_next,
	.snapshot_close = snapshot_close,
};

int
store_take_sqlite(const char *path, int *ret_fd, struct err *e)
{
	char lock[4096];

	if (!str_format(lock, sizeof(lock), "%s.lock", path))
		return err_set(e, "path too long: %s", path);
	*ret_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*ret_fd < 0)
		return err_errno(e, "cannot open %s", lock);
	if (flock(*ret_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		err_set(e, "%s is in use by another process; stop that one first", path);
	else
		err_errno(e, "cannot lock %s", lock);
	mem_closep(ret_fd);
	*ret_fd = -1;
	return -1;
}

static int
exec(struct sqlite *q, const char *text, struct err *e)
{
	return sqlite3_exec(q->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(q, e, "set up");
}

static int
version_of(struct sqlite *q, int *ret, struct err *e)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(q->db, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
		return fail(q, e, "cannot be read");
	if (sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return fail(q, e, "cannot be read");
	}
	*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return 0;
}

static int
set_up(struct sqlite *q, const char *path, struct err *e)
{
	int version = 0;

	if (exec(q,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		"PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 500;",
		e) < 0 ||
	    version_of(q, &version, e) < 0)
		return -1;
	if (version > SCHEMA_VERSION)
		return err_set(e,
		    "%s has schema version %d and this program knows %d; install the newer version",
		    path, version, SCHEMA_VERSION);
	if (version == 0 && exec(q, schema, e) < 0)
		return -1;
	for (int i = 0; i < S_COUNT; i++)
		if (sqlite3_prepare_v3(q->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &q->stmt[i],
			NULL) != SQLITE_OK)
			return fail(q, e, sql[i]);
	return 0;
}

int
store_open_sqlite(struct store **ret, const char *path, struct loop *loop, struct err *e)
{
	struct sqlite *q = calloc(1, sizeof(*q));
	mode_t mask;
	int rc;

	if (!q)
		return err_memory(e);
	q->lock_fd = -1;
	if (store_take_sqlite(path, &q->lock_fd, e) < 0) {
		sqlite_close(q);
		return -1;
	}
	/* SQLite gives its side files the mode of the database. */
	mask = umask(0177);
	rc = sqlite3_open_v2(path, &q->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
	    NULL);
	if (rc != SQLITE_OK)
		err_set(e, "cannot open %s: %s", path,
		    q->db ? sqlite3_errmsg(q->db) : "out of memory");
	else if (set_up(q, path, e) < 0)
		rc = SQLITE_ERROR;
	umask(mask);
	if (rc != SQLITE_OK) {
		sqlite_close(q);
		return -1;
	}
	return store_make(ret, &driver, q, loop) < 0 ? err_memory(e) : 0;
}
