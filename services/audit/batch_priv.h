/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_priv: what batch.c (rows of records) and batch_session.c (recordings and their rows) share.
 */
#ifndef AUDIT_BATCH_PRIV_H
#define AUDIT_BATCH_PRIV_H

#include "audit/batch.h"

enum { BATCH_ROWS_MAX = 64 * 1024 * 1024 };

/* All: negative without memory. */
/* session.start and session.end of a node shape the row of the recording. */
int batch_session_event(struct batch *b, const struct batch_item *item, const struct record *r,
    const struct record_view *view);
int batch_session_frames(struct batch *b, const struct batch_item *item, const struct record *r);
/* The chunks and the JSON of all sessions. */
int batch_sessions_finish(struct batch *b);
void batch_sessions_free(struct batch *b);

#endif
