/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_priv: the inside of the loop, for the files of lib/event only.
 */
#ifndef EVENT_LOOP_PRIV_H
#define EVENT_LOOP_PRIV_H

#include "event/loop.h"
#include "metric/histogram.h"

enum { LOOP_SIGNALS = 65 };

struct signal_slot {
	struct event *ev;
	void (*fn)(int signo, void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct timer turn_timer; /* ends a turn that must not wait longer */
	struct list deferred;
	struct list children;
	struct deferred reap;
	struct signal_slot signals[LOOP_SIGNALS];
	int64_t now_ms;  /* 0: not asked in this turn */
	int64_t busy_us; /* when the first callback of this turn began; 0: none yet */
	struct histogram turns;
	bool stop;
};

/* Asks waitpid about every child that is waited for; arg is the loop. */
void child_reap(void *arg);
/* Forgets all children and signal handlers. */
void child_free_all(struct loop *loop);

#endif
