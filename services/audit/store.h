/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: auditd's place in PostgreSQL: one connection that writes, some that read, the schema, the partitions.
 * All SQL of auditd is in store_*.c and schema/. Callers hold no connection: a lost one ends their request with
 * DB_E_LOST and comes back by itself.
 */
#ifndef AUDIT_STORE_H
#define AUDIT_STORE_H

#include "audit/batch.h"
#include "db/db.h"
#include "event/loop.h"

struct store;

struct store_config {
	struct loop *loop;
	const char *conninfo;
	const char *password;   /* may be NULL */
	int64_t retention_days; /* 0: for ever */
	int readers;
};

struct store_events {
	/* The schema is there and today has its partition: records can be written. Again after every loss. */
	void (*ready)(void *arg);
	void (*lost)(void *arg);
	/* The database can never be used as it is (made by a newer auditd): the daemon ends. */
	void (*broken)(const char *why, void *arg);
};

int store_new(struct store **ret, const struct store_config *config,
    const struct store_events *events, void *arg, struct err *e);
void store_free(struct store *s); /* NULL is fine */
bool store_is_ready(const struct store *s);
/* Why not, for people. */
const char *store_trouble(const struct store *s);

/* --- writing: one at a time, by ingest.c ------------------------------------------------ */

/* Finds or makes the row of a producer's log. found: its number and everything up to which seq is there. */
struct store_source {
	enum db_code code;
	const char *why;
	int32_t id;
	uint64_t seq;
};
void store_find_source(struct store *s, const char *const key[4], /* kind, name, log id, host */
    void (*done)(const struct store_source *found, void *arg), void *arg);

/* Where a source stands in a transaction. */
struct store_place {
	int32_t source;
	void *owner; /* the caller's */
	uint64_t at; /* after locking: everything up to here is there */
	bool found;
	uint64_t seq; /* for writing: everything up to here is there afterwards */
	uint64_t records;
};

/* Begins a transaction under the writers' lock. *ret_idx of done: number of the next event. */
void store_begin(struct store *s, struct store_place *places, size_t n,
    void (*done)(enum db_code code, const char *state, const char *why, int64_t idx, void *arg),
    void *arg);
/* Writes the rows and the places, commits. batch and places stay the caller's until done. After DB_E_REFUSED
 * the transaction was rolled back. */
void store_write(struct store *s, struct batch *batch, const struct store_place *places, size_t n,
    void (*done)(enum db_code code, const char *state, const char *why, void *arg), void *arg);
/* Ends a transaction without writing. */
void store_rollback(struct store *s, void (*done)(void *arg), void *arg);
/* Partitions ahead, old ones dropped; done: today has its partition. */
void store_maintain(struct store *s, void (*done)(bool ok, void *arg), void *arg);
/* Partitions exist for an ingest time like this. */
bool store_has_day(const struct store *s, int64_t unix_us);

/* --- reading: any number at once ---------------------------------------------------------- */

struct store_search {
	int64_t from_us, to_us;   /* 0: no bound */
	const char *const *types; /* globs */
	size_t n_types;
	const char *user, *node, *session;
	const char *only_user; /* what others did is not shown; NULL: everything is */
	bool failed_only;
	uint32_t limit;
};
/* Rows of canon bytea, node text; newest first. */
void store_search(struct store *s, const struct store_search *q, db_done_fn *done, void *arg);

struct store_recordings {
	int64_t from_us, to_us;
	const char *user, *node, *only_user;
	const char *session; /* UUID or prefix; NULL: all */
	uint32_t limit;
};
enum store_recording_column {
	REC_SID,
	REC_KIND,
	REC_ACTOR,
	REC_LOGIN,
	REC_NODE,
	REC_NODE_NAME,
	REC_STARTED_US,
	REC_ENDED_US,
	REC_COMMAND,
	REC_BYTES,
	REC_EXIT_STATUS,
	REC_INTERACTIVE,
	REC_COLS,
	REC_ROWS,
	REC_SOURCE,
};
/* Newest first. */
void
store_recordings(struct store *s, const struct store_recordings *q, db_done_fn *done, void *arg);

/* Chunks of a recording with seq > after, in order, at most limit: rows of seq, span_us, raw_len, data. */
void store_chunks(struct store *s, const char *sid, int32_t source, int64_t after, int limit,
    db_done_fn *done, void *arg);
/* One row: sources, records. */
void store_count(struct store *s, db_done_fn *done, void *arg);

#endif
