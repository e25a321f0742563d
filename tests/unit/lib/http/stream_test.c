/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are passed on as they come, over the real server without TLS: chunks, back-pressure, and the four ways in
 * which one ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/loop.h"
#include "http/stream.h"

enum { BIG = 300 * 1000, TURNS = 500, ANSWER_MS = 200 };

static struct world {
	struct loop *loop;
	struct http_server *server;
	struct http_stream *stream;
	int client;
	size_t answered, drained, closed;
	char in[2 * BIG];
	size_t n_in;
} w;

static const char *at_once; /* what the handler gives, twice, and ends; NULL: nothing yet */

static void
on_drained(void *arg)
{
	(void)arg;
	w.drained++;
}

static void
on_closed(void *arg)
{
	(void)arg;
	w.closed++;
	w.stream = NULL;
}

static const struct http_stream_events events = { on_drained, on_closed };

static void
handle(struct http_request *r, void *arg)
{
	w.answered++;
	w.stream = http_reply_stream(r, 200, "application/octet-stream", &events, arg);
	if (at_once) {
		assert_int_equal(http_stream_put(w.stream, span_str(at_once)), 0);
		assert_int_equal(http_stream_put(w.stream, span_str(at_once)), 0);
		http_stream_end(w.stream);
	}
}

static void
handle_short(struct http_request *r, void *arg)
{
	(void)arg;
	http_reply_text(r, 200, "short");
}

static const struct http_route routes[] = { { "GET", "/stream", handle, 0 },
	{ "GET", "/short", handle_short, 0 } };

static void
ask(const char *request)
{
	assert_int_equal(send(w.client, request, strlen(request), 0), strlen(request));
}

static void
world_start_within(const char *request, int answer_ms)
{
	struct http_config config = { .routes = routes,
		.n_routes = 2,
		.max_connections = 10,
		.answer_ms = answer_ms };
	struct addr peer = { .ip = "192.0.2.1", .port = 1 };
	int pair[2];

	memset(&w, 0, sizeof(w));
	assert_int_equal(loop_new(&w.loop), 0);
	assert_int_equal(http_server_new(&w.server, w.loop, &config), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	w.client = pair[1];
	assert_int_equal(http_server_take(w.server, pair[0], &peer, (struct span){ NULL, 0 }), 0);
	ask(request);
}

/* With time enough for a machine that stands still for a moment. */
static void
world_start(const char *request)
{
	world_start_within(request, 60000);
}

static void
world_end(void)
{
	http_server_free(w.server);
	loop_free(w.loop);
	close(w.client);
}

/* What the client has by now, with a NUL. */
static const char *
received(void)
{
	ssize_t n;

	while ((n = recv(w.client, w.in + w.n_in, sizeof(w.in) - 1 - w.n_in, MSG_DONTWAIT)) > 0)
		w.n_in += (size_t)n;
	w.in[w.n_in] = '\0';
	return w.in;
}

/* Turns the loop until *count is at least n; the client reads meanwhile, or does not. */
static void
turn_until(const size_t *count, size_t n, bool reads)
{
	for (int i = 0; i < TURNS && *count < n; i++) {
		assert_true(loop_turn(w.loop, 10) >= 0);
		if (reads)
			(void)received();
	}
	assert_true(*count >= n);
}

static void
turn_until_received(const char *text)
{
	for (int i = 0; i < TURNS && !strstr(received(), text); i++)
		assert_true(loop_turn(w.loop, 10) >= 0);
	if (!strstr(received(), text))
		fail_msg("received: %s", w.in);
}

/* The connection was broken off, or ended, by the server. */
static void
turn_until_over(void)
{
	for (int i = 0; i < TURNS; i++) {
		char c;

		(void)received();
		if (recv(w.client, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
			return;
		assert_true(loop_turn(w.loop, 10) >= 0);
	}
	fail_msg("the connection is still open");
}

static void
put(const char *text)
{
	assert_int_equal(http_stream_put(w.stream, span_str(text)), 0);
}

/* --- tests ----------------------------------------------------------------------------------- */

#define GET "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

static void
what_is_given_comes_in_chunks_and_the_connection_goes_on(void **state)
{
	(void)state;
	world_start(GET);
	turn_until(&w.drained, 1, true);
	assert_non_null(strstr(w.in, "\r\nTransfer-Encoding: chunked\r\n"));
	assert_null(strstr(w.in, "Content-Length"));
	put("hello");
	turn_until_received("\r\n\r\n5\r\nhello\r\n");
	put("");
	put("world!");
	turn_until_received("6\r\nworld!\r\n");
	http_stream_end(w.stream);
	turn_until_received("world!\r\n0\r\n\r\n");
	ask("GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
	turn_until_received("Content-Length: 5\r\n");
	turn_until_received("\r\n\r\nshort");
	assert_int_equal(w.closed, 0);
	world_end();
}

static void
all_that_was_given_is_sent_before_the_end(void **state)
{
	(void)state;
	/* While the head is still on its way. */
	at_once = "abc";
	world_start(GET);
	turn_until_received("\r\n\r\n6\r\nabcabc\r\n0\r\n\r\n");
	at_once = "";
	ask(GET);
	turn_until_received("Cache-Control: no-store\r\n\r\n0\r\n\r\n");
	at_once = NULL;
	world_end();
}

static void
nothing_at_all_is_a_whole_answer(void **state)
{
	(void)state;
	world_start(GET);
	turn_until(&w.answered, 1, false);
	http_stream_end(w.stream);
	turn_until_received("\r\n\r\n0\r\n\r\n");
	world_end();
}

static void
drained_waits_for_the_reader(void **state)
{
	char *big = malloc(BIG + 1);
	size_t before;

	(void)state;
	memset(big, 'x', BIG);
	big[BIG] = '\0';
	world_start(GET);
	turn_until(&w.drained, 1, true);
	put(big);
	before = w.drained;
	/* More than a socket holds: until it is read nobody is told to give more. */
	for (int i = 0; i < 20; i++)
		assert_true(loop_turn(w.loop, 1) >= 0);
	assert_int_equal(w.drained, before);
	turn_until(&w.drained, before + 1, true);
	http_stream_end(w.stream);
	turn_until_received("x\r\n0\r\n\r\n");
	world_end();
	free(big);
}

static void
whoever_takes_nothing_is_cut_off(void **state)
{
	char *big = malloc(BIG + 1);

	(void)state;
	memset(big, 'x', BIG);
	big[BIG] = '\0';
	world_start_within(GET, ANSWER_MS);
	turn_until(&w.drained, 1, true);
	put(big);
	turn_until(&w.closed, 1, false);
	world_end();
	free(big);
}

static void
whoever_is_given_nothing_is_not(void **state)
{
	(void)state;
	world_start_within(GET, ANSWER_MS);
	turn_until(&w.drained, 1, true);
	/* Longer than answer_ms: it is not this client who is slow. */
	for (int i = 0; i < 3 * ANSWER_MS / 10; i++) {
		assert_true(loop_turn(w.loop, 10) >= 0);
		usleep(10 * 1000);
	}
	assert_int_equal(w.closed, 0);
	put("late");
	turn_until_received("4\r\nlate\r\n");
	world_end();
	/* The server went first: the owner has been told. */
	assert_int_equal(w.closed, 1);
}

static void
what_was_broken_off_does_not_look_whole(void **state)
{
	(void)state;
	world_start(GET);
	turn_until(&w.drained, 1, true);
	put("half");
	turn_until_received("4\r\nhalf\r\n");
	http_stream_abort(w.stream);
	turn_until_over();
	assert_null(strstr(w.in, "\r\n0\r\n"));
	assert_int_equal(w.closed, 0);
	world_end();
}

static void
a_client_that_leaves_is_told(void **state)
{
	(void)state;
	world_start(GET);
	turn_until(&w.drained, 1, true);
	close(w.client);
	w.client = dup(0);
	put("to nobody");
	turn_until(&w.closed, 1, false);
	world_end();
}

static void
who_cannot_take_a_stream_gets_an_answer(void **state)
{
	(void)state;
	world_start("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	turn_until_received("\r\n\r\n");
	assert_null(w.stream);
	assert_non_null(strstr(w.in, "HTTP/1.1 200 "));
	world_end();
	world_start("GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
	turn_until_received("HTTP/1.1 505 ");
	assert_null(w.stream);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_comes_in_chunks_and_the_connection_goes_on),
		cmocka_unit_test(all_that_was_given_is_sent_before_the_end),
		cmocka_unit_test(nothing_at_all_is_a_whole_answer),
		cmocka_unit_test(drained_waits_for_the_reader),
		cmocka_unit_test(whoever_takes_nothing_is_cut_off),
		cmocka_unit_test(whoever_is_given_nothing_is_not),
		cmocka_unit_test(what_was_broken_off_does_not_look_whole),
		cmocka_unit_test(a_client_that_leaves_is_told),
		cmocka_unit_test(who_cannot_take_a_stream_gets_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
