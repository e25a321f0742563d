/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the rows of one transaction, made from records: events, chunks of recordings, proofs, and what is set aside.
 * Called by group.c, written by store_ingest.c. Memory only.
 *
 * A record whose producer may not say that (judge.c), or that the database did not take, becomes a dead letter with its
 * bytes, and an event `audit.refuse` that says so.
 */
#ifndef AUDIT_BATCH_H
#define AUDIT_BATCH_H

#include "audit/judge.h"
#include "base/buf.h"
#include "base/map.h"

/* Events that say what was set aside, of one producer: not more than this in a minute, so that nobody can fill the
 * trail. Dead letters are written for all. */
enum { BATCH_REFUSALS_MAX = 20 };

struct batch_refusals {
	int64_t minute_us; /* when counting began */
	int said;
	uint64_t unsaid; /* since the last one that was said */
};

/* One record on its way into the database. */
struct batch_item {
	struct producer producer;
	uint64_t seq;
	uint64_t lost;      /* records before it that are gone for ever */
	struct span record; /* packed */
	const char *dead;   /* why the database refused it; NULL: it has not */
	bool quiet;         /* no event about it: the database does not take that either */
	struct batch_refusals *refusals; /* of its producer */
};

struct batch {
	struct judge judge;
	int64_t now_us;
	int64_t idx;                            /* of the next event */
	int events, chunks, proofs, dead, gaps; /* rows */
	struct buf event_rows, chunk_rows, proof_rows, dead_rows, gap_rows;
	struct buf body;     /* of the event at hand */
	struct buf sessions; /* JSON array for audit_merge_sessions; empty: none */
	struct buf ended;    /* array of UUIDs for audit_end_connections; empty: none */
	struct map *by_session;
	struct batch_session *session_list;
};

/* Empty; holds no memory yet. What it grows to it keeps from one transaction to the next, within reason. */
void batch_init(struct batch *b);
void batch_done(struct batch *b);
/* Of each session that its records are about. */
struct batch_news {
	const char *session; /* UUID */
	const char *user;    /* whose it is, where it turned */
	bool turned;         /* it began, or ended */
};
typedef void batch_news_fn(const struct batch_news *news, void *arg);
void batch_each_session(const struct batch *b, batch_news_fn *each, void *arg);
/* Begins anew. The judge's time of receiving is that of all rows. idx: number of the first event. Negative: no memory. */
int batch_begin(struct batch *b, const struct judge *judge, int64_t idx);
/* Adds the rows of one record. Records of a source must come in order. When facts are wanting afterwards there are no
 * rows: the batch has to be made again once the database was asked. Negative: no memory. */
int batch_add(struct batch *b, const struct batch_item *item);
/* Ends the rows; nothing may be added afterwards. Negative: no memory. */
int batch_finish(struct batch *b);

#endif
