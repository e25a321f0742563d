/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: the frames of a session on their way to the log. They gather in a file beside the session's file in
 * live/ (rec/chunk.h) and become a record at 64 KiB, after a few seconds (of a session that somebody watches, at once), or at
 * the session's end. For session*.c and live.c.
 */
#ifndef NODE_RECORDING_H
#define NODE_RECORDING_H

#include "event/loop.h"
#include "node/node.h"
#include "node/share.h"
#include "rec/chunk.h"

struct recording {
	struct node *node; /* NULL: not open */
	const char *session;
	struct rec_chunk *chunk;
	struct timer timer;
	int64_t watched_ms; /* until then somebody looks on */
	int64_t record_ms;  /* when the last record was made */
	struct share share;
};

/* session: UUID, the caller's; user: whose it is. Negative: nothing can be recorded. */
int recording_open(struct recording *r, struct node *n, const char *session, const char *user);
/* A sink of the recorder (session/recorder.h); arg: struct recording. */
int recording_frames(const char *session, struct span frames, void *arg);
/* Somebody looks at the session, for the next half minute at least. */
void recording_watched(struct recording *r);
/* What has gathered becomes a record. Negative: the log is full; it stays where it is. */
int recording_flush(struct recording *r);
/* The file stays, for live.c. */
void recording_close(struct recording *r);

/* Of every file that is there when the worker starts, before anything is written: whether a record was made of what has
 * gathered is told by where the log ended, and by nothing else once it has grown. */
void recording_settle(const struct node *n, const char *session);
/* Of a session that died with its worker, or while the log was full: what has gathered goes to the log, with an exit
 * that nobody saw. Negative: the log is full. */
int recording_recover(struct node *n, const char *session);
/* The session's end is written. */
void recording_remove(const struct node *n, const char *session);

#endif
