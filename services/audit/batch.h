/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the rows of one transaction, made from records. Called by ingest.c, written by store_ingest.c. Memory only.
 */
#ifndef AUDIT_BATCH_H
#define AUDIT_BATCH_H

#include "base/buf.h"
#include "base/map.h"
#include "rpc/rpc.h"

/* One record on its way into the database. */
struct batch_item {
	enum rpc_who who; /* of its producer */
	const char *name;
	int32_t source; /* number of the producer's log in the database */
	uint64_t seq;
	uint64_t lost;      /* records before it that are gone for ever */
	struct span record; /* packed */
	const char *dead;   /* why the database refused it; NULL: it has not */
};

struct batch {
	int64_t now_us;
	int64_t idx;                    /* of the next event */
	int events, chunks, dead, gaps; /* rows */
	struct buf event_rows, chunk_rows, dead_rows, gap_rows;
	struct buf sessions; /* JSON array for audit_merge_sessions; empty: none */
	struct map *by_session;
	struct batch_session *session_list;
};

/* now_us: the ingest time of all rows. idx: number of the first event. Negative: no memory. */
int batch_init(struct batch *b, int64_t now_us, int64_t idx);
void batch_done(struct batch *b);
/* Adds the rows of one record. Records of a source must come in order. Negative: no memory. */
int batch_add(struct batch *b, const struct batch_item *item);
/* Ends the rows; nothing may be added afterwards. Negative: no memory. */
int batch_finish(struct batch *b);

#endif
