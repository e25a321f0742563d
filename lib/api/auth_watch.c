/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_watch: the stream of changes from authd, opened again whenever it ends. See auth_watch.h.
 */
#include "api/auth_watch.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/version.h"
#include "crypto/rand.h"
#include "proto/auth.async.h"

enum { RETRY_MIN_MS = 200, RETRY_MAX_MS = 5000 };

struct auth_watch {
	struct rpc_client *c;
	struct auth_watch_events events;
	void *arg;
	struct timer again;
	struct rpc_call *call; /* NULL in a pause */
	unsigned failures;
	bool begun; /* the owner was told of this stream */
};

static void
on_update(struct rpc_call *call, const Auth__WatchUpdate *update)
{
	struct auth_watch *w = rpc_data(call);

	if (!w)
		return;
	if (!w->begun) {
		w->begun = true;
		w->failures = 0;
		if (w->events.begin)
			w->events.begin(w->arg);
	}
	if (rpc_data(call) == w) /* begin() may have freed the watch */
		w->events.update(update, w->arg);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct auth_watch *w = rpc_data(call);
	int64_t ms = RETRY_MIN_MS;

	if (!w)
		return;
	w->call = NULL;
	/* Jittered, below: when authd comes back, its watchers must not all come in the same instant. */
	ms <<= w->failures < 5 ? w->failures : 5;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	w->failures++;
	timer_start(&w->again, ms / 2 + rand_below((uint32_t)ms / 2 + 1));
	log_debug("watch ended", "cause", status->message, NULL);
	if (w->events.lost)
		w->events.lost(status->code, status->message, w->arg);
}

static void
open_stream(void *arg)
{
	static const struct auth_watch_on on = { .message = on_update, .closed = on_closed };
	struct auth_watch *w = arg;
	Auth__WatchRequest q = AUTH__WATCH_REQUEST__INIT;

	w->begun = false;
	q.version = SALLYPORT_VERSION;
	/* Asked each time: where to go on has moved since the last stream. */
	w->events.ask(&q, w->arg);
	w->call = auth_watch_open(w->c, &q, &on, w);
}

int
auth_watch_new(struct auth_watch **ret, struct rpc_client *c,
    const struct auth_watch_events *events, void *arg)
{
	struct auth_watch *w = calloc(1, sizeof *w);

	if (!w)
		return -1;
	w->c = c;
	w->events = *events;
	w->arg = arg;
	if (timer_init(&w->again, rpc_client_loop(c), open_stream, w) < 0) {
		free(w);
		return -1;
	}
	*ret = w;
	open_stream(w);
	return 0;
}

void
auth_watch_again(struct auth_watch *w)
{
	/* In a pause a new stream comes by itself. */
	if (w->call)
		rpc_cancel(w->call);
}

void
auth_watch_free(struct auth_watch *w)
{
	if (!w)
		return;
	if (w->call) {
		rpc_set_data(w->call, NULL);
		rpc_cancel(w->call);
	}
	timer_done(&w->again);
	free(w);
}
