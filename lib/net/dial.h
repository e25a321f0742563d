/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial: connects to HOST:PORT without blocking the loop. Names are resolved on the pool's
 * threads; every address is tried in turn.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/err.h"
#include "event/loop.h"

struct dial;

/* Once, from the loop: a connected non-blocking socket that is the callee's now, or -1 and why.
 * The dial is gone when it returns. */
typedef void dial_done_fn(int fd, const char *why, void *arg);

struct dial_config {
	struct loop *loop;
	struct pool *pool; /* for names; NULL: addresses only */
	int timeout_ms;    /* for all of it */
	dial_done_fn *done;
	void *arg;
};

/* address: HOST:PORT. Negative (with e): malformed, no memory or too many look-ups are waiting;
 * done is not called. done is never called from inside this function. */
int
dial_new(struct dial **ret, const struct dial_config *config, const char *address, struct err *e);
/* Forget it: done will not be called. */
void dial_cancel(struct dial *d);

#endif
