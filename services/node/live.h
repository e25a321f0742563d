/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live: one small file a running session, so that a worker that starts after one was killed can
 * write the ends of the sessions that died with it; also of those that ended while the spool was
 * full.
 */
#ifndef NODE_LIVE_H
#define NODE_LIVE_H

#include "api/session_event.h"
#include "node/node.h"

enum { LIVE_FILE_MAX = 256 * 1024 };

/* Makes the folder; writes session.end for what is left there of the worker before. */
int live_open(struct live **ret, struct node *n, struct err *e);
void live_close(struct live *l); /* NULL is fine */
/* Negative: the file cannot be written, so the session must not begin. */
int live_put(struct node *n, const struct session_info *s);
/* session.end is written. */
void live_remove(struct node *n, const char *uuid);
/* It could not be: the spool is full. The file stays, and the end is written when there is room
 * again. */
void live_defer(struct node *n);

#endif
