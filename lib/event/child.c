/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child: signals and the end of child processes, delivered from the loop; see
 * loop.h. Only pids that were asked for are reaped: a library that forks on
 * its own keeps its children.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "event/loop_priv.h"

struct child {
	struct list link;
	pid_t pid;
	void (*fn)(pid_t pid, int status, void *arg);
	void *arg;
};

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_slot *slot = arg;

	(void)what;
	slot->fn((int)signo, slot->arg);
}

int
loop_on_signal(struct loop *loop, int signo, void (*fn)(int signo, void *arg), void *arg)
{
	struct signal_slot *slot;

	if (signo <= 0 || signo >= LOOP_SIGNALS)
		return -1;
	slot = &loop->signals[signo];
	slot->fn = fn;
	slot->arg = arg;
	if (slot->ev)
		return 0;
	slot->ev = evsignal_new(loop->base, signo, on_signal, slot);
	if (!slot->ev)
		return -1;
	if (event_add(slot->ev, NULL) == 0)
		return 0;
	event_free(slot->ev);
	slot->ev = NULL;
	return -1;
}

void
child_reap(void *arg)
{
	struct loop *loop = arg;

	list_each (struct child, c, &loop->children, link) {
		/* The entry is gone before its callback runs, which may well start the next child. */
		struct child gone = *c;
		int status = 0;
		pid_t r = waitpid(c->pid, &status, WNOHANG);

		if (r == 0 || (r < 0 && errno == EINTR))
			continue;
		/* Somebody else reaped it: report it as ended rather than wait for ever. */
		list_del(&c->link);
		free(c);
		gone.fn(gone.pid, r < 0 ? 0 : status, gone.arg);
	}
}

static void
on_sigchld(int signo, void *arg)
{
	(void)signo;
	child_reap(arg);
}

int
loop_on_child(struct loop *loop, pid_t pid, void (*fn)(pid_t pid, int status, void *arg), void *arg)
{
	struct child *c;

	if (!loop->signals[SIGCHLD].ev && loop_on_signal(loop, SIGCHLD, on_sigchld, loop) < 0)
		return -1;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -1;
	c->pid = pid;
	c->fn = fn;
	c->arg = arg;
	list_add(&loop->children, &c->link);
	/* Its SIGCHLD may have come before the handler. */
	loop_defer(loop, &loop->reap);
	return 0;
}

void
child_free_all(struct loop *loop)
{
	list_each (struct child, c, &loop->children, link) {
		list_del(&c->link);
		free(c);
	}
	for (int i = 0; i < LOOP_SIGNALS; i++) {
		if (loop->signals[i].ev)
			event_free(loop->signals[i].ev);
		loop->signals[i].ev = NULL;
	}
}
