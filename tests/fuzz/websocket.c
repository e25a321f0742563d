/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a stranger, through the real server and a socket: what reaches the owner keeps to the bounds that websocket.h
 * names, and is over once. The first byte says what the owner does with messages.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MESSAGE_MAX = 1000, TURNS = 100, INPUT_MAX = 60000 };
enum { WITH_PIECES = 1, ECHOES = 2, PAUSES = 4, CLOSES = 8 };

static const char handshake[] =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static struct loop *loop;
static struct http_server *server;
static unsigned how;
static int open_sockets;

static void
on_message(struct websocket *ws, bool is_text, struct span bytes, void *arg)
{
	size_t max = how & WITH_PIECES ? WEBSOCKET_PIECE_MAX : MESSAGE_MAX;

	(void)arg;
	if (bytes.n > max || open_sockets != 1)
		abort();
	if (how & ECHOES)
		(void)websocket_send(ws, is_text, bytes);
	if (how & PAUSES)
		websocket_pause(ws, true);
	if (how & CLOSES)
		websocket_close(ws, WEBSOCKET_POLICY, "enough");
}

static void
on_drained(struct websocket *ws, void *arg)
{
	(void)arg;
	websocket_pause(ws, false);
}

static void
on_closed(struct websocket *ws, void *arg)
{
	(void)ws, (void)arg;
	open_sockets--;
}

static void
handle(struct http_request *r, void *arg)
{
	static const struct websocket_events events = { .message = on_message,
		.drained = on_drained,
		.closed = on_closed };
	struct websocket_config config = { .events = &events,
		.payer = "somebody",
		.message_max = how & WITH_PIECES ? 1 << 20 : MESSAGE_MAX,
		.pieces = how & WITH_PIECES };

	(void)arg;
	if (!websocket_accept(r, &config))
		abort();
	open_sockets++;
}

static void
start(void)
{
	static const struct http_route routes[] = { { "GET", "/", handle, 0 } };
	struct http_config config = { .routes = routes,
		.n_routes = 1,
		.max_connections = 10,
		.max_sockets = 2,
		.sockets_per_payer = 2 };

	if (loop_new(&loop) < 0 || http_server_new(&server, loop, &config) < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct addr peer = { .ip = "192.0.2.1" };
	int pair[2];

	if (!loop)
		start();
	if (n == 0 || n > INPUT_MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return 0;
	how = p[0];
	if (http_server_take(server, pair[0], &peer, (struct span){ NULL, 0 }) < 0 ||
	    send(pair[1], handshake, sizeof(handshake) - 1, 0) < 0)
		abort();
	for (int i = 0; i < 3; i++)
		(void)loop_turn(loop, 0);
	(void)send(pair[1], p + 1, (n - 1) / 2, MSG_NOSIGNAL);
	(void)loop_turn(loop, 0);
	(void)send(pair[1], p + 1 + (n - 1) / 2, n - 1 - (n - 1) / 2, MSG_NOSIGNAL);
	for (int i = 0; i < 3; i++)
		(void)loop_turn(loop, 0);
	close(pair[1]);
	for (int i = 0; i < TURNS && open_sockets > 0; i++)
		(void)loop_turn(loop, 0);
	/* One that is paused does not see that the other side has gone. */
	if (open_sockets > 0) {
		http_server_free(server);
		loop_free(loop);
		loop = NULL;
	}
	if (open_sockets != 0)
		abort();
	return 0;
}
