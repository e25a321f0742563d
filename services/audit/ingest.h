/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: records of all producers, in one queue, into the database in groups: one transaction for up to 1 000
 * records, 1 MiB or 100 ms, whichever is reached first. A producer hears of its records after the commit.
 *
 * A producer's log is a source. Its records must continue exactly where the database stands; two auditds on one
 * database, a lost connection and a commit without an answer are all settled by reading that place under the lock
 * of the transaction (store_ingest.c).
 *
 * Made in ingest.c and, for what belongs to one producer, source.c.
 * Called by rpc_ingest.c; owns the order of things and the queue, no SQL and no protobuf.
 */
#ifndef AUDIT_INGEST_H
#define AUDIT_INGEST_H

#include "event/loop.h"
#include "rpc/rpc.h"
#include "audit/store.h"

struct ingest;
struct ingest_source;

/* How ingest speaks to the stream of a source. */
struct ingest_events {
	/* Everything up to seq is in the database. The first one answers ingest_open. */
	void (*committed)(void *stream, uint64_t seq);
	/* Something of a session is in the database now; arg is config.arg. */
	batch_news_fn *recorded;
	/* Stop sending, go on. */
	void (*pause)(void *stream, bool paused);
	/* The stream has to end: another one took over, or it is out of step. Its source is let go of already: no
	 * ingest_close. */
	void (*end)(void *stream, enum rpc_code code, const char *why);
};

struct ingest_config {
	struct loop *loop;
	struct store *store;
	const struct replica *replica; /* the cluster, for what a record may say */
	void *arg;                     /* of `recorded` */
};
int ingest_new(struct ingest **ret, const struct ingest_config *config,
    const struct ingest_events *events);
void ingest_free(struct ingest *in); /* NULL is fine */

/* A stream of the producer (who, name of its certificate) with the log log_id on host. Another stream of the same
 * log is ended. NULL: no memory. */
struct ingest_source *ingest_open(struct ingest *in, enum rpc_who who, const char *name,
    const char *log_id, const char *host, void *stream);
/* The stream is gone. What is queued is still written. NULL is fine. */
void ingest_close(struct ingest_source *s);

enum ingest_result {
	INGEST_OK = 0,
	INGEST_E_ORDER =
	    1, /* not the record that comes next: the producer starts again from the place it is told */
	INGEST_E_MALFORMED = 2, /* not count records */
};
/* Queues count records from first_seq on. raw: each as u32 length and bytes; its memory is taken over when OK.
 * Negative: no memory. */
int ingest_add(struct ingest_source *s, uint64_t first_seq, uint32_t count, uint64_t lost,
    struct buf *raw);

/* The store came or went. */
void ingest_store_ready(struct ingest *in);
void ingest_store_lost(struct ingest *in);

/* Nothing more is taken; done(arg) when what is queued is written, or cannot be. */
void ingest_drain(struct ingest *in, void (*done)(void *arg), void *arg);

struct ingest_counters {
	uint64_t records, transactions, dead, queued, queued_bytes, streams;
	int64_t oldest_ms; /* how long the oldest has waited, to within a transaction */
};
struct ingest_counters ingest_counters(const struct ingest *in);

#endif
