/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: timers, file descriptors and the turn of the event loop, over
 * libevent; see loop.h. Signals and children are in child.c, threads in pool.c.
 */
#include "event/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "event/loop_priv.h"

enum { TURN_WAITS = -1 };

/* libevent speaks to stderr unless told otherwise; what it has to say is for whoever debugs. */
static void
on_libevent_log(int severity, const char *msg)
{
	(void)severity;
	log_debug("libevent", "text", msg, NULL);
}

int
loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	*ret = NULL;
	if (!loop)
		return -1;
	event_set_log_callback(on_libevent_log);
	list_init(&loop->deferred);
	list_init(&loop->children);
	deferred_init(&loop->reap, child_reap, loop);
	loop->base = event_base_new();
	if (!loop->base || timer_init(&loop->turn_timer, loop, NULL, NULL) < 0) {
		loop_free(loop);
		return -1;
	}
	*ret = loop;
	return 0;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	list_each (struct deferred, d, &loop->deferred, link)
		deferred_cancel(d);
	child_free_all(loop);
	timer_done(&loop->turn_timer);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

int64_t
loop_now_ms(struct loop *loop)
{
	if (!loop->now_ms)
		loop->now_ms = clock_mono_ms();
	return loop->now_ms;
}

const struct histogram *
loop_turns(const struct loop *loop)
{
	return &loop->turns;
}

/* Before a callback: the turn's work begins with the first one. */
static void
begin_work(struct loop *loop)
{
	if (!loop->busy_us)
		loop->busy_us = clock_mono_us();
}

/* What was queued before this call; what the callbacks queue waits for the next turn. */
static void
run_deferred(struct loop *loop)
{
	struct list batch;

	if (list_empty(&loop->deferred))
		return;
	batch = loop->deferred;
	/* The head was copied: its neighbours are told where the list begins now. */
	batch.next->prev = &batch;
	batch.prev->next = &batch;
	list_init(&loop->deferred);
	begin_work(loop);
	/* From the front each time: a callback may cancel, and free, any other one of the batch. */
	while (!list_empty(&batch)) {
		struct deferred *d = list_first(struct deferred, &batch, link);

		deferred_cancel(d);
		d->fn(d->arg);
	}
}

int
loop_turn(struct loop *loop, int timeout_ms)
{
	int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
	int r;

	if (timeout_ms == 0 || !list_empty(&loop->deferred))
		flags |= EVLOOP_NONBLOCK;
	else if (timeout_ms > 0)
		timer_start(&loop->turn_timer, timeout_ms);
	/* The clock is read once a turn, by whoever asks first. */
	loop->now_ms = 0;
	loop->busy_us = 0;
	r = event_base_loop(loop->base, flags);
	timer_stop(&loop->turn_timer);
	run_deferred(loop);
	/* A callback that turned the loop itself (daemons do while they wait at the end) has its time counted there. */
	if (loop->busy_us)
		histogram_add(&loop->turns, clock_mono_us() - loop->busy_us);
	loop->busy_us = 0;
	return r < 0 ? -1 : 0;
}

int
loop_run(struct loop *loop)
{
	int r = 0;

	while (!loop->stop && r == 0)
		r = loop_turn(loop, TURN_WAITS);
	loop->stop = false;
	return r;
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true; /* a turn ends by itself once the callbacks that are due have run */
}

/* --- timers ------------------------------------------------------------------ */

static struct timeval
to_timeval(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	begin_work(t->loop);
	if (t->repeat_ms) {
		struct timeval tv = to_timeval(t->repeat_ms);

		/* Before the callback, which may stop the timer or free it; behind it t may be gone. */
		event_add(t->ev, &tv);
	}
	if (t->fn)
		t->fn(t->arg); /* may free t */
}

int
timer_init(struct timer *t, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	*t = (struct timer){ .loop = loop, .fn = fn, .arg = arg };
	t->ev = event_new(loop->base, -1, 0, on_timer, t);
	return t->ev ? 0 : -1;
}

void
timer_start(struct timer *t, int64_t ms)
{
	struct timeval tv = to_timeval(ms);

	if (!t->ev)
		return;
	t->repeat_ms = 0;
	event_add(t->ev, &tv);
}

void
timer_repeat(struct timer *t, int64_t ms)
{
	timer_start(t, ms);
	t->repeat_ms = ms > 0 ? ms : 1;
}

void
timer_stop(struct timer *t)
{
	if (!t->ev)
		return;
	t->repeat_ms = 0;
	event_del(t->ev);
}

void
timer_done(struct timer *t)
{
	if (t->ev)
		event_free(t->ev);
	t->ev = NULL;
}

/* --- file descriptors ----------------------------------------------------------- */

static const struct timeval at_once = { 0, 0 };

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	int ready = 0;

	(void)fd;
	begin_work(w->loop);
	if (w->always) {
		event_add(w->ev, &at_once);
		ready = w->want;
	}
	if (what & EV_READ)
		ready |= WATCH_READ;
	if (what & EV_WRITE)
		ready |= WATCH_WRITE;
	w->fn(w, ready, w->arg); /* may free w */
}

int
watch_init(struct watch *w, struct loop *loop, int fd,
    void (*fn)(struct watch *, int ready, void *arg), void *arg)
{
	*w = (struct watch){ .loop = loop, .fd = fd, .fn = fn, .arg = arg };
	w->ev = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_watch, w);
	return w->ev ? 0 : -1;
}

void
watch_set(struct watch *w, int want)
{
	short events = EV_PERSIST;

	if (!w->ev || want == w->want)
		return;
	w->want = want;
	/* The zero timer runs already and looks at `want` when it fires. */
	if (w->always && want)
		return;
	event_del(w->ev);
	w->always = false;
	if (!want)
		return;
	if (want & WATCH_READ)
		events |= EV_READ;
	if (want & WATCH_WRITE)
		events |= EV_WRITE;
	event_assign(w->ev, w->loop->base, w->fd, events, on_watch, w);
	if (event_add(w->ev, NULL) == 0)
		return;
	/* epoll refuses regular files, which are always ready ("tsh ssh host < file"). */
	w->always = true;
	event_assign(w->ev, w->loop->base, -1, 0, on_watch, w);
	event_add(w->ev, &at_once);
}

void
watch_done(struct watch *w)
{
	if (w->ev)
		event_free(w->ev);
	w->ev = NULL;
	w->want = 0;
}

/* --- end of turn ----------------------------------------------------------------- */

void
deferred_init(struct deferred *d, void (*fn)(void *arg), void *arg)
{
	*d = (struct deferred){ .fn = fn, .arg = arg };
	list_init(&d->link);
}

void
loop_defer(struct loop *loop, struct deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	list_add(&loop->deferred, &d->link);
}

void
deferred_cancel(struct deferred *d)
{
	if (!d->queued)
		return;
	d->queued = false;
	list_del(&d->link);
}
