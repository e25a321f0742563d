/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the event loop of a daemon: timers, file descriptors, signals, children,
 * and work put off to the end of the turn; and a pool of threads that reports to it. One thread, one loop.
 * Made in loop.c, child.c (signals, children) and pool.c.
 * libevent is used here, in lib/net, lib/http and lib/rpc, and nowhere else.
 */
#ifndef EVENT_LOOP_H
#define EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

struct loop;
struct histogram;
struct event;
struct event_base;

int loop_new(struct loop **ret);
void loop_free(struct loop *loop);
/* Runs until loop_stop (at once when it was called before). Negative when the loop itself failed. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn: waits at most timeout_ms (-1: until something happens). For tests and for clients. */
int loop_turn(struct loop *loop, int timeout_ms);
/* Monotonic milliseconds as of this turn: read once when first asked, the same for all callbacks after. */
int64_t loop_now_ms(struct loop *loop);
/* How long the callbacks of each turn took: whatever else was ready waited for so long. */
const struct histogram *loop_turns(const struct loop *loop);

/* --- timers, embedded in their owner ----------------------------------------- */
struct timer {
	struct event *ev;
	struct loop *loop;
	int64_t repeat_ms; /* 0: once */
	void (*fn)(void *arg);
	void *arg;
};
int timer_init(struct timer *t, struct loop *loop, void (*fn)(void *arg), void *arg);
void timer_start(struct timer *t, int64_t ms);  /* once, from now; restarts */
void timer_repeat(struct timer *t, int64_t ms); /* every ms */
void timer_stop(struct timer *t);
void timer_done(struct timer *t); /* also on a zeroed struct */

/* --- file descriptors ----------------------------------------------------- */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
	struct event *ev;
	struct loop *loop;
	int fd;
	int want;
	bool always; /* a file that epoll does not take (a regular file): ready in every turn */
	void (*fn)(struct watch *w, int ready, void *arg);
	void *arg;
};
/* fd must be non-blocking; it stays the caller's. Watches nothing until watch_set. Level-triggered. */
int watch_init(struct watch *w, struct loop *loop, int fd,
    void (*fn)(struct watch *, int ready, void *arg), void *arg);
void watch_set(struct watch *w, int want); /* WATCH_READ | WATCH_WRITE, or 0 */
void watch_done(struct watch *w);

/* --- end of turn ---------------------------------------------------------- */
struct deferred {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
	bool queued;
};
void deferred_init(struct deferred *d, void (*fn)(void *arg), void *arg);
/* fn runs once after the callbacks of this turn; queueing twice is harmless. From inside fn: the next turn's,
 * which then does not wait. */
void loop_defer(struct loop *loop, struct deferred *d);
void deferred_cancel(struct deferred *d);

/* --- signals and children --------------------------------------------------- */
/* One handler a signal (the last one counts); runs from the loop, not from the signal. */
int loop_on_signal(struct loop *loop, int signo, void (*fn)(int signo, void *arg), void *arg);
/* fn once when pid has ended, with the status of waitpid. Uses SIGCHLD. A child that had ended before is
 * found too. fn may call loop_on_child again. */
int loop_on_child(struct loop *loop, pid_t pid, void (*fn)(pid_t pid, int status, void *arg),
    void *arg);

/* --- a bounded pool of threads for what takes long (Argon2id) ------------------- */
struct pool;
int pool_new(struct pool **ret, struct loop *loop, int threads, int queue_max);
/* From the next piece of work on its threads give way to everything else on the machine (nice 10): for what takes long, and
 * for which nobody but whoever asked for it shall wait. */
void pool_give_way(struct pool *pool);
/* Waits for work that is running; queued work is dropped with done(arg, false). */
void pool_free(struct pool *pool);
/* work runs on a thread and touches only arg; done(arg, ran) runs on the loop, or from pool_free.
 * Negative: the queue is full (done is not called). */
int pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg, bool ran),
    void *arg);

#endif
