/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_priv: what ingest.c (when), writer.c (what the writing connection does), group.c (the records of one
 * transaction) and source.c (sources and their queue) share.
 */
#ifndef AUDIT_INGEST_PRIV_H
#define AUDIT_INGEST_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "audit/ingest.h"

enum {
	INGEST_GROUP_RECORDS = 1000,
	INGEST_GROUP_BYTES = 1024 * 1024,
	INGEST_GROUP_MS = 100,
	INGEST_SOURCE_BYTES = 4 * 1024 *
	    1024, /* a source with more is paused until half of it is written */
	INGEST_QUEUE_BYTES = 64 * 1024 * 1024, /* of all; then all are paused */
	INGEST_RETRY_MS = 1000,
	INGEST_DEAD_RUN =
	    20, /* so many refused in a row: the database is at fault, not the records */
	INGEST_MAINTAIN_MS = 3600 * 1000,
};

/* The bytes of one message; its records point into them. */
struct pack {
	struct buf raw;
	uint32_t refs;
};

struct item {
	struct list link; /* in queue or flight */
	struct ingest_source *source;
	struct pack *pack;
	uint64_t seq, lost;
	struct span record;
	char *dead;
	bool quiet; /* the event about its being dead is not taken either */
};

/* What was said about records of a producer that were set aside: as committed, and as it will be. */
struct refusals {
	struct batch_refusals now, next;
};

struct ingest_source {
	struct ingest *in;
	struct list waiting; /* in->opening while its place is asked for */
	char *key;           /* in in->sources */
	enum rpc_who who;
	char *name, *log_id, *host;
	void *stream; /* NULL: gone */
	int32_t id;   /* in the database; 0: not known yet */
	bool opened;  /* its place was read for the stream that is there */
	bool paused;
	bool in_group;             /* has a place in the transaction that runs */
	uint64_t queued;           /* the last record that was taken */
	size_t bytes, items;       /* in queue and flight */
	struct refusals *refusals; /* of the producer, in in->refusals */
};

/* What the writing connection does. Changed by writer_enter alone; what comes after what is the table in writer.c. */
enum writer_state {
	WRITER_AWAY, /* no database */
	WRITER_IDLE,
	WRITER_MAINTAINING, /* partitions are made and dropped */
	WRITER_PLACING,     /* the place of the source `asking` is read */
	WRITER_BEGINNING,   /* the transaction of a group: lock, places */
	WRITER_LOOKING,     /* what the database has about its connections and sessions */
	WRITER_WRITING,     /* its rows, and the commit */
	WRITER_UNDOING,     /* it is taken back */
};

struct ingest {
	struct loop *loop;
	struct store *store;
	const struct replica *replica;
	struct ingest_events events;
	struct map *sources;
	struct map *refusals; /* by kind and name of the producer: as many as there are hosts */
	struct list opening;  /* sources whose place must be read */
	struct list queue;    /* items, oldest first */
	struct list flight;   /* items of the transaction that runs */
	size_t queue_items, queue_bytes; /* with flight */
	size_t flight_items;
	int64_t oldest_ms; /* when the queue stopped being empty */
	bool all_paused;

	enum writer_state writer;
	bool retry_wait; /* after a refusal: not before the timer */
	bool maintain_due;
	size_t group_max; /* records a transaction; smaller while a bad one is looked for */
	int dead_run;
	bool said_refused;
	struct deferred turn;
	struct timer timer; /* the group is due; also after a refusal */
	struct timer maintain;
	int64_t last_us; /* ingest time never goes back */

	struct ingest_source *asking; /* whose place is being read */
	struct store_place *places;
	size_t n_places;
	struct batch batch;
	bool batch_live;
	int64_t idx;         /* of the first event of the transaction */
	struct facts *known; /* what is committed */
	struct facts *facts; /* of the transaction that runs; NULL: none */

	void (*drained)(void *arg);
	void *drained_arg;
	struct ingest_counters counters;
};

/* source.c */
void ingest_item_free(struct ingest *in, struct item *it);
/* Frees a source that nobody needs any more. */
void source_release(struct ingest_source *s);
/* Ends the stream and forgets what is queued (not what is in flight). */
void source_reset(struct ingest_source *s, enum rpc_code code, const char *why);
void source_flow(struct ingest *in, struct ingest_source *s);
void source_flow_all(struct ingest *in);
/* ingest.c */
void ingest_kick(struct ingest *in);
int64_t ingest_wall_us(void);
/* writer.c */
void writer_enter(struct ingest *in, enum writer_state state);
bool writer_is_busy(const struct ingest *in);
void writer_back_off(struct ingest *in, const char *why);
/* group.c: in this order. group_take and group_build are negative without memory; group_take then leaves the queue as
 * it was. group_build is 1 when facts have to be asked of the database first. */
bool group_is_due(const struct ingest *in);
int group_take(struct ingest *in);
void group_settle(struct ingest *in); /* drops what is there already, ends who is out of step */
int group_build(struct ingest *in);
void group_commit(struct ingest *in); /* what was learned counts */
void group_acknowledge(struct ingest *in);
void group_drop(struct ingest *in);   /* its records are in the database */
void group_return(struct ingest *in); /* its records are to be tried again */
void group_over(struct ingest *in);

#endif
