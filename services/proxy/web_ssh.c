/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_ssh: a WebSocket whose bytes are an SSH connection to this proxy, as those of TCP are for other clients. Called by web.c
 * (GET /v1/webapi/ssh); the connection is ssh_server's.
 *
 * The page is a client like tsh: what is inside is encrypted between it and the SSH server, and once more between it and the
 * node. Binary messages; where one ends means nothing. An SSH packet that does not fit waits in the engine, whose window then
 * holds up whoever sends.
 *
 * Security: the cookie opens the way here, and nothing more: who somebody is for SSH his certificate says. The connection
 * counts among those of strangers until then, like any other, under the browser's address.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/ceiling.h"
#include "proxy/ssh_server.h"
#include "proxy/tunnel.h"
#include "proxy/web.h"
#include "proxy/web_live.h"
#include "ssh/loop.h"

enum { FRAME_MAX = 32 * 1024, MESSAGE_MAX = 1024 * 1024 };

/* Lives as long as one of the two. */
struct web_ssh {
	struct web_live live;
	struct ssh_link *link;               /* NULL: it has ended */
	char over[WEBSOCKET_REASON_MAX + 1]; /* why the web session is; "" */
};

static void
web_ssh_free_if_over(struct web_ssh *s)
{
	if (!s->link && !s->live.ws)
		free(s);
}

/* --- from the browser ---------------------------------------------------------------- */

static void
on_message(struct websocket *ws, bool is_text, struct span bytes, void *arg)
{
	struct web_ssh *s = arg;
	uint8_t copy[WEBSOCKET_PIECE_MAX];

	if (is_text) {
		websocket_close(ws, WEBSOCKET_UNSUPPORTED, "SSH is bytes: send binary messages");
		return;
	}
	if (!s->link)
		return;
	/* The engine decrypts in place. */
	memcpy(copy, bytes.p, bytes.n);
	ssh_link_feed(s->link, copy, bytes.n);
}

static void
on_drained(struct websocket *ws, void *arg)
{
	struct web_ssh *s = arg;

	(void)ws;
	if (s->link)
		ssh_link_writable(s->link);
}

/* Sessions under way may end by themselves, as those over TCP: ssh_server tells them (ssh_server_drain). */
static void
on_stopping(struct websocket *ws, void *arg)
{
	(void)ws, (void)arg;
}

static void
on_closed(struct websocket *ws, void *arg)
{
	struct web_ssh *s = arg;

	(void)ws;
	web_live_close(&s->live);
	if (s->link)
		ssh_link_hang_up(s->link, "the browser closed the connection");
	web_ssh_free_if_over(s);
}

static const struct websocket_events socket_events = { .message = on_message,
	.drained = on_drained,
	.stopping = on_stopping,
	.closed = on_closed };

/* --- to the browser ------------------------------------------------------------------- */

static size_t
on_pipe_send(struct span bytes, void *arg)
{
	struct web_ssh *s = arg;
	size_t at = 0;

	while (s->live.ws && at < bytes.n) {
		size_t room = websocket_room(s->live.ws), n = bytes.n - at;

		n = n < room ? n : room;
		n = n < FRAME_MAX ? n : FRAME_MAX;
		if (n == 0 ||
		    websocket_send(s->live.ws, false, (struct span){ bytes.p + at, n }) < 0)
			break;
		at += n;
	}
	return at;
}

static void
on_pipe_pause(bool paused, void *arg)
{
	const struct web_ssh *s = arg;

	if (s->live.ws)
		websocket_pause(s->live.ws, paused);
}

static void
on_pipe_gone(void *arg)
{
	struct web_ssh *s = arg;

	s->link = NULL;
	/* Why it ended SSH has said, unless it was too early for that. */
	if (s->live.ws && s->over[0])
		websocket_close(s->live.ws, WEBSOCKET_POLICY, s->over);
	else if (s->live.ws)
		websocket_close(s->live.ws, WEBSOCKET_NORMAL, "the SSH connection has ended");
	web_ssh_free_if_over(s);
}

static const struct ssh_link_pipe pipe_events = { .send = on_pipe_send,
	.pause = on_pipe_pause,
	.gone = on_pipe_gone };

/* --- beginning and end ---------------------------------------------------------------- */

static void
on_session_over(struct web_live *live, const char *why)
{
	struct web_ssh *s = container_of(live, struct web_ssh, live);

	if (s->over[0] || !s->link)
		return;
	(void)str_copy(s->over, sizeof(s->over), why);
	tunnel_hang_up(s->link, why);
}

/* In both counts, as front.c does it for what it accepts; ssh_server gives them back. The WebSocket's own descriptor is in `all`
 * since it was accepted, so that it counts there as two: the SSH connection inside costs as much as one of its own. */
static bool
count_in(const struct web *w, const struct addr *peer)
{
	if (!ceiling_take(w->config.all, peer->ip))
		return false;
	if (ceiling_take(w->config.strangers, peer->ip))
		return true;
	ceiling_drop(w->config.all, peer->ip);
	return false;
}

void
web_ssh(struct http_request *r, void *arg)
{
	struct web *w = arg;
	struct web_ssh *s = calloc(1, sizeof(*s));
	struct websocket_config config = { .events = &socket_events,
		.arg = s,
		.message_max = MESSAGE_MAX,
		.pieces = true };
	struct addr peer = *http_peer(r);

	if (!s) {
		http_reply_error(r, 503, "out of memory");
		return;
	}
	s->live.end = on_session_over;
	if (web_live_open(&s->live, w, r, &config) < 0) {
		free(s);
		return;
	}
	if (count_in(w, &peer))
		s->link = ssh_server_take_pipe(w->config.ssh_server, &pipe_events, s, &peer);
	if (!s->link)
		websocket_close(s->live.ws, WEBSOCKET_FAILED,
		    "too many connections at the moment, try again");
}
