/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_sync: brings what was written to the log onto the disk, without holding up the loop. See audit_log.h. Called by
 * whoever must not begin something before its record would survive a power cut.
 *
 * One fdatasync runs at a time, on a thread; whoever asks meanwhile is answered by the next, all of them by one.
 */
#include <stdlib.h>
#include <unistd.h>

#include "api/audit_log_priv.h"
#include "base/log.h"
#include "base/mem.h"

struct waiter {
	struct list link;
	void (*done)(bool ok, void *arg);
	void *arg;
};

/* What the thread touches; the log may be gone before it ends. */
struct audit_sync_round {
	struct audit_sync *sync;
	int fd;
	bool failed;
};

static int begin(struct audit_sync *s);

static void
work(void *arg)
{
	struct audit_sync_round *round = arg;

	round->failed = fdatasync(round->fd) < 0;
}

/* Answers those of the round that ends. Their callbacks may ask again, or cancel others. */
static void
settle(struct audit_sync *s, bool ok)
{
	struct waiter *w;

	while ((w = list_first(struct waiter, &s->running_for, link)) != NULL) {
		struct waiter gone = *w;

		list_del(&w->link);
		free(w);
		if (gone.done && !s->closing)
			gone.done(ok, gone.arg);
	}
}

static void
on_done(void *arg, bool ran)
{
	struct audit_sync_round *round = arg;
	struct audit_sync *s = round->sync;
	bool failed = round->failed || !ran;

	close(round->fd);
	free(round);
	if (failed && ran)
		log_error("the audit log cannot be brought onto the disk", NULL);
	for (bool ok = !failed;; ok = false) {
		settle(s, ok);
		/* Only now: who asks from a callback waits for the next round, like all others. */
		s->running = false;
		if (s->closing || list_empty(&s->waiting) || begin(s) == 0)
			return;
	}
}

/* All that wait have a round. Negative: it cannot be, and they still have none. */
static int
begin(struct audit_sync *s)
{
	struct audit_sync_round *round = calloc(1, sizeof(*round));

	list_move_all(&s->running_for, &s->waiting);
	s->running = true;
	if (round)
		*round = (struct audit_sync_round){ s, rec_log_dup(s->log->rec), false };
	if (round && round->fd >= 0 && pool_submit(s->pool, work, on_done, round) == 0)
		return 0;
	if (round)
		mem_closep(&round->fd);
	free(round);
	return -1;
}

int
audit_log_sync(struct audit_log *log, void (*done)(bool ok, void *arg), void *arg)
{
	struct audit_sync *s = &log->sync;
	struct waiter *w = calloc(1, sizeof(*w));

	/* The thread is made when somebody needs it: not every producer does. */
	if (!w || (!s->pool && pool_new(&s->pool, log->loop, 1, 1) < 0)) {
		free(w);
		return -1;
	}
	*w = (struct waiter){ .done = done, .arg = arg };
	list_add(&s->waiting, &w->link);
	if (s->running || begin(s) == 0)
		return 0;
	/* No round was running, so nobody else waits. */
	list_del(&w->link);
	free(w);
	s->running = false;
	return -1;
}

static void
forget(struct list *waiters, const void *arg)
{
	list_each (struct waiter, w, waiters, link)
		if (w->arg == arg)
			w->done = NULL;
}

void
audit_log_sync_cancel(struct audit_log *log, const void *arg)
{
	/* The entry stays where it is: a callback may cancel while the list is gone through. */
	forget(&log->sync.waiting, arg);
	forget(&log->sync.running_for, arg);
}

void
audit_sync_init(struct audit_sync *s, struct audit_log *log)
{
	s->log = log;
	list_init(&s->waiting);
	list_init(&s->running_for);
}

void
audit_sync_done(struct audit_sync *s)
{
	struct waiter *w;

	s->closing = true;
	pool_free(s->pool);
	s->pool = NULL;
	while ((w = list_first(struct waiter, &s->waiting, link)) != NULL) {
		list_del(&w->link);
		free(w);
	}
}
