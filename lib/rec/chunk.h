/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk: the frames of one session until they are worth a record of the log: a file mapped into memory, so that what was
 * put there is the kernel's at once and survives a process that is killed, without a call of the system for every key
 * that is pressed.
 *
 * The record and the file change one after the other. So that a chunk whose writer died between the two is neither lost
 * nor there twice, the file says before which record it is about to become (rec_chunk_closing).
 */
#ifndef REC_CHUNK_H
#define REC_CHUNK_H

#include "base/buf.h"
#include "base/err.h"
#include "rec/shown.h"

enum { CHUNK_MAX = 64 * 1024 };

struct rec_chunk;

/* Creates the file, or opens one that a killed writer left. Its space is taken on the disk. */
int rec_chunk_open(struct rec_chunk **ret, const char *path, struct err *e);
/* The file stays. NULL is fine. */
void rec_chunk_free(struct rec_chunk *c);

/* Whole frames that are not in a record yet, and what their record is to bring along (shown.h). */
struct span rec_chunk_frames(const struct rec_chunk *c);
struct span rec_chunk_before(const struct rec_chunk *c);
/* False: they do not fit behind what is there. */
bool rec_chunk_add(struct rec_chunk *c, struct span frames);

/* The frames are about to become the record of that number. */
void rec_chunk_closing(struct rec_chunk *c, uint64_t seq);
/* That number; 0: they were not about to. */
uint64_t rec_chunk_is_closing(const struct rec_chunk *c);
/* They are a record now: others may come, after these. frames: those of the record, also when they never were in the
 * file. */
void rec_chunk_closed(struct rec_chunk *c, struct span frames);
/* The session's exit was among those that are a record. */
bool rec_chunk_is_ended(const struct rec_chunk *c);

#endif
