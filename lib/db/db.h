/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: one connection to PostgreSQL on the event loop, kept up for ever. The only floor that knows libpq.
 *
 * Operations queue and run one after another; each ends with one call of its `done`, also when the connection is
 * lost (DB_E_LOST: whether the server did it is not known). Nothing blocks, but the name lookup of a host name at
 * connecting: use addresses or Unix sockets where that matters.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/loop.h"

struct db;
struct db_reply;

enum db_code {
	DB_OK = 0,
	DB_E_LOST = 1,    /* no connection, or it broke: the outcome is unknown */
	DB_E_REFUSED = 2, /* the server said no: db_reply_state, db_reply_text */
	DB_E_FULL = 3,    /* too many operations are queued, or no memory: from inside the call */
};

struct db_config {
	struct loop *loop;
	const char *
	    conninfo; /* as libpq takes it: "host=/run/postgresql dbname=sallyport" or postgresql://... */
	const char *password; /* NULL: in conninfo, ~/.pgpass or not needed */
	const char *name;     /* application_name, for pg_stat_activity */
	const char *setup;    /* SQL that runs first on every connection; may be NULL */
	int op_timeout_ms;    /* an operation that takes longer breaks the connection; 0: 60 s */
};

struct db_events {
	void (*up)(void *arg);
	/* Lost, or could not be made; it is tried again by itself (0.2 s to 5 s). Operations queued have ended. */
	void (*down)(const char *why, void *arg);
};

/* The role that a connection string names, into dst; "" when it names none, and libpq takes the user's own name.
 * Negative: it is malformed, or the name does not fit. */
int db_conninfo_user(const char *conninfo, char *dst, size_t size, struct err *e);

/* Starts connecting. config is copied. Negative: conninfo is malformed, or no memory. */
int db_new(struct db **ret, const struct db_config *config, const struct db_events *events,
    void *arg, struct err *e);
/* Operations under way end without their done. NULL is fine. */
void db_free(struct db *db);
bool db_is_up(const struct db *db);
/* Breaks the connection and makes a new one; operations end with DB_E_LOST. */
void db_reset(struct db *db);

/* r is valid until done returns, never NULL. */
typedef void db_done_fn(const struct db_reply *r, void *arg);

enum { DB_PARAMS_MAX = 16 };

/* One statement with text parameters $1.. (NULL is SQL NULL), copied. Results come in binary. */
void db_query(struct db *db, const char *sql, const char *const *params, int n_params,
    db_done_fn *done, void *arg);
/* One or more statements without parameters; the reply is that of the last one, or of the first that failed. */
void db_exec(struct db *db, const char *sql, db_done_fn *done, void *arg);
/* COPY ... FROM STDIN: sends data, which stays the caller's, and as it is until done (or db_free). */
void db_copy(struct db *db, const char *sql, struct span data, db_done_fn *done, void *arg);

enum db_code db_reply_code(const struct db_reply *r);
const char *
db_reply_state(const struct db_reply *r); /* SQLSTATE, five characters; "" when there is none */
const char *db_reply_text(const struct db_reply *r); /* for people, one line */
int db_rows(const struct db_reply *r);
/* Columns of any integer type or boolean; 0 for NULL. */
int64_t db_i64(const struct db_reply *r, int row, int col);
/* Columns of text or bytea; empty for NULL. */
struct span db_bytes(const struct db_reply *r, int row, int col);
/* Columns of text, NUL-terminated; "" for NULL. */
const char *db_text(const struct db_reply *r, int row, int col);

/* --- rows for COPY ... (FORMAT binary) ------------------------------------------------- */
void db_copy_begin(struct buf *b);
void db_copy_row(struct buf *b, int columns);
void db_copy_null(struct buf *b);
void db_copy_bool(struct buf *b, bool v);
void db_copy_i32(struct buf *b, int32_t v);
void db_copy_i64(struct buf *b, int64_t v);
void db_copy_bytes(struct buf *b,
    struct span v); /* bytea, and text that is known to be UTF-8 without NUL */
void db_copy_time(struct buf *b, int64_t unix_us); /* timestamptz; clamped to the years 1 to 9999 */
void db_copy_date(struct buf *b, int64_t unix_us); /* date, UTC */
void db_copy_uuid(struct buf *b, const uint8_t uuid[16]);
void db_copy_jsonb(struct buf *b, struct span json);
void db_copy_end(struct buf *b);

#endif
