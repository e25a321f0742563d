/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share: how much of the spool a session and a user may fill while auditd does not take it. Who has filled his share
 * waits: his processes are not read any more until there is room. For session*.c, stream.c and recording.c.
 *
 * Nobody has a fixed part. A session may hold as much as is free for all, a user twice that: one alone stops at half
 * of the spool, ten at a tenth each, and there is always as much left for the next one. A session that holds little is never
 * the one that waits. The last tenth is not for recordings: events, and the ends of sessions, find room there. What a
 * session holds is counted as it was shown and not as it is compressed: auditd has to take it, and its time is shared too. Of
 * a user who has more than his part no events are written but of what still runs.
 */
#ifndef NODE_SHARE_H
#define NODE_SHARE_H

#include "base/list.h"
#include "node/node.h"

enum { SHARE_MARKS = 32 };

/* Bytes in records that auditd has not committed yet. */
struct share_held {
	uint64_t bytes;
	/* up to a record's number, oldest first; a ring */
	struct share_mark {
		uint64_t seq, bytes;
	} marks[SHARE_MARKS];
	unsigned first, n;
};

struct share_user;

struct share {
	struct node *node;
	struct share_user *user; /* NULL: not open */
	struct share_held held;
};

/* Negative: no memory. */
int share_open(struct share *s, struct node *n, const char *user);
void share_close(struct share *s);
/* The last record of the log, so many bytes, is this session's. */
void share_add(struct share *s, uint64_t bytes);
/* The same of an event that is the user's. */
void share_charge(struct node *n, const char *user, uint64_t bytes);
/* False: it waits. */
bool share_has_room(struct share *s);
/* What the user holds is more than one may: nothing of his begins, or is told. */
bool share_is_full(struct node *n, const char *user);
/* With the node. */
void share_free_all(struct node *n);

#endif
