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
	/* A group is begun when there is so much, or the oldest is so old; it takes what there is then, up to eight times as
	 * much: the busier, the fewer commits. */
	INGEST_DUE_RECORDS = 1000,
	INGEST_DUE_BYTES = 1024 * 1024,
	INGEST_GROUP_MS = 100,
	INGEST_GROUP_RECORDS = 8 * INGEST_DUE_RECORDS,
	INGEST_GROUP_BYTES = 4 * INGEST_DUE_BYTES,
	/* A producer with more, over all its logs, is paused until half of it is written. */
	INGEST_PRODUCER_BYTES = 4 * 1024 * 1024,
	/* Of all: beyond it whoever has more than the reserve is paused, so that nobody waits for others' backlog who has
	 * little to say; beyond the ceiling everybody. */
	INGEST_QUEUE_BYTES = 64 * 1024 * 1024,
	INGEST_RESERVE_BYTES = 256 * 1024,
	INGEST_CEILING_BYTES = 2 * INGEST_QUEUE_BYTES,
	/* Rows made ahead in one turn: the database must not wait for those that it is given meanwhile. */
	INGEST_SLICE_RECORDS = 200,
	INGEST_RETRY_MS = 1000,
	INGEST_DEAD_RUN =
	    20, /* so many refused in a row: the database is at fault, not the records */
	INGEST_FAILS_MAX = 5, /* so often no rows could be made of a record alone: it is at fault */
	INGEST_MAINTAIN_MS = 3600 * 1000,
};

/* The bytes of one message; its records point into them. */
struct pack {
	struct buf raw;
	uint32_t refs;
};

struct item {
	struct list link; /* in the queue or in a group */
	struct ingest_source *source;
	struct pack *pack;
	uint64_t seq, lost;
	struct span record;
	char *dead;
	bool quiet; /* the event about its being dead is not taken either */
	int fails;  /* how often no rows could be made of it alone */
};

/* A producer: what it takes up, over all its logs, and what was said about records of it that were set aside: as
 * committed, as it will be, and as it will be after the group behind that. Outlives its streams. */
struct ingest_producer {
	size_t bytes; /* in the queue and in groups */
	struct batch_refusals now, next, ahead;
	bool pending; /* next counts: a group with its records is under way */
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
	unsigned groups;    /* in which it has a place */
	bool listed;        /* while places are listed */
	uint64_t queued;    /* the last record that was taken */
	uint64_t committed; /* the last one of which the database said so */
	uint64_t grouped;   /* the last one that is in a group, or was */
	size_t items;       /* in the queue and in groups */
	struct ingest_producer *producer;
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

/* The records of one transaction. */
struct group {
	struct list items;
	size_t n, bytes;
	int64_t oldest_ms; /* when what it took had begun to wait */
	struct store_place
	    *places; /* of each source; at: where it stands, as expected or as the database says */
	size_t n_places;
	int64_t idx;         /* of the first event, likewise */
	struct batch batch;  /* its rows, when built */
	struct facts *facts; /* what it knows; NULL: the group is empty */
	size_t added;        /* records whose rows are made, before it is built */
	bool built;
};

struct ingest {
	struct loop *loop;
	struct store *store;
	const struct replica *replica;
	struct ingest_events events;
	void *arg; /* of events.recorded */
	struct map *sources;
	struct map *producers;           /* by kind and name: as many as there are hosts */
	struct list opening;             /* sources whose place must be read */
	struct list queue;               /* items, oldest first */
	size_t queue_items, queue_bytes; /* with those in groups */
	struct group group;              /* of the transaction that runs */
	struct group next;               /* made ready meanwhile */
	int64_t oldest_ms;               /* when what is in the queue began to wait */
	bool crowded;                    /* the queue has been full, and is not at half yet */

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
	int64_t idx;                  /* of the next event, when nobody else writes */
	struct facts *known;          /* what is committed */

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
/* After a change of what waits. */
void source_flow_of(struct ingest *in, struct ingest_source *s);
/* ingest.c */
void ingest_kick(struct ingest *in);
int64_t ingest_wall_us(void);
/* writer.c */
void writer_enter(struct ingest *in, enum writer_state state);
bool writer_is_busy(const struct ingest *in);
void writer_back_off(struct ingest *in, const char *why);
/* group.c. Functions that answer int are negative without memory. */
/* What waits is worth a transaction, beside the groups that there are. */
bool group_is_due(const struct ingest *in);
/* Takes records and begins to make their rows, by what is expected to be committed before them: all of them, but of the
 * group that is made ahead. Without memory the queue is as it was. */
int group_prepare(struct ingest *in, struct group *g);
/* Makes rows of n more records of the group that is made ahead; without memory it is undone. */
void group_go_on(struct ingest *in, size_t n);
/* All its rows are made, or it has to ask before there can be any. */
bool group_is_made(const struct group *g);
/* The database said where things stand, under the lock. 0: the rows are as they must be; 1: facts have to be asked for first.
 * Records that are there already were dropped, sources that are out of step thrown out: perhaps nothing is left. */
int group_begun(struct ingest *in, struct group *g, int64_t idx);
/* Rows with what was asked for. */
int group_rebuild(struct ingest *in, struct group *g);
/* It is committed: what it knows counts, and its producers are told. */
void group_committed(struct ingest *in, struct group *g);
/* Producers of a group that is there already are told. */
void group_acknowledge(struct ingest *in, struct group *g);
/* No rows could be made of it: smaller groups from now on, and at last without the record at fault. */
void group_failed(struct ingest *in, struct group *g);
/* The group made ready is the one to be written. */
void group_shift(struct ingest *in);
/* What is left of a group goes back to the head of the queue, the one that was made ready after it, too. */
void group_return(struct ingest *in);
/* Only what was made ready, whose records were queued when they were taken. */
void group_unprepare(struct ingest *in);
/* The place of s is another one now: what was made ready by the old one is undone. */
void group_forget_place(struct ingest *in, const struct ingest_source *s);
/* Empties and frees it; its records with it. */
void group_done(struct ingest *in, struct group *g);

#endif
