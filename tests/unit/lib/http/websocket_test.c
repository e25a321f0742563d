/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets over the real server, without TLS: handshake, frames, bounds, back-pressure in both directions, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "http/websocket.h"

enum { MESSAGE_MAX = 70000, BIG = 200000, TURNS = 2000 };

#define REQUEST(version, upgrade, connection, number, key)                                       \
	"GET /ws HTTP/" version "\r\nHost: a\r\nUpgrade: " upgrade "\r\nConnection: " connection \
	"\r\nSec-WebSocket-Version: " number "\r\nSec-WebSocket-Key: " key "\r\n\r\n"
#define KEY  "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455 section 1.3 */
#define GOOD REQUEST("1.1", "websocket", "keep-alive, Upgrade", "13", KEY)

/* One server, one client; the handler accepts and sends every message back. */
static struct world {
	struct loop *loop;
	struct http_server *server;
	struct websocket *ws;
	int client;
	struct websocket_config config;
	size_t messages, bytes, pieces_max, closed, drained, server_closed;
	bool echo, last_is_text;
	uint8_t in[BIG * 2];
	size_t n_in;
} w;

static void
on_message(struct websocket *ws, bool is_text, struct span bytes, void *arg)
{
	(void)arg;
	w.messages++;
	w.bytes += bytes.n;
	w.last_is_text = is_text;
	if (bytes.n > w.pieces_max)
		w.pieces_max = bytes.n;
	if (w.echo)
		assert_int_equal(websocket_send(ws, is_text, bytes), 0);
}

static void
on_drained(struct websocket *ws, void *arg)
{
	(void)ws, (void)arg;
	w.drained++;
}

static void
on_closed(struct websocket *ws, void *arg)
{
	(void)arg;
	w.closed++;
	if (w.ws == ws)
		w.ws = NULL;
}

static const struct websocket_events events = { .message = on_message,
	.drained = on_drained,
	.closed = on_closed };

static void
handle(struct http_request *r, void *arg)
{
	struct websocket *ws;

	(void)arg;
	ws = websocket_accept(r, &w.config);
	if (ws)
		w.ws = ws;
}

static void
on_server_closed(const struct addr *peer, void *arg)
{
	(void)peer, (void)arg;
	w.server_closed++;
}

static const struct http_route routes[] = { { "GET", "/ws", handle, 0 } };

static void
world_start(int ping_ms)
{
	struct http_config config = { .routes = routes,
		.n_routes = 1,
		.max_connections = 10,
		.per_address = 10,
		.max_sockets = 3,
		.sockets_per_payer = 2,
		.ping_ms = ping_ms,
		.closed = on_server_closed };

	memset(&w, 0, sizeof(w));
	w.client = -1;
	w.echo = true;
	w.config = (struct websocket_config){ .events = &events,
		.payer = "ann",
		.message_max = MESSAGE_MAX };
	assert_int_equal(loop_new(&w.loop), 0);
	assert_int_equal(http_server_new(&w.server, w.loop, &config), 0);
}

static void
world_end(void)
{
	http_server_free(w.server);
	loop_free(w.loop);
	if (w.client >= 0)
		close(w.client);
}

static int
connect_client(void)
{
	struct addr peer = { .ip = "192.0.2.1", .port = 1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(http_server_take(w.server, pair[0], &peer, (struct span){ NULL, 0 }), 0);
	return pair[1];
}

static void
receive(void)
{
	ssize_t n = recv(w.client, w.in + w.n_in, sizeof(w.in) - w.n_in, MSG_DONTWAIT);

	if (n > 0)
		w.n_in += (size_t)n;
}

/* Turns until n bytes are there, or nothing happens any more. */
static bool
await(size_t n)
{
	for (int i = 0; i < TURNS && w.n_in < n; i++) {
		(void)loop_turn(w.loop, 1);
		receive();
	}
	return w.n_in >= n;
}

static void
turns(int n)
{
	for (int i = 0; i < n; i++)
		(void)loop_turn(w.loop, 0);
}

static void
put(const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = send(w.client, (const uint8_t *)p + at, n - at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r > 0)
			at += (size_t)r;
		else
			(void)loop_turn(w.loop, 0);
	}
}

/* The status of the answer. */
static int
ask(const char *request)
{
	int status = 0;

	w.client = connect_client();
	put(request, strlen(request));
	assert_true(await(12));
	assert_int_equal(sscanf((char *)w.in, "HTTP/1.1 %d", &status), 1);
	return status;
}

static void
open_socket(void)
{
	assert_int_equal(ask(GOOD), 101);
	assert_non_null(
	    strstr((char *)w.in, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	w.n_in = 0;
}

/* A frame as clients make them. mask: 0, none. */
static void
put_frame(uint8_t first, const void *p, size_t n, uint8_t mask)
{
	static uint8_t frame[BIG + 14];
	size_t at = 2;

	frame[0] = first;
	frame[1] = (uint8_t)((mask ? 0x80 : 0) | (n < 126 ? n : n < 65536 ? 126 : 127));
	for (int i = n < 126 ? 0 : n < 65536 ? 2 : 8; i > 0; i--)
		frame[at++] = (uint8_t)((uint64_t)n >> (8 * (i - 1)));
	if (mask) {
		memset(frame + at, mask, 4);
		at += 4;
	}
	for (size_t i = 0; i < n; i++)
		frame[at + i] = ((const uint8_t *)p)[i] ^ mask;
	put(frame, at + n);
}

static void
expect(const void *p, size_t n)
{
	assert_true(await(n));
	assert_memory_equal(w.in, p, n);
	memmove(w.in, w.in + n, w.n_in - n);
	w.n_in -= n;
}

static void
expect_close(unsigned code)
{
	assert_true(await(4));
	assert_int_equal(w.in[0], 0x88);
	assert_int_equal(w.in[2] << 8 | w.in[3], code);
	w.n_in = 0;
	close(w.client);
	w.client = -1;
	for (int i = 0; i < TURNS && w.closed == 0; i++)
		(void)loop_turn(w.loop, 1);
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.server_closed, 1);
}

/* --- the handshake ------------------------------------------------------------------ */

static void
test_what_asks_for_no_websocket_is_told_so(void **state)
{
	static const struct {
		int status;
		const char *request;
	} rows[] = {
		{ 426, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 426, REQUEST("1.0", "websocket", "Upgrade", "13", KEY) },
		{ 426, REQUEST("1.1", "h2c", "Upgrade", "13", KEY) },
		{ 426, REQUEST("1.1", "websocket", "close", "13", KEY) },
		{ 426, REQUEST("1.1", "websocket", "Upgrade", "8", KEY) },
		{ 400, REQUEST("1.1", "websocket", "Upgrade", "13", "dGhlIHNhbXBsZQ==") },
		{ 400, REQUEST("1.1", "websocket", "Upgrade", "13", "") },
		{ 400, REQUEST("1.1", "websocket", "Upgrade", "13", "!!!!!!!!!!!!!!!!!!!!!!!!") },
		{ 400,
		    REQUEST("1.1", "websocket", "Upgrade", "13",
			KEY "\r\nSec-WebSocket-Key: " KEY) },
		{ 426,
		    "HEAD /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n" },
		{ 101, REQUEST("1.1", "WebSocket", "upgrade", "13", KEY) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_start(0);
		if (ask(rows[i].request) != rows[i].status)
			fail_msg("row %zu: %.*s", i, (int)w.n_in, (char *)w.in);
		if (rows[i].status == 426)
			assert_non_null(strstr((char *)w.in, "Sec-WebSocket-Version: 13\r\n"));
		world_end();
	}
}

static void
test_sockets_are_bounded_by_payer_and_leave_the_places_of_requests(void **state)
{
	int first, second;

	(void)state;
	world_start(0);
	open_socket();
	first = w.client;
	open_socket();
	second = w.client;
	assert_int_equal(ask(GOOD), 503);
	close(w.client);
	w.n_in = 0;
	w.config.payer = "bob";
	open_socket();
	close(w.client);
	w.n_in = 0;
	w.config.payer = "cid";
	turns(20);
	w.closed = 0;
	open_socket(); /* bob's place is free again */
	close(first);
	close(second);
	world_end();
}

/* --- frames --------------------------------------------------------------------------- */

static void
test_messages_come_whole_and_go_back(void **state)
{
	static uint8_t big[65536];

	(void)state;
	world_start(0);
	open_socket();
	put_frame(0x81, "hello", 5, 7);
	expect("\x81\x05hello", 7);
	assert_true(w.last_is_text);
	put_frame(0x82, "\0\xff", 2, 9);
	expect("\x82\x02\0\xff", 4);
	assert_false(w.last_is_text);
	put_frame(0x82, big, sizeof(big), 1);
	expect("\x82\x7f\0\0\0\0\0\1\0\0", 10);
	assert_true(await(sizeof(big)));
	assert_int_equal(w.pieces_max, sizeof(big));
	world_end();
}

static void
test_fragments_with_a_ping_between(void **state)
{
	(void)state;
	world_start(0);
	open_socket();
	put_frame(0x01, "he", 2, 7);
	put_frame(0x89, "are you", 7, 3);
	expect("\x8a\x07"
	       "are you",
	    9);
	put_frame(0x00, "", 0, 7);
	put_frame(0x80, "llo", 3, 7);
	expect("\x81\x05hello", 7);
	assert_int_equal(w.messages, 1);
	world_end();
}

static void
test_what_is_sent_with_the_handshake_is_read_after_it(void **state)
{
	static const uint8_t frame[] = { 0x81, 0x81, 0, 0, 0, 0, 'x' };
	uint8_t both[sizeof(GOOD) + sizeof(frame)];

	(void)state;
	world_start(0);
	w.client = connect_client();
	memcpy(both, GOOD, sizeof(GOOD) - 1);
	memcpy(both + sizeof(GOOD) - 1, frame, sizeof(frame));
	put(both, sizeof(GOOD) - 1 + sizeof(frame));
	for (int i = 0; i < TURNS && w.messages == 0; i++)
		(void)loop_turn(w.loop, 1);
	assert_int_equal(w.messages, 1);
	world_end();
}

static void
test_what_breaks_the_protocol_ends_with_its_code(void **state)
{
	static const struct {
		uint8_t first;
		const char *bytes;
		size_t n;
		uint8_t mask;
		unsigned code;
	} rows[] = {
		{ 0x81, "hello", 5, 0, 1002 },    /* not masked */
		{ 0xc1, "hello", 5, 7, 1002 },    /* a reserved bit */
		{ 0x80, "hello", 5, 7, 1002 },    /* goes on with nothing */
		{ 0x81, "\xff\xfe", 2, 7, 1007 }, /* not UTF-8 */
		{ 0x88, "\x03\xed", 2, 7, 1002 }, /* 1005 is never sent */
		{ 0x88,
		    "\x03\xe8"
		    "bye",
		    5, 7, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_start(0);
		open_socket();
		put_frame(rows[i].first, rows[i].bytes, rows[i].n, rows[i].mask);
		expect_close(rows[i].code);
		assert_int_equal(w.messages, 0);
		world_end();
	}
}

static void
test_a_message_is_bounded_in_one_frame_and_in_many(void **state)
{
	static uint8_t big[MESSAGE_MAX + 1];

	(void)state;
	world_start(0);
	open_socket();
	put_frame(0x82, big, sizeof(big), 7);
	expect_close(1009);
	world_end();
	world_start(0);
	open_socket();
	put_frame(0x02, big, MESSAGE_MAX - 1, 7);
	put_frame(0x00, big, 1, 7);
	put_frame(0x80, big, 1, 7);
	expect_close(1009);
	assert_int_equal(w.messages, 0);
	world_end();
}

static void
test_empty_fragments_without_end_cost_nothing(void **state)
{
	(void)state;
	world_start(0);
	open_socket();
	put_frame(0x01, "a", 1, 7);
	for (int i = 0; i < 20000; i++)
		put_frame(0x00, "", 0, 7);
	put_frame(0x80, "b", 1, 7);
	expect("\x81\x02"
	       "ab",
	    4);
	world_end();
}

/* --- back-pressure --------------------------------------------------------------------- */

static void
test_a_paused_owner_gets_no_more_than_a_piece(void **state)
{
	static uint8_t big[BIG];

	(void)state;
	world_start(0);
	w.echo = false;
	w.config.pieces = true;
	w.config.message_max = BIG;
	open_socket();
	websocket_pause(w.ws, true);
	turns(3);
	(void)send(w.client, "\x82\xff\0\0\0\0\0\3\x0d\x40\0\0\0\0", 14,
	    MSG_DONTWAIT); /* 200000 bytes */
	for (int i = 0; i < 200; i++) {
		(void)send(w.client, big, sizeof(big), MSG_DONTWAIT);
		turns(1);
	}
	assert_true(w.bytes <= WEBSOCKET_PIECE_MAX);
	world_end();
}

static void
test_after_a_pause_everything_comes(void **state)
{
	static uint8_t big[60000];

	(void)state;
	world_start(0);
	w.echo = false;
	w.config.pieces = true;
	open_socket();
	websocket_pause(w.ws, true);
	put_frame(0x82, big, sizeof(big), 7);
	turns(10);
	for (int i = 0; i < TURNS && w.bytes < sizeof(big); i++) {
		websocket_pause(w.ws, i % 2 == 0);
		(void)loop_turn(w.loop, 1);
	}
	assert_int_equal(w.bytes, sizeof(big));
	assert_true(w.pieces_max <= WEBSOCKET_PIECE_MAX);
	world_end();
}

static void
test_sending_ends_where_the_peer_does_not_read(void **state)
{
	static const uint8_t piece[10000];
	size_t sent = 0, drained;

	(void)state;
	world_start(0);
	open_socket();
	while (websocket_send(w.ws, false, (struct span){ piece, sizeof(piece) }) == 0) {
		sent += sizeof(piece);
		turns(1);
		assert_true(sent < 100 * sizeof(piece));
	}
	assert_true(websocket_room(w.ws) < sizeof(piece));
	drained = w.drained;
	for (int i = 0; i < TURNS && w.drained == drained; i++) {
		receive();
		w.n_in = 0;
		(void)loop_turn(w.loop, 1);
	}
	assert_int_equal(websocket_room(w.ws), WEBSOCKET_QUEUE_MAX);
	assert_int_equal(w.closed, 0);
	world_end();
}

static void
test_who_pings_without_reading_is_not_read(void **state)
{
	static const uint8_t ping[6 + 125] = { 0x89, 0x80 | 125 };
	size_t sent = 0;

	(void)state;
	world_start(0);
	open_socket();
	for (int i = 0; i < 50000; i++) {
		if (send(w.client, ping, sizeof(ping), MSG_DONTWAIT) == (ssize_t)sizeof(ping))
			sent++;
		else
			turns(1);
	}
	assert_true(sent < 25000);
	world_end();
}

/* --- the end ---------------------------------------------------------------------------- */

static void
test_the_reason_of_a_close_is_told_and_cut(void **state)
{
	char reason[200];

	(void)state;
	world_start(0);
	open_socket();
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	websocket_close(w.ws, WEBSOCKET_POLICY, reason);
	assert_int_equal(websocket_send(w.ws, true, span_str("late")), -1);
	assert_true(await(127));
	assert_int_equal(w.in[1], 125);
	put_frame(0x88, "\x03\xf0", 2, 7);
	for (int i = 0; i < TURNS && w.closed == 0; i++)
		(void)loop_turn(w.loop, 1);
	assert_int_equal(w.closed, 1);
	world_end();
}

static void
test_stopping_says_going_away(void **state)
{
	(void)state;
	world_start(0);
	open_socket();
	http_server_drain(w.server);
	expect_close(1001);
	world_end();
}

static void
test_the_silent_are_asked_and_then_let_go(void **state)
{
	(void)state;
	world_start(5);
	open_socket();
	expect("\x89\0", 2);
	put_frame(0x8a, "", 0, 7);
	expect("\x89\0", 2);
	for (int i = 0; i < TURNS && w.closed == 0; i++)
		(void)loop_turn(w.loop, 10);
	assert_int_equal(w.closed, 1);
	world_end();
}

/* The frames' state is thrown away in between, and must be only there. */
static void
test_a_frame_that_drips_over_many_ticks_arrives(void **state)
{
	static const uint8_t frame[] = { 0x81, 0x85, 1, 1, 1, 1, 'h' ^ 1, 'e' ^ 1, 'l' ^ 1, 'l' ^ 1,
		'o' ^ 1 };

	(void)state;
	world_start(1);
	open_socket();
	for (size_t i = 0; i < sizeof(frame); i++) {
		put(frame + i, 1);
		for (int k = 0; k < 4; k++)
			(void)loop_turn(w.loop, 1);
		receive();
	}
	for (int i = 0; i < TURNS && w.messages == 0; i++)
		(void)loop_turn(w.loop, 1);
	assert_int_equal(w.messages, 1);
	assert_int_equal(w.bytes, 5);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_asks_for_no_websocket_is_told_so),
		cmocka_unit_test(
		    test_sockets_are_bounded_by_payer_and_leave_the_places_of_requests),
		cmocka_unit_test(test_messages_come_whole_and_go_back),
		cmocka_unit_test(test_fragments_with_a_ping_between),
		cmocka_unit_test(test_what_is_sent_with_the_handshake_is_read_after_it),
		cmocka_unit_test(test_what_breaks_the_protocol_ends_with_its_code),
		cmocka_unit_test(test_a_message_is_bounded_in_one_frame_and_in_many),
		cmocka_unit_test(test_empty_fragments_without_end_cost_nothing),
		cmocka_unit_test(test_a_paused_owner_gets_no_more_than_a_piece),
		cmocka_unit_test(test_after_a_pause_everything_comes),
		cmocka_unit_test(test_sending_ends_where_the_peer_does_not_read),
		cmocka_unit_test(test_who_pings_without_reading_is_not_read),
		cmocka_unit_test(test_the_reason_of_a_close_is_told_and_cut),
		cmocka_unit_test(test_stopping_says_going_away),
		cmocka_unit_test(test_the_silent_are_asked_and_then_let_go),
		cmocka_unit_test(test_a_frame_that_drips_over_many_ticks_arrives),
	};

	return cmocka_run_group_tests_name("http/websocket", tests, NULL, NULL);
}
