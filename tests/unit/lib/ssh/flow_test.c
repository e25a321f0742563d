/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data in motion: windows, slow readers, closing, exchanging keys meanwhile, connections inside
 * channels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/ssh_priv.h"
#include "ssh_pair.h"

enum { MIB = 1024 * 1024 };

static void
start_both_ways(struct pair *p, uint64_t n)
{
	pair_login(p);
	pair_open(p);
	p->in.to_send = p->out.to_send = n;
	p->in.eof_after = p->out.eof_after = true;
	end_push(&p->in);
	end_push(&p->out);
}

static void
check_both_ways(struct pair *p, uint64_t n)
{
	assert_int_equal(p->in.got, n);
	assert_int_equal(p->out.got, n);
	assert_true(p->in.sum == p->out.sent_sum);
	assert_true(p->out.sum == p->in.sent_sum);
	assert_true(p->in.eof && p->out.eof);
}

static void
keys_are_exchanged_again_mid_transfer(void **state)
{
	(void)state;
	/* by the server, by the client, by both, with every way of cutting the bytes */
	for (int who = 1; who <= 3; who++)
		for (size_t cut = 0; cut <= 20000; cut += 5000) {
			struct pair p;

			pair_init(&p);
			p.cut = cut;
			p.seed = (unsigned)(who * 100 + (int)cut);
			if (who & 1)
				p.server_config.rekey_bytes = 150000;
			if (who & 2)
				p.client_config.rekey_bytes = 100000;
			start_both_ways(&p, 2 * MIB);
			pair_run(&p);
			check_both_ways(&p, 2 * MIB);
			/* it happened: far fewer bytes than were sent are under the present keys */
			assert_true(p.server->out.bytes < MIB);
			pair_done(&p);
		}
}

static void
session_id_stays_when_keys_change(void **state)
{
	struct pair p;
	uint8_t before[32];

	(void)state;
	pair_init(&p);
	pair_login(&p);
	memcpy(before, ssh_session_id(p.server).p, 32);
	p.now_ms += 3600 * 1000;
	ssh_tick(p.client, p.now_ms);
	assert_non_null(p.client->kex);
	pair_run(&p);
	assert_null(p.client->kex);
	assert_null(p.server->kex);
	assert_memory_equal(before, ssh_session_id(p.server).p, 32);
	pair_open(&p);
	pair_done(&p);
}

static void
requests_made_during_an_exchange_arrive_after_it(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	kex_start(p.client);
	assert_int_equal(ssh_chan_room(p.out.chan), 0);
	assert_int_equal(ssh_chan_write(p.out.chan, 0, "abc", 3), 0);
	for (int i = 0; i < 5; i++)
		ssh_chan_request(p.out.chan, "x", true, pair_span("y"));
	assert_true(p.client->pending.len > 0);
	pair_run(&p);
	assert_int_equal(p.in.requests, 5);
	assert_int_equal(p.out.replies_ok, 5);
	assert_true(ssh_chan_room(p.out.chan) > 0);
	pair_done(&p);
}

static void
an_exchange_that_never_ends_is_ended(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	kex_start(p.client);
	/* a peer that is silent may only be stopped (keepalives judge that) ... */
	p.now_ms += 20 * 60 * 1000;
	assert_int_equal(ssh_tick(p.client, p.now_ms), 0);
	/* ... one that talks about something else is not */
	ssh_global_request(p.server, "x", pair_span(""), NULL, NULL);
	while (ssh_output(p.server).n > 0) {
		struct span out = ssh_output(p.server);
		uint8_t *copy = malloc(out.n);

		memcpy(copy, out.p, out.n);
		assert_int_equal(ssh_input(p.client, copy, out.n, p.now_ms), 0);
		ssh_output_drain(p.server, out.n);
		free(copy);
	}
	assert_true(ssh_tick(p.client, p.now_ms) < 0);
	pair_done(&p);
}

static void
a_slow_reader_stops_its_writer(void **state)
{
	struct pair p;
	uint64_t before;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.take_max = 0;
	p.out.to_send = 64 * MIB;
	end_push(&p.out);
	pair_run(&p);
	/* exactly one window arrived and is kept, nothing waits in between */
	assert_int_equal(p.in.chan->kept[0].len, MIB);
	assert_int_equal(p.out.sent, MIB);
	assert_true(ssh_output(p.client).n == 0);
	assert_true(p.in.chan->kept[0].cap <= 8 * MIB);
	/* it reads a little: as much more comes */
	before = p.out.sent;
	p.in.take_max = 1;
	for (int i = 0; i < 3; i++)
		ssh_chan_resume(p.in.chan);
	pair_run(&p);
	assert_int_equal(p.out.sent, before);
	p.in.take_max = SIZE_MAX;
	ssh_chan_resume(p.in.chan);
	pair_run(&p);
	assert_int_equal(p.in.got, 64 * MIB);
	assert_true(p.in.sum == p.out.sent_sum);
	assert_int_equal(p.in.chan->window_size, MIB);
	pair_done(&p);
}

static void
close_waits_for_what_was_not_taken(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.take_max = 0;
	p.out.to_send = 1000000;
	p.out.close_after = true;
	end_push(&p.out);
	pair_run(&p);
	assert_int_equal(p.out.sent, 1000000);
	assert_false(p.in.eof || p.in.closed || p.out.closed);
	assert_int_equal(p.in.chan->kept[0].len, 1000000);
	p.in.take_max = SIZE_MAX;
	ssh_chan_resume(p.in.chan);
	pair_run(&p);
	assert_int_equal(p.in.got, 1000000);
	assert_true(p.in.sum == p.out.sent_sum);
	assert_string_equal(p.in.order, "udec");
	assert_true(p.out.closed);
	assert_int_equal(ssh_channel_count(p.client) + ssh_channel_count(p.server), 0);
	pair_done(&p);
}

static size_t
close_and_scribble(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	(void)ext;
	(void)arg;
	ssh_chan_close(chan);
	memset(p, 0, n);
	return n;
}

static void
the_owner_closes_inside_its_data_callback(void **state)
{
	static const struct ssh_chan_events closer = { .data = close_and_scribble };
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.take_max = 0;
	p.out.to_send = 100000;
	end_push(&p.out);
	pair_run(&p);
	ssh_chan_set_events(p.in.chan, &closer, NULL);
	ssh_chan_resume(p.in.chan);
	ssh_chan_close(p.out.chan);
	pair_run(&p);
	assert_int_equal(ssh_channel_count(p.client) + ssh_channel_count(p.server), 0);
	pair_done(&p);
}

static void
close_from_both_sides_at_once(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.to_send = p.out.to_send = 100000;
	p.in.close_after = p.out.close_after = true;
	end_push(&p.in);
	end_push(&p.out);
	pair_run(&p);
	assert_true(p.in.closed && p.out.closed);
	assert_int_equal(ssh_channel_count(p.client) + ssh_channel_count(p.server), 0);
	pair_done(&p);
}

static void
ids_are_used_again(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	for (int i = 0; i < 50; i++) {
		end_init(&p.in);
		end_init(&p.out);
		pair_open(&p);
		assert_int_equal(p.out.chan->id, 0);
		ssh_chan_close(i % 2 ? p.in.chan : p.out.chan);
		pair_run(&p);
		assert_true(p.in.closed && p.out.closed);
	}
	pair_done(&p);
}

static void
stderr_has_its_own_stream(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	assert_int_equal(ssh_chan_write(p.in.chan, 0, "abc", 3), 3);
	assert_int_equal(ssh_chan_write(p.in.chan, 1, "defg", 4), 4);
	pair_run(&p);
	assert_int_equal(p.out.got, 3);
	assert_int_equal(p.out.got_err, 4);
	p.out.take_max = 0;
	ssh_chan_write(p.in.chan, 1, "defg", 4);
	ssh_chan_write(p.in.chan, 0, "abc", 3);
	pair_run(&p);
	assert_int_equal(chan_kept(p.out.chan), 7);
	p.out.take_max = SIZE_MAX;
	ssh_chan_resume(p.out.chan);
	assert_int_equal(p.out.got, 6);
	assert_int_equal(p.out.got_err, 8);
	pair_done(&p);
}

/* What room promises is taken, at every level of the output and for every packet size of the
 * peer. */
static void
room_is_kept(void **state)
{
	static uint8_t block[MIB];
	struct pair p;

	(void)state;
	pair_init(&p);
	p.client_config.rekey_bytes = 700000;
	pair_login(&p);
	pair_open(&p);
	for (int i = 0; i < 200; i++) {
		size_t room;

		p.out.chan->peer_packet = 1 + pair_random(&p.seed) % 40000;
		while ((room = ssh_chan_room(p.out.chan)) > 0) {
			size_t n = 1 + pair_random(&p.seed) % room;

			if (n > sizeof(block))
				n = sizeof(block);
			assert_int_equal(ssh_chan_write(p.out.chan, 0, block, n), n);
		}
		pair_run(&p);
	}
	pair_done(&p);
}

/* All that from has to send, in one direction, arriving at p->now_ms. */
static void
deliver_all(struct pair *p, struct ssh *from, struct ssh *to)
{
	struct span out = ssh_output(from);
	size_t n = out.n;
	uint8_t *copy;

	if (n == 0)
		return;
	copy = malloc(n);
	memcpy(copy, out.p, n);
	ssh_output_drain(from, n);
	assert_int_equal(ssh_input(to, copy, n, p->now_ms), 0);
	free(copy);
}

/* With a narrow window that may grow to 1 MiB. */
static void
begin_upload(struct pair *p, size_t size)
{
	pair_init(p);
	p->server_config.window = 64 * 1024;
	p->server_config.window_max = MIB;
	pair_login(p);
	pair_open(p);
	p->out.to_send = size;
	end_push(&p->out);
}

/* A path of 100 ms: the window grows until the path is what limits, and not beyond the budget. */
/* The owner learns at once that nobody reads it any more, and of the end when he has taken what came before it. */
static void
a_close_behind_data_that_waits_is_told_before_the_end(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.take_max = 0;
	ssh_chan_write(p.out.chan, 0, "waits", 5);
	ssh_chan_close(p.out.chan);
	pair_run(&p);
	assert_true(p.in.unread);
	assert_false(p.in.eof || p.in.closed);
	assert_int_equal(ssh_chan_room(p.in.chan), 0);
	p.in.take_max = SIZE_MAX;
	ssh_chan_resume(p.in.chan);
	pair_run(&p);
	assert_int_equal(p.in.got, 5);
	assert_true(p.in.eof && p.in.closed && p.out.closed);
	pair_done(&p);
	/* With nothing that waits there is only the end. */
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	ssh_chan_close(p.out.chan);
	pair_run(&p);
	assert_true(p.in.closed);
	assert_false(p.in.unread);
	pair_done(&p);
}

/* For a relay, whose clients may only be able to send on while nobody tells them anything. */
static void
channels_of_the_peer_can_have_another_window(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.server_config.window_in = 3 * MIB;
	pair_login(&p);
	pair_open(&p);
	assert_int_equal(p.out.chan->peer_window, 3 * MIB);
	assert_int_equal(p.in.chan->peer_window, MIB);
	p.out.chan = NULL;
	struct ssh_chan *ours = ssh_chan_open(p.server, "x", pair_span(""), &pair_chan_events,
	    &p.in);
	assert_int_equal(ours->window, MIB);
	pair_done(&p);
	/* No more than all windows of a connection together may promise. */
	pair_init(&p);
	p.server_config.window_in = WINDOWS_SUM;
	pair_login(&p);
	pair_open(&p);
	assert_int_equal(p.out.chan->peer_window, WINDOWS_SUM / 8);
	pair_done(&p);
}

static void
the_window_grows_with_the_path(void **state)
{
	struct pair p;

	(void)state;
	begin_upload(&p, 40 * MIB);
	while (p.in.got < p.out.to_send) {
		p.now_ms += 50;
		deliver_all(&p, p.client, p.server);
		p.now_ms += 50;
		deliver_all(&p, p.server, p.client);
	}
	assert_int_equal(p.in.chan->window_size, MIB);
	assert_int_equal(p.server->window_spent, MIB - 64 * 1024);
	ssh_chan_close(p.out.chan);
	pair_run(&p);
	assert_int_equal(p.server->window_spent, 0);
	pair_done(&p);
}

/* A machine so slow that everything takes its time by the byte: pauses, but not for the window. */
static void
a_window_that_does_not_help_goes_back(void **state)
{
	struct pair p;

	(void)state;
	begin_upload(&p, 20 * MIB);
	while (p.in.got < p.out.to_send) {
		p.now_ms += (int64_t)ssh_output(p.client).n / 1000;
		deliver_all(&p, p.client, p.server);
		deliver_all(&p, p.server, p.client);
	}
	assert_true(p.in.chan->window_settled);
	assert_int_equal(p.in.chan->window_size, 64 * 1024);
	assert_int_equal(p.server->window_spent, 0);
	pair_done(&p);
}

/* A line of so many bytes a millisecond and a delay, in one direction. */
struct line {
	struct ssh *from, *to;
	size_t rate;
	int64_t delay_ms;
	struct {
		int64_t at_ms;
		uint8_t *p;
		size_t n;
	} flying[256]; /* one entry a millisecond */
	unsigned head, tail;
};

static void
line_tick(struct line *l, int64_t now_ms)
{
	struct span out = ssh_output(l->from);
	size_t n = out.n < l->rate ? out.n : l->rate;

	if (n > 0) {
		unsigned i = l->head++ % 256;

		l->flying[i].p = malloc(n);
		memcpy(l->flying[i].p, out.p, n);
		l->flying[i].n = n;
		l->flying[i].at_ms = now_ms + l->delay_ms;
		ssh_output_drain(l->from, n);
	}
	while (l->tail != l->head && l->flying[l->tail % 256].at_ms <= now_ms) {
		unsigned i = l->tail++ % 256;

		assert_int_equal(ssh_input(l->to, l->flying[i].p, l->flying[i].n, now_ms), 0);
		free(l->flying[i].p);
	}
}

/* A pair with a line each way; from the first byte on everything takes its time. */
struct path {
	struct pair p;
	struct line up, down;
};

static void
path_tick(struct path *x)
{
	x->p.now_ms++;
	line_tick(&x->up, x->p.now_ms);
	line_tick(&x->down, x->p.now_ms);
}

/* A session is open; rate is in MiB a second. */
static void
path_begin(struct path *x, size_t rate, int64_t delay_ms)
{
	x->up = x->down = (struct line){ .rate = rate * MIB / 1000, .delay_ms = delay_ms };
	pair_init(&x->p);
	x->p.opens_ahead = true;
	pair_start(&x->p);
	x->up.from = x->down.to = x->p.client;
	x->up.to = x->down.from = x->p.server;
	while (!x->p.out.opened)
		path_tick(x);
}

static void
path_done(struct path *x)
{
	for (struct line *l = &x->up; l; l = l == &x->up ? &x->down : NULL)
		while (l->tail != l->head)
			free(l->flying[l->tail++ % 256].p);
	pair_done(&x->p);
}

/* Milliseconds that so many bytes take. */
static int64_t
time_over(size_t size, size_t rate, int64_t delay_ms, uint32_t *ret_window)
{
	struct path x;
	int64_t start;

	path_begin(&x, rate, delay_ms);
	start = x.p.now_ms;
	x.p.out.to_send = size;
	end_push(&x.p.out);
	while (x.p.in.got < size && x.p.now_ms - start < 100000)
		path_tick(&x);
	start = x.p.now_ms - start;
	*ret_window = x.p.in.chan->window_size;
	path_done(&x);
	return start;
}

static void
long_paths_are_filled(void **state)
{
	static const size_t rates[] = { 10, 30, 50, 100, 150 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		uint32_t window;
		int64_t ms = time_over(200 * MIB, rates[i], 40, &window);
		int64_t best = (int64_t)(200 * 1000 / rates[i]);

		if (ms > best * 13 / 10 + 900)
			fail_msg("%zu MiB/s: %d ms instead of %d, window %u KiB", rates[i], (int)ms,
			    (int)best, window / 1024);
	}
}

/* The first news of the window that reaches the sender opens it wide: 8 MiB are there two round trips after the first. */
static void
the_window_of_a_long_path_opens_at_once(void **state)
{
	uint32_t window;
	int64_t ms = time_over(8 * MIB, 200, 50, &window);

	(void)state;
	if (ms > 50 + 2 * 100 + 8 * 1000 / 200 + 20)
		fail_msg("%d ms", (int)ms);
	assert_true(window >= 4 * MIB);
}

/* Whoever sends less than a window needs no wider one, however far he is. */
static void
the_window_of_a_slow_sender_stays(void **state)
{
	uint32_t window;

	(void)state;
	time_over(8 * MIB, 4, 50, &window);
	assert_int_equal(window, MIB);
}

/* What a person takes to answer a question is no path. */
static void
a_person_who_is_asked_about_a_key_makes_no_long_path(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_start(&p);
	while (!p.authenticated_server) {
		assert_true(pair_step(&p));
		p.now_ms += 1500;
	}
	assert_int_equal(p.server->trip_ms, 0);
	pair_done(&p);
}

static void
the_window_stays_on_a_short_path(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.server_config.window = 64 * 1024;
	pair_login(&p);
	pair_open(&p);
	p.out.to_send = 10 * MIB;
	end_push(&p.out);
	pair_run(&p);
	assert_int_equal(p.in.got, 10 * MIB);
	assert_int_equal(p.in.chan->window_size, 64 * 1024);
	pair_done(&p);
}

/* Many channels share the output fairly: none waits until another has finished. */
static void
channels_take_turns(void **state)
{
	struct pair p;
	struct end ends[8], *e;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	for (int i = 0; i < 8; i++) {
		end_init(&ends[i]);
		ends[i].chan = ssh_chan_open(p.client, "session", pair_span(""), &pair_chan_events,
		    &ends[i]);
	}
	pair_run(&p);
	for (e = ends; e < ends + 8; e++) {
		e->to_send = 8 * MIB;
		end_push(e);
	}
	for (int i = 0; i < 40; i++)
		pair_step(&p);
	for (e = ends; e < ends + 8; e++)
		assert_true(e->sent > 0);
	pair_run(&p);
	for (e = ends; e < ends + 8; e++)
		assert_int_equal(e->sent, 8 * MIB);
	assert_int_equal(p.in.got, 64 * MIB);
	pair_done(&p);
}

/* What all windows of a connection promise together stays bounded. */
static void
many_channels_share_a_budget(void **state)
{
	struct pair p;
	struct end ends[300];
	uint64_t sum = 0;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	for (int i = 0; i < 300; i++) {
		end_init(&ends[i]);
		ends[i].chan = ssh_chan_open(p.client, "session", pair_span(""), &pair_chan_events,
		    &ends[i]);
		sum += ends[i].chan->window;
		if (i == 0)
			assert_int_equal(ends[i].chan->window, MIB);
		assert_true(ends[i].chan->window >= 64 * 1024);
	}
	assert_true(sum <= 64 * MIB + 300 * 64 * 1024);
	pair_run(&p);
	for (int i = 0; i < 300; i++)
		ssh_chan_close(ends[i].chan);
	pair_run(&p);
	assert_int_equal(p.client->window_sum, 0);
	assert_int_equal(p.server->window_sum, 0);
	pair_done(&p);
}

static void
an_idle_connection_holds_no_buffers(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	start_both_ways(&p, 5 * MIB);
	pair_run(&p);
	check_both_ways(&p, 5 * MIB);
	assert_null(p.server->outbuf.p);
	assert_null(p.server->part);
	assert_null(p.server->kex);
	assert_null(p.server->auth);
	assert_null(p.server->pending.data);
	assert_null(p.in.chan->kept[0].data);
	pair_done(&p);
}

/* Long before the numbers of packets come round (RFC 4344 section 3.1), in either direction. */
static void
keys_are_exchanged_again_after_many_packets(void **state)
{
	static const uint32_t many = 1u << 31;
	static const uint8_t ignore = MSG_IGNORE;

	(void)state;
	for (int of_in = 0; of_in < 2; of_in++) {
		struct pair p;
		uint32_t *packets;

		pair_init(&p);
		pair_login(&p);
		pair_run(&p);
		packets = of_in ? &p.server->in.packets : &p.client->out.packets;
		*packets = many - 2;
		pair_forge(p.client, &ignore, 1);
		pair_run(&p);
		assert_true(*packets == many - 1);
		/* Who sends looks when he receives something. */
		pair_forge(p.client, &ignore, 1);
		pair_forge(p.server, &ignore, 1);
		pair_run(&p);
		assert_true(*packets < 10);
		assert_false(p.dead_server || p.dead_client);
		pair_done(&p);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(keys_are_exchanged_again_after_many_packets),
	cmocka_unit_test(keys_are_exchanged_again_mid_transfer),
	cmocka_unit_test(session_id_stays_when_keys_change),
	cmocka_unit_test(channels_of_the_peer_can_have_another_window),
	cmocka_unit_test(a_close_behind_data_that_waits_is_told_before_the_end),
	cmocka_unit_test(requests_made_during_an_exchange_arrive_after_it),
	cmocka_unit_test(an_exchange_that_never_ends_is_ended),
	cmocka_unit_test(a_slow_reader_stops_its_writer),
	cmocka_unit_test(close_waits_for_what_was_not_taken),
	cmocka_unit_test(the_owner_closes_inside_its_data_callback),
	cmocka_unit_test(close_from_both_sides_at_once),
	cmocka_unit_test(ids_are_used_again),
	cmocka_unit_test(stderr_has_its_own_stream),
	cmocka_unit_test(room_is_kept),
	cmocka_unit_test(the_window_grows_with_the_path),
	cmocka_unit_test(a_window_that_does_not_help_goes_back),
	cmocka_unit_test(long_paths_are_filled),
	cmocka_unit_test(the_window_of_a_long_path_opens_at_once),
	cmocka_unit_test(the_window_of_a_slow_sender_stays),
	cmocka_unit_test(a_person_who_is_asked_about_a_key_makes_no_long_path),
	cmocka_unit_test(the_window_stays_on_a_short_path),
	cmocka_unit_test(channels_take_turns),
	cmocka_unit_test(many_channels_share_a_budget),
	cmocka_unit_test(an_idle_connection_holds_no_buffers),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
