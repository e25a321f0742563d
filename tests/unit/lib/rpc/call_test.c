/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four kinds of call, deadlines, cancellation, back-pressure, statuses and drain, against a real server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "rpc/rpc_priv.h"
#include "rpc_world.h"

static const struct rpc_method no_such_method = { &echo__echo__descriptor, "NoSuch", RPC_UNARY };

struct fixture {
	struct world w;
	struct rpc_identity *id;
	struct rpc_channel *ch;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	world_start(&f->w);
	f->id = world_identity(&f->w, f->w.user_ca, "sallyport://test/user/anna", -60, 3600);
	f->ch = world_channel(&f->w, f->id);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rpc_channel_free(f->ch);
	world_end(&f->w);
	rpc_identity_free(f->id);
	free(f);
	return 0;
}

/* What a client call went through. */
struct seen {
	bool done;
	int messages;
	uint64_t next_n;
	bool in_order;
	enum rpc_code code;
	char text[1100];
	uint64_t to_send, sent;
};

static void
on_message(struct rpc_call *call, const void *message)
{
	struct seen *s = rpc_data(call);
	const Echo__Msg *m = message;

	s->in_order = s->in_order && m->n == s->next_n;
	s->next_n = m->n + 1;
	s->messages++;
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct seen *s = rpc_data(call);

	s->done = true;
	s->code = status->code;
	(void)str_copy(s->text, sizeof s->text, status->message);
}

static void
fill(struct rpc_call *call)
{
	struct seen *s = rpc_data(call);

	while (s->sent < s->to_send && rpc_queued(call) < 8) {
		Echo__Msg m = ECHO__MSG__INIT;

		m.n = s->sent++;
		m.text = "a message";
		rpc_send(call, &m);
	}
	if (s->sent == s->to_send) {
		s->to_send = 0;
		s->sent = 1;
		rpc_half_close(call);
	}
}

static const struct rpc_events client_events = { .message = on_message,
	.writable = fill,
	.closed = on_closed };
static const struct rpc_events reader_events = { .message = on_message, .closed = on_closed };

static void
unary_calls_bring_back_what_was_sent(void **state)
{
	struct fixture *f = *state;
	Echo__Msg q = ECHO__MSG__INIT, *a = NULL;
	Echo__Msg__LabelsEntry label = ECHO__MSG__LABELS_ENTRY__INIT, *labels[] = { &label };
	struct err e = { "" };

	label.key = "env";
	label.value = "example";
	q.labels = labels;
	q.n_labels = 1;
	q.text = "h\xc3\xa4llo";
	q.n = 42;
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, &a, &e), RPC_OK);
	assert_string_equal(a->text, "h\xc3\xa4llo");
	assert_int_equal(a->n, 42);
	assert_string_equal(a->labels[0]->value, "example");
	protobuf_c_message_free_unpacked(&a->base, NULL);
}

static void
statuses_and_their_texts_arrive_clean_and_cut(void **state)
{
	struct fixture *f = *state;
	Echo__Msg q = ECHO__MSG__INIT;
	char big[9000];
	struct err e = { "" };

	q.n = RPC_NOT_FOUND;
	q.text = "no node db\x1b[31m-9";
	assert_int_equal(world_call(&f->w, f->ch, "Fail", &q, NULL, &e), RPC_NOT_FOUND);
	assert_string_equal(e.text, "no node db?[31m-9");
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	q.text = big;
	q.n = RPC_ABORTED;
	assert_int_equal(world_call(&f->w, f->ch, "Fail", &q, NULL, &e), RPC_ABORTED);
	q.n = 99; /* not a code of gRPC */
	assert_int_equal(world_call(&f->w, f->ch, "Fail", &q, NULL, &e), RPC_UNKNOWN);
}

static void
downloads_bring_every_message_in_order(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT;
	struct rpc_call *call;

	q.n = 2000;
	call = rpc_open(f->w.rl, f->ch, &echo_Download_method, &reader_events, &s, NULL);
	rpc_send(call, &q);
	rpc_half_close(call);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_OK);
	assert_int_equal(s.messages, 2000);
	assert_true(s.in_order);
}

static void
uploads_are_counted_to_the_last_message(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true, .to_send = 1500 };
	struct rpc_call *call;

	call = rpc_open(f->w.rl, f->ch, &echo_Upload_method, &client_events, &s, NULL);
	fill(call);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_OK);
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.next_n, 1501);
}

static void
both_ways_at_once(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true, .to_send = 1500 };
	struct rpc_call *call;

	call = rpc_open(f->w.rl, f->ch, &echo_Both_method, &client_events, &s, NULL);
	fill(call);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_OK);
	assert_int_equal(s.messages, 1500);
	assert_true(s.in_order);
}

static void
on_first_then_pause(struct rpc_call *call, const void *message)
{
	struct seen *s = rpc_data(call);

	on_message(call, message);
	if (s->messages == 1)
		rpc_pause(call);
}

static void
a_paused_reader_stops_the_flow_and_resumes(void **state)
{
	struct fixture *f = *state;
	static const struct rpc_events on = { .message = on_first_then_pause, .closed = on_closed };
	struct rpc_options options = { .timeout_ms = WORLD_TIMEOUT_MS };
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT, *a = NULL;
	struct rpc_call *call;
	struct err e;

	q.n = 20000; /* 20 MB: no window holds that */
	call = rpc_open(f->w.rl, f->ch, &echo_Download_method, &on, &s, &options);
	rpc_send(call, &q);
	rpc_half_close(call);
	for (int i = 0; i < 50; i++) { /* other calls go on over the same connection */
		q.n = 1;
		assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, &a, &e), RPC_OK);
		protobuf_c_message_free_unpacked(&a->base, NULL);
	}
	assert_int_equal(s.messages, 1);
	assert_false(s.done);
	rpc_resume(call);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_OK);
	assert_int_equal(s.messages, 20000);
	assert_true(s.in_order);
}

static void
a_deadline_ends_the_call_on_both_sides(void **state)
{
	struct fixture *f = *state;
	Echo__Msg q = ECHO__MSG__INIT, *a = NULL;
	enum rpc_code code, last = RPC_OK;
	struct err e = { "" };

	assert_int_equal(rpc_call_sync(f->w.rl, f->ch, &echo_Wait_method, &q, 300, &a, &code, &e),
	    -1);
	assert_int_equal(code, RPC_DEADLINE_EXCEEDED);
	assert_non_null(strstr(e.text, "no answer from 127.0.0.1"));
	for (int i = 0; i < 2000 && world_closed(&f->w, &last) == 0; i++)
		usleep(10000);
	assert_int_equal(world_closed(&f->w, &last), 1);
	assert_int_equal(last, RPC_CANCELLED);
}

static void
a_cancelled_call_is_closed_on_the_server(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT;
	enum rpc_code last = RPC_OK;
	struct rpc_call *call = rpc_invoke(f->w.rl, f->ch, &echo_Wait_method, &q, &reader_events,
	    &s, NULL);

	for (int i = 0; i < 2000 && world_waiting(&f->w) == 0; i++)
		usleep(10000);
	assert_int_equal(world_waiting(&f->w), 1);
	rpc_cancel(call);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_CANCELLED);
	for (int i = 0; i < 2000 && world_closed(&f->w, &last) == 0; i++)
		usleep(10000);
	assert_int_equal(last, RPC_CANCELLED);
	assert_int_equal(world_waiting(&f->w), 0);
}

/* What is not answered, or not read, is in the server's memory, and one person's may not be all of it. */
static void
a_person_has_so_many_calls_at_the_same_time(void **state)
{
	enum { CALLS_OF_ONE = 64 }; /* rpc.h */
	struct fixture *f = *state;
	struct seen s[CALLS_OF_ONE];
	struct rpc_call *calls[CALLS_OF_ONE];
	struct rpc_identity *other = world_identity(&f->w, f->w.user_ca,
	    "sallyport://test/user/bert", -60, 3600);
	struct rpc_channel *others = world_channel(&f->w, other);
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };

	for (int i = 0; i < CALLS_OF_ONE; i++) {
		s[i] = (struct seen){ .in_order = true };
		calls[i] = rpc_invoke(f->w.rl, f->ch, &echo_Wait_method, &q, &reader_events, &s[i],
		    NULL);
	}
	for (int i = 0; i < 2000 && world_waiting(&f->w) < CALLS_OF_ONE; i++)
		usleep(10000);
	assert_int_equal(world_waiting(&f->w), CALLS_OF_ONE);
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, NULL, &e), RPC_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(e.text, "too many calls at the same time"));
	assert_int_equal(world_call(&f->w, others, "Unary", &q, NULL, &e), RPC_OK);
	for (int i = 0; i < CALLS_OF_ONE; i++) {
		rpc_cancel(calls[i]);
		rpc_loop_run(f->w.rl, &s[i].done);
	}
	for (int i = 0; i < 2000 && world_waiting(&f->w) > 0; i++)
		usleep(10000);
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, NULL, &e), RPC_OK);
	rpc_channel_free(others);
	rpc_identity_free(other);
}

static void
unknown_methods_and_services_are_unimplemented(void **state)
{
	struct fixture *f = *state;
	ProtobufCServiceDescriptor renamed = echo__echo__descriptor;
	const struct rpc_method of_renamed = { &renamed, "Unary", RPC_UNARY };
	Echo__Msg q = ECHO__MSG__INIT, *a = NULL;
	enum rpc_code code;
	struct err e = { "" };

	renamed.name = "sallyport.test.Nobody";
	assert_int_equal(rpc_call_sync(f->w.rl, f->ch, &of_renamed, &q, WORLD_TIMEOUT_MS, &a, &code,
			     &e),
	    -1);
	assert_int_equal(code, RPC_UNIMPLEMENTED);
	assert_int_equal(rpc_call_sync(f->w.rl, f->ch, &no_such_method, &q, WORLD_TIMEOUT_MS, &a,
			     &code, &e),
	    -1);
	assert_int_equal(code, RPC_UNIMPLEMENTED);
}

static void
oversized_requests_are_refused_and_the_connection_lives(void **state)
{
	struct fixture *f = *state;
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };

	q.data.len = 2 << 20;
	q.data.data = calloc(1, q.data.len);
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, NULL, &e), RPC_RESOURCE_EXHAUSTED);
	free(q.data.data);
	assert_int_equal(world_call(&f->w, f->ch, "Unary", NULL, NULL, &e), RPC_OK);
}

/* One call over a channel that takes answers of up to 1000 bytes. */
static bool
is_too_large(struct fixture *f, const struct rpc_method *m, const Echo__Msg *q, enum rpc_code *ret)
{
	const struct rpc_channel_config config = { .target = f->w.target,
		.server_name = "authd.test",
		.identity = f->id,
		.max_message = 1000 };
	const struct rpc_options options = { .timeout_ms = WORLD_TIMEOUT_MS };
	struct seen s = { .in_order = true };
	struct rpc_channel *ch;
	struct err e;

	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	rpc_invoke(f->w.rl, ch, m, q, &reader_events, &s, &options);
	rpc_loop_run(f->w.rl, &s.done);
	rpc_channel_free(ch);
	*ret = s.code;
	return rpc_is_too_large(&(struct rpc_status){ s.code, s.text });
}

static void
an_answer_that_is_too_large_is_told_apart_from_having_to_wait(void **state)
{
	struct fixture *f = *state;
	Echo__Msg q = ECHO__MSG__INIT;
	uint8_t data[1001] = { 0 };
	enum rpc_code code;

	assert_false(is_too_large(f, &echo_Unary_method, &q, &code));
	assert_int_equal(code, RPC_OK);
	q.data = (ProtobufCBinaryData){ sizeof data, data };
	assert_true(is_too_large(f, &echo_Unary_method, &q, &code));
	assert_int_equal(code, RPC_RESOURCE_EXHAUSTED);
	q = (Echo__Msg)ECHO__MSG__INIT;
	q.n = RPC_RESOURCE_EXHAUSTED;
	q.text = "wait a moment";
	assert_false(is_too_large(f, &echo_Fail_method, &q, &code));
	assert_int_equal(code, RPC_RESOURCE_EXHAUSTED);
}

/* A message that nests 10 000 deep would overflow the stack of protobuf-c. */
static void
bombs_are_refused_before_they_are_unpacked(void **state)
{
	struct fixture *f = *state;
	enum { DEPTH = 1000 };
	static Echo__Tree trees[DEPTH];
	static Echo__Tree *child[DEPTH];
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };

	for (int i = 0; i < DEPTH; i++) {
		trees[i] = (Echo__Tree)ECHO__TREE__INIT;
		if (i + 1 < DEPTH) {
			child[i] = &trees[i + 1];
			trees[i].children = &child[i];
			trees[i].n_children = 1;
		}
	}
	q.tree = &trees[0];
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, NULL, &e), RPC_INVALID_ARGUMENT);
	q = (Echo__Msg)ECHO__MSG__INIT;
	q.text = "not \xff utf-8";
	assert_int_equal(world_call(&f->w, f->ch, "Unary", &q, NULL, &e), RPC_INVALID_ARGUMENT);
	assert_int_equal(world_call(&f->w, f->ch, "Unary", NULL, NULL, &e), RPC_OK);
}

static void
a_drain_lets_running_calls_end_and_refuses_new_ones(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };

	q.n = 400;
	rpc_invoke(f->w.rl, f->ch, &echo_Later_method, &q, &reader_events, &s, NULL);
	for (int i = 0; i < 2000 && world_waiting(&f->w) == 0; i++)
		usleep(10000);
	world_stop(&f->w, 10000);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_OK);
	assert_int_equal(s.messages, 1);
	for (int i = 0; i < 2000 && !world_stopped(&f->w); i++)
		usleep(10000);
	assert_true(world_stopped(&f->w));
	assert_int_equal(world_call(&f->w, f->ch, "Unary", NULL, NULL, &e), RPC_UNAVAILABLE);
	assert_non_null(strstr(e.text, f->w.target));
}

static void
a_drain_without_grace_cancels_what_runs(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT;

	rpc_invoke(f->w.rl, f->ch, &echo_Wait_method, &q, &reader_events, &s, NULL);
	for (int i = 0; i < 2000 && world_waiting(&f->w) == 0; i++)
		usleep(10000);
	world_stop(&f->w, 50);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_UNAVAILABLE);
	for (int i = 0; i < 2000 && !world_stopped(&f->w); i++)
		usleep(10000);
	assert_true(world_stopped(&f->w));
}

static void
a_call_that_cannot_be_made_is_closed_with_the_reason(void **state)
{
	struct fixture *f = *state;
	struct rpc_channel_config config = { .target = "127.0.0.1:1",
		.server_name = "authd.test",
		.identity = f->id };
	struct rpc_channel *ch;
	struct seen s = { .in_order = true };
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };

	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	rpc_invoke(f->w.rl, ch, &echo_Unary_method, &q, &reader_events, &s, NULL);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_UNAVAILABLE);
	assert_string_equal(s.text, "cannot reach 127.0.0.1:1: Connection refused");
	s = (struct seen){ 0 };
	rpc_open(f->w.rl, ch, &no_such_method, &reader_events, &s, NULL);
	rpc_loop_run(f->w.rl, &s.done);
	assert_int_equal(s.code, RPC_UNIMPLEMENTED);
	rpc_channel_free(ch);
}

/* A path on which everything takes half a second more: one connection. */
struct slow {
	int listener, to_port;
};

static int
connect_loopback(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	return fd;
}

static void *
forward_slowly(void *arg)
{
	struct slow *s = arg;
	struct pollfd p[2] = { { .fd = accept(s->listener, NULL, NULL), .events = POLLIN },
		{ .fd = connect_loopback(s->to_port), .events = POLLIN } };
	char bytes[16384];
	ssize_t n = 1;

	while (n > 0 && poll(p, 2, 20000) > 0) {
		for (int i = 0; i < 2 && n > 0; i++) {
			if (!(p[i].revents & (POLLIN | POLLHUP)))
				continue;
			n = read(p[i].fd, bytes, sizeof bytes);
			usleep(500000);
			if (n > 0 && write(p[1 - i].fd, bytes, (size_t)n) != n)
				n = 0;
		}
	}
	close(p[0].fd);
	close(p[1].fd);
	return NULL;
}

static void
a_slow_path_delays_the_connection_and_does_not_prevent_it(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sin;
	struct slow s = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0 };
	uint16_t port;
	char host[32];
	char target[64];
	struct rpc_channel_config config = { .target = target,
		.server_name = "authd.test",
		.identity = f->id };
	struct rpc_channel *ch;
	struct err e = { "" };
	pthread_t thread;

	assert_true(str_host_port(f->w.target, 0, host, sizeof host, &port));
	s.to_port = port;
	assert_int_equal(bind(s.listener, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(listen(s.listener, 4), 0);
	assert_int_equal(getsockname(s.listener, (struct sockaddr *)&sin, &n), 0);
	(void)str_format(target, sizeof target, "127.0.0.1:%u", ntohs(sin.sin_port));
	assert_int_equal(pthread_create(&thread, NULL, forward_slowly, &s), 0);
	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	assert_int_equal(world_call(&f->w, ch, "Unary", NULL, NULL, &e), RPC_OK);
	rpc_channel_free(ch);
	pthread_join(thread, NULL);
	close(s.listener);
}

/* Daemons count by it, in arrays of that size. */
static void
a_status_of_any_number_is_one_that_is_known(void **state)
{
	const int odd[] = { -1, RPC_CODES, 99, 1 << 20, INT32_MIN, INT32_MAX };

	(void)state;
	for (int code = 0; code < RPC_CODES; code++)
		assert_int_equal(rpc_known_code(code), code);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		assert_int_equal(rpc_known_code(odd[i]), RPC_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_of_any_number_is_one_that_is_known),
		cmocka_unit_test_setup_teardown(unary_calls_bring_back_what_was_sent, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(statuses_and_their_texts_arrive_clean_and_cut,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(downloads_bring_every_message_in_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(uploads_are_counted_to_the_last_message, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(both_ways_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_paused_reader_stops_the_flow_and_resumes, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_deadline_ends_the_call_on_both_sides, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_call_is_closed_on_the_server, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_person_has_so_many_calls_at_the_same_time, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(unknown_methods_and_services_are_unimplemented,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    oversized_requests_are_refused_and_the_connection_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_answer_that_is_too_large_is_told_apart_from_having_to_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(bombs_are_refused_before_they_are_unpacked, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_drain_lets_running_calls_end_and_refuses_new_ones,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_drain_without_grace_cancels_what_runs, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_slow_path_delays_the_connection_and_does_not_prevent_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_call_that_cannot_be_made_is_closed_with_the_reason, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
