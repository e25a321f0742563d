/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopback: see loopback.h.
 */
#include "tsh/loopback.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/loop.h"
#include "http/server.h"
#include "net/listen.h"

enum {
	CONNECTIONS = 32, /* browsers open some that they do not use */
	REQUEST_MS = 5000,
	TURN_MS = 1000,
	FAREWELL_MS = 2000,
};

struct loopback {
	struct loop *loop;
	struct listener *listener;
	struct http_server *http;
	unsigned open;
	/* Of loopback_wait: */
	const char *id, *then;
	char *grant;
	size_t size;
	bool brought;
};

/* --- the request -------------------------------------------------------------------------------- */

/* False: nothing of ours. */
static bool
take(struct loopback *l, struct http_request *r)
{
	struct http_query q = { .rest = http_query_text(r) };

	if (!l->id || strcmp(http_param(r), l->id) != 0 || http_query_next(&q) != 1 ||
	    strcmp(q.name, "grant") != 0)
		return false;
	l->brought = str_copy(l->grant, l->size, q.value);
	return l->brought;
}

/* The address with the grant stays in no history: the browser goes on to the proxy's page. */
static void
on_answer(struct http_request *r, void *arg)
{
	struct loopback *l = arg;

	if (!take(l, r)) {
		http_reply_text(r, 404, "tsh waits for something else here\n");
		return;
	}
	http_set_header(r, "Location", l->then);
	http_reply_text(r, 303, "tsh goes on in your terminal\n");
}

static void
on_closed(const struct addr *peer, void *arg)
{
	struct loopback *l = arg;

	(void)peer;
	l->open--;
}

static void
on_accept(int fd, const struct addr *peer, void *arg)
{
	struct loopback *l = arg;

	if (http_server_take(l->http, fd, peer, (struct span){ NULL, 0 }) < 0)
		close(fd);
	else
		l->open++;
}

/* --- the port --------------------------------------------------------------------------------------- */

static int
start(struct loopback *l, struct err *e)
{
	static const struct http_route routes[] = { { "GET", "/:id", on_answer, 0 } };
	const struct http_config config = { .routes = routes,
		.n_routes = 1,
		.arg = l,
		.max_connections = CONNECTIONS,
		.per_address = CONNECTIONS,
		.newest_first = true,
		.request_ms = REQUEST_MS,
		.closed = on_closed };
	int fd;

	if (loop_new(&l->loop) < 0 || http_server_new(&l->http, l->loop, &config) < 0)
		return err_memory(e);
	fd = listen_bind("127.0.0.1:0", e);
	return fd < 0 ? -1 : listen_new(&l->listener, l->loop, fd, on_accept, l, e);
}

int
loopback_open(struct loopback **ret, struct err *e)
{
	struct loopback *l = calloc(1, sizeof(*l));

	if (!l)
		return err_memory(e);
	if (start(l, e) < 0) {
		loopback_free(l);
		return -1;
	}
	*ret = l;
	return 0;
}

void
loopback_free(struct loopback *l)
{
	if (!l)
		return;
	listen_free(l->listener);
	if (l->http)
		http_server_free(l->http);
	if (l->loop)
		loop_free(l->loop);
	free(l);
}

uint16_t
loopback_port(const struct loopback *l)
{
	return listen_port(l->listener);
}

/* The browser has its answer before we go. */
static void
say_farewell(struct loopback *l)
{
	int64_t until = clock_mono_ms() + FAREWELL_MS;

	http_server_drain(l->http);
	while (l->open > 0 && clock_mono_ms() < until)
		if (loop_turn(l->loop, 100) < 0)
			return;
}

int
loopback_wait(struct loopback *l, const char *id, const char *then, int64_t life_ms, char *grant,
    size_t size, struct err *e)
{
	int64_t until = clock_mono_ms() + life_ms;

	l->id = id;
	l->then = then;
	l->grant = grant;
	l->size = size;
	while (!l->brought && clock_mono_ms() < until)
		if (loop_turn(l->loop, TURN_MS) < 0)
			return err_set(e, "the event loop failed");
	say_farewell(l);
	l->id = NULL;
	if (l->brought)
		return 0;
	return err_set(e, "nobody approved the login in time; run tsh login again");
}
