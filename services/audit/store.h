/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: auditd's place in PostgreSQL: one connection that writes, some that read, the schema, the partitions.
 * All SQL of auditd is in store_*.c and schema/. Callers hold no connection: a lost one ends their request with
 * DB_E_LOST and comes back by itself.
 */
#ifndef AUDIT_STORE_H
#define AUDIT_STORE_H

#include <stdio.h>

#include "audit/batch.h"
#include "audit/cursor.h"
#include "db/db.h"
#include "event/loop.h"
#include "metric/histogram.h"

struct store;

struct store_config {
	struct loop *loop;
	const char *conninfo;
	const char *password;   /* may be NULL */
	int64_t retention_days; /* 0: for ever */
	int readers;
};

/* What was written since the start, for those who watch (metrics.c). */
enum store_table { STORE_EVENTS, STORE_CHUNKS, STORE_PROOFS, STORE_DEAD, STORE_GAPS, STORE_TABLES };
struct store_stats {
	uint64_t rows[STORE_TABLES]; /* committed */
	struct histogram copies;     /* from sending the rows of a table to its answer */
	struct histogram commits; /* whole transactions, the wait for the writers' lock with them */
	int64_t last_commit_ms;   /* since 1970; 0: none yet */
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
const struct store_stats *store_stats(const struct store *s);
size_t store_queries(const struct store *s); /* of people, under way */
/* Why not, for people. */
const char *store_trouble(const struct store *s);
/* All of the schema as a script for psql, for a role of the database that may make it: then the role `login`, as which
 * auditd connects, needs no right but to add records, and can drop nothing of the last keep_days (0: as the database has it). */
enum { STORE_KEEP_EVER = INT32_MAX };
void store_schema_print(FILE *f, const char *login, int64_t keep_days);

/* --- writing: one operation at a time, by writer.c ---------------------------------------------- */

enum store_outcome {
	STORE_OK,
	STORE_LOST,     /* the connection broke: whether it was done is not known */
	STORE_BAD_DATA, /* the database does not take these records */
	STORE_REFUSED,  /* it failed for no fault of the records */
	STORE_OUTCOMES, /* how many there are */
};
/* What an operation came to. */
struct store_answer {
	enum store_outcome outcome;
	const char *why; /* for people, when it is not STORE_OK */
	int32_t source;  /* store_find_source: its number */
	uint64_t seq;    /* and everything up to here is there */
	int64_t idx;     /* store_ingest_begin: number of the next event */
};
/* Called once for each operation, perhaps from inside the function that starts it; not when the store is freed. */
typedef void store_done_fn(const struct store_answer *answer, void *arg);

/* Finds or makes the row of a producer's log. key: kind, name, log id, host. */
void store_find_source(struct store *s, const char *const key[4], store_done_fn *done, void *arg);

/* Where a source stands in a transaction. */
struct store_place {
	int32_t source;
	void *owner; /* the caller's */
	uint64_t at; /* everything up to here is there: as expected, and after locking as it is */
	uint64_t expected; /* the caller's */
	bool found;
	uint64_t seq; /* for writing: everything up to here is there afterwards */
	uint64_t records;
};

/* Begins a transaction under the writers' lock; fills in the places, which are sorted by source: at, found. */
void store_ingest_begin(struct store *s, struct store_place *places, size_t n, store_done_fn *done,
    void *arg);
/* Puts into facts what the database has of what they want; within a transaction that was begun. */
void store_look(struct store *s, struct facts *facts, store_done_fn *done, void *arg);
/* Writes the rows and the places, commits. batch and places stay the caller's until done. After STORE_BAD_DATA and
 * STORE_REFUSED the transaction was rolled back. */
void store_write(struct store *s, struct batch *batch, const struct store_place *places, size_t n,
    store_done_fn *done, void *arg);
/* Ends a transaction without writing. */
void store_ingest_rollback(struct store *s, store_done_fn *done, void *arg);
/* Partitions ahead, old ones dropped. STORE_OK: today has its partition. */
void store_maintain(struct store *s, store_done_fn *done, void *arg);
/* Partitions exist for an ingest time like this. */
bool store_has_day(const struct store *s, int64_t unix_us);

/* --- reading: any number at once ---------------------------------------------------------- */

/* Which events or recordings. Empty texts and 0 let everything through. */
struct store_filter {
	int64_t from_us, to_us;   /* when the event happened, when the session began */
	const char *const *types; /* globs; events only */
	size_t n_types;
	const char *user, *node;   /* node: UUID or name */
	struct cursor after;       /* what stands behind it in the list */
	const char *session;       /* UUID; of recordings also the beginning of one */
	const char *only_user;     /* what others did is not shown; NULL: everything is */
	bool failed_only, ok_only; /* events only */
	bool running;              /* recordings only: without an end */
	uint32_t limit;
	int64_t
	    bucket_us; /* counts only: how long a bucket is; from_us is where the first begins */
};

/* Texts are never NULL. Texts and bytes are valid until the done function returns. */
struct store_event {
	struct span canon;            /* the Record as its producer wrote it */
	const char *node, *node_name; /* whom it concerns, as the registry says */
	const char *producer_kind, *producer, *backed;
	int64_t received_us;
	int64_t happened_us, idx; /* its place in the list */
	bool at_doubtful;
};
struct store_recording {
	const char *session, *kind, *user, *login, *node, *node_name, *command;
	const char *producer_kind, *producer, *backed;
	const char *remote_addr;
	int64_t started_us, ended_us; /* ended_us 0: still running */
	int64_t heard_us;             /* when something of its source was last written */
	int64_t bytes;
	int32_t exit_status;
	int cols, rows;
	bool interactive;
	int32_t source; /* the log its frames came from */
};
struct store_chunk {
	int64_t seq, span_us;
	size_t raw_len;
	struct span data, output; /* zstd beside that text */
	bool intact;              /* it fits its hash */
};
struct store_bucket {
	int64_t from_us, oldest_us; /* oldest: of its events */
	uint64_t events, failed;
};
struct store_counts {
	uint64_t sources, records;
};

/* What a query found. */
struct store_list {
	enum db_code code;
	const char *why; /* when it is not DB_OK */
	size_t n;
	bool more; /* as many as the limit: there may be others behind them */
	bool late; /* the database gave up: it would take too long */
	union {
		const struct store_event *events;
		const struct store_recording *recordings;
		const struct store_chunk *chunks;
		const struct store_bucket *buckets;
		const struct store_counts *counts; /* one */
	};
};
/* Called once for each query, also when the store is freed (DB_E_LOST), perhaps from inside the asking function. */
typedef void store_list_fn(const struct store_list *list, void *arg);

/* Newest first. */
void
store_events(struct store *s, const struct store_filter *filter, store_list_fn *done, void *arg);
/* How many events, in buckets of time, oldest first; those of the newest STORE_COUNT_MAX events. At least from_us, to_us and
 * bucket_us of the filter are given; what is behind a cursor, and the limit, do not count. */
enum { STORE_COUNT_MAX = 1000000 };
void store_event_buckets(struct store *s, const struct store_filter *filter, store_list_fn *done,
    void *arg);
void store_recordings(struct store *s, const struct store_filter *filter, store_list_fn *done,
    void *arg);
/* Which chunks of a recording: those with a greater number, in order, at most limit. */
struct store_chunks {
	const char *session; /* UUID */
	int32_t source;
	int64_t after;
	int limit;
};
void
store_chunks(struct store *s, const struct store_chunks *which, store_list_fn *done, void *arg);
void store_count(struct store *s, store_list_fn *done, void *arg);

#endif
