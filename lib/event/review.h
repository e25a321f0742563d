/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review: judges everything that is open again when what it was allowed by has changed. A slice a
 * turn, so that ten thousand connections do not hold up the loop; asked again before it is done, it
 * starts over and still gets to everybody. Used by proxyd, noded and auditd for connections,
 * relays, sessions and streams. No threads, memory only.
 */
#ifndef EVENT_REVIEW_H
#define EVENT_REVIEW_H

#include <stdint.h>

#include "event/loop.h"

enum { REVIEW_SLICE = 100 }; /* judged a turn */

/* Embedded in what is judged. */
struct review_item {
	struct list link;
	uint64_t round;
};

struct review {
	struct loop *loop;
	struct deferred turn;
	struct list items; /* those that wait come first */
	uint64_t round;
	/* May remove items, also this one. */
	void (*judge)(struct review_item *item, void *arg);
	void *arg;
};

void review_init(struct review *r, struct loop *loop,
    void (*judge)(struct review_item *item, void *arg), void *arg);
void review_done(struct review *r); /* the items must be gone; also on a zeroed struct */
/* Has just been judged: the next round finds it. */
void review_add(struct review *r, struct review_item *item);
/* Also of one that was zeroed and never added. */
void review_remove(struct review_item *item);
/* Something changed: judges every item, beginning at the end of this turn. */
void review_again(struct review *r);

#endif
