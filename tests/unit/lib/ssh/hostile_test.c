/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that break the rules after they logged in: every denial, and regressions named after other
 * implementations' CVEs. In each case the connection ends (or the request is refused), and nothing
 * of what was asked for happens.
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

/* --- after the login ------------------------------------------------------------------------ */

static void
messages_that_nobody_expects(void **state)
{
	static const uint8_t types[] = { MSG_USERAUTH_SUCCESS, MSG_USERAUTH_FAILURE,
		MSG_SERVICE_REQUEST, MSG_NEWKEYS, MSG_KEX_ECDH_INIT, MSG_KEX_ECDH_REPLY,
		MSG_REQUEST_SUCCESS, MSG_CHANNEL_SUCCESS, MSG_CHANNEL_DATA, MSG_KEXINIT,
		MSG_CHANNEL_OPEN, MSG_CHANNEL_WINDOW_ADJUST, MSG_CHANNEL_CLOSE, MSG_CHANNEL_EOF,
		MSG_EXT_INFO, MSG_CHANNEL_REQUEST, MSG_GLOBAL_REQUEST };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct pair p;

		pair_init(&p);
		pair_login(&p);
		pair_say_type(p.client, types[i]);
		pair_run(&p);
		assert_true(p.dead_server);
		pair_done(&p);
	}
}

static void
unknown_messages_are_unimplemented(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_say_type(p.client, 192);
	pair_say_type(p.client, 255);
	pair_run(&p);
	assert_false(p.dead_server || p.dead_client);
	pair_open(&p);
	pair_done(&p);
}

static void
the_window_is_a_limit(void **state)
{
	static uint8_t block[32768];
	struct pair p;

	(void)state;
	pair_init(&p);
	p.server_config.window = 40000;
	pair_login(&p);
	pair_open(&p);
	p.in.take_max = 0;
	p.out.chan->peer_window = 1000000; /* it lies to itself */
	ssh_chan_write(p.out.chan, 0, block, sizeof(block));
	ssh_chan_write(p.out.chan, 0, block, sizeof(block));
	pair_expect_dead_server(&p, "more data than the window allows");
	pair_done(&p);
}

static void
a_packet_over_the_maximum(void **state)
{
	struct pair p;
	struct buf b;
	static uint8_t block[CHAN_PACKET_MAX + 1];

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	packet_begin(&b, MSG_CHANNEL_DATA);
	wire_put_u32(&b, p.out.chan->peer_id);
	wire_put_string(&b, (struct span){ block, sizeof(block) });
	pair_say(p.client, &b);
	pair_expect_dead_server(&p, "more data than the window allows");
	pair_done(&p);
}

static void
window_overflow(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	packet_begin(&b, MSG_CHANNEL_WINDOW_ADJUST);
	wire_put_u32(&b, p.out.chan->peer_id);
	wire_put_u32(&b, UINT32_MAX);
	pair_say(p.client, &b);
	pair_expect_dead_server(&p, "window overflow");
	pair_done(&p);
}

static void
cve_2026_59843_packet_size_zero(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	/* refused without harm when the peer opens ... */
	p.out.chan = ssh_chan_open(p.client, "session", pair_span(""), &pair_chan_events, &p.out);
	pair_run(&p);
	packet_begin(&b, MSG_CHANNEL_OPEN);
	wire_put_text(&b, "session");
	wire_put_u32(&b, 77);
	wire_put_u32(&b, 1000);
	wire_put_u32(&b, 0);
	pair_say(p.client, &b);
	pair_step(&p);
	assert_int_equal(ssh_channel_count(p.server), 1);
	pair_done(&p);
	/* ... and the end when it confirms */
	pair_init(&p);
	p.accept_later = true;
	pair_login(&p);
	p.out.chan = ssh_chan_open(p.server, "x", pair_span(""), &pair_chan_events, &p.out);
	pair_run(&p);
	packet_begin(&b, MSG_CHANNEL_OPEN_CONFIRMATION);
	wire_put_u32(&b, 0);
	wire_put_u32(&b, 0);
	wire_put_u32(&b, 1000);
	wire_put_u32(&b, 0);
	pair_say(p.client, &b);
	pair_expect_dead_server(&p, "malformed channel confirmation");
	pair_done(&p);
}

static void
tiny_packets_do_not_blow_up_the_output(void **state)
{
	static uint8_t block[65536];
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.chan->peer_packet = 1;
	while (ssh_chan_write(p.in.chan, 0, block, sizeof(block)) > 0)
		;
	assert_false(ssh_is_dead(p.server));
	assert_true(p.server->outbuf.len <= p.server->config.output_max + 1000);
	pair_done(&p);
}

static void
data_after_its_end(void **state)
{
	(void)state;
	for (int close = 0; close < 2; close++) {
		struct pair p;
		struct buf b;
		uint32_t id;

		pair_init(&p);
		pair_login(&p);
		pair_open(&p);
		id = p.out.chan->peer_id;
		if (close)
			ssh_chan_close(p.out.chan);
		else
			ssh_chan_eof(p.out.chan);
		packet_begin(&b, MSG_CHANNEL_DATA);
		wire_put_u32(&b, id);
		wire_put_text(&b, "late");
		pair_say(p.client, &b);
		pair_run(&p);
		assert_true(p.dead_server);
		assert_int_equal(p.in.got, 0);
		pair_done(&p);
	}
}

static void
openssh_72b05ecd_a_flood_during_our_rekey(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	/* We have sent KEXINIT and the peer does not answer it, but asks and asks: what we hold
	 * back for it is bounded. */
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	kex_start(p.server);
	for (int i = 0; i < 60000 && !p.dead_server; i++) {
		struct span out;
		uint8_t copy[512];

		packet_begin(&b, MSG_CHANNEL_REQUEST);
		wire_put_u32(&b, p.out.chan->peer_id);
		wire_put_text(&b, "x");
		wire_put_bool(&b, true);
		pair_say(p.client, &b);
		out = ssh_output(p.client);
		assert_true(out.n < sizeof(copy));
		memcpy(copy, out.p, out.n);
		ssh_output_drain(p.client, out.n);
		p.dead_server = ssh_input(p.server, copy, out.n, p.now_ms) < 0;
		assert_true(p.server->pending.len <= PENDING_MAX);
	}
	assert_true(p.dead_server);
	assert_non_null(strstr(ssh_error(p.server), "during a key exchange"));
	pair_done(&p);
}

/* Data on a channel, however little that is the time for it. */
static void
forge_data(struct ssh *from, const struct end *e, const char *text)
{
	struct buf b;

	packet_begin(&b, MSG_CHANNEL_DATA);
	wire_put_u32(&b, e->chan->peer_id);
	wire_put_text(&b, text);
	pair_say(from, &b);
}

/* As asyncssh does when it begins to change keys with a channel under way; in both roles, and at every step of the
 * exchange. The exchange goes on, and what comes keeps its order. */
static void
data_behind_the_peers_own_kexinit_is_taken(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++)
		for (enum kex_step step = KEX_WAIT_ECDH; step <= KEX_WAIT_NEWKEYS; step++) {
			struct pair p;
			struct ssh *from, *to;
			const struct end *mine, *theirs;

			if (step == KEX_WAIT_SIGNATURE)
				continue; /* sign_test.c */
			pair_init(&p);
			pair_login(&p);
			pair_open(&p);
			from = server ? p.server : p.client;
			to = server ? p.client : p.server;
			mine = server ? &p.in : &p.out;
			theirs = server ? &p.out : &p.in;
			kex_start(from);
			while (!to->kex || to->kex->step != step) {
				/* A client has both steps at once: then NEWKEYS is already on its way. */
				if (server && step == KEX_WAIT_NEWKEYS)
					break;
				assert_true(pair_step(&p));
			}
			if (from->kex && from->kex->sent_newkeys) {
				pair_done(&p);
				continue;
			}
			forge_data(from, mine, "one");
			forge_data(from, mine, "two");
			pair_run(&p);
			assert_false(p.dead_server || p.dead_client);
			assert_int_equal(theirs->got, 6);
			assert_null(from->kex);
			assert_null(to->kex);
			ssh_chan_write(mine->chan, 0, "three", 5);
			pair_run(&p);
			assert_int_equal(theirs->got, 11);
			pair_done(&p);
		}
}

/* What a client has sent goes to the server, and nothing comes back. Negative: the server has ended it. */
static int
carry(struct pair *p)
{
	struct span out = ssh_output(p->client);
	uint8_t *copy = malloc(out.n + 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, out.p, out.n);
	r = ssh_input(p->server, copy, out.n, p->now_ms);
	ssh_output_drain(p->client, out.n);
	free(copy);
	return r;
}

/* Whoever only begins an exchange, and goes on as if nothing were, is ended. */
static void
messages_behind_the_peers_kexinit_are_bounded(void **state)
{
	static const size_t sizes[] = { 4, 200000 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		struct buf b;
		uint8_t *bulk = calloc(1, sizes[i]);
		uint64_t taken = 0;
		int n = 0;

		assert_non_null(bulk);
		pair_init(&p);
		pair_login(&p);
		pair_open(&p);
		kex_start(p.client);
		assert_int_equal(carry(&p), 0);
		for (;; n++) {
			packet_begin(&b, MSG_GLOBAL_REQUEST);
			wire_put_text(&b, "x");
			wire_put_bool(&b, false);
			buf_put(&b, bulk, sizes[i]);
			pair_say(p.client, &b);
			if (carry(&p) < 0)
				break;
			taken += sizes[i];
			assert_true(n < OVERLAP_PACKETS_MAX + 1 && taken <= OVERLAP_BYTES_MAX);
		}
		assert_true(i ? n < 100 : n == OVERLAP_PACKETS_MAX);
		assert_non_null(strstr(ssh_error(p.server), "not allowed now"));
		pair_done(&p);
		free(bulk);
	}
}

/* Only what belongs to channels, and only for whoever is logged in. */
static void
nothing_else_is_taken_behind_the_peers_kexinit(void **state)
{
	static const uint8_t types[] = { MSG_SERVICE_REQUEST, MSG_EXT_INFO, MSG_KEXINIT,
		MSG_USERAUTH_REQUEST, MSG_USERAUTH_SUCCESS, 192 };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct pair p;

		pair_init(&p);
		pair_login(&p);
		pair_open(&p);
		kex_start(p.client);
		pair_say_type(p.client, types[i]);
		pair_run(&p);
		assert_true(p.dead_server);
		pair_done(&p);
	}
}

static void
data_before_the_peers_kexinit_is_taken(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	kex_start(p.server);
	ssh_chan_write(p.out.chan, 0, "on its way", 10);
	pair_run(&p);
	assert_int_equal(p.in.got, 10);
	assert_null(p.server->kex);
	pair_done(&p);
}

static void
a_flood_of_late_requests(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.answer = SSH_LATER;
	for (int i = 0; i < 40; i++)
		ssh_chan_request(p.out.chan, "x", true, pair_span("y"));
	pair_expect_dead_server(&p, "too many requests at once");
	pair_done(&p);
	pair_init(&p);
	pair_login(&p);
	p.global_answer = SSH_LATER;
	for (int i = 0; i < 40; i++)
		ssh_global_request(p.client, "x", pair_span("y"), NULL, NULL);
	pair_expect_dead_server(&p, "too many requests at once");
	pair_done(&p);
}

static void
a_peer_that_asks_but_never_reads(void **state)
{
	struct pair p;
	struct buf b;
	int i;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	/* the server's answers are never taken off it: it stops wanting input long before memory is
	 * at stake */
	for (i = 0; i < 100000 && ssh_wants_input(p.server); i++) {
		struct span out;
		uint8_t copy[512];

		packet_begin(&b, MSG_GLOBAL_REQUEST);
		wire_put_text(&b, "nothing");
		wire_put_bool(&b, true);
		pair_say(p.client, &b);
		out = ssh_output(p.client);
		memcpy(copy, out.p, out.n);
		ssh_output_drain(p.client, out.n);
		assert_int_equal(ssh_input(p.server, copy, out.n, p.now_ms), 0);
	}
	assert_false(ssh_wants_input(p.server));
	assert_true(p.server->outbuf.len < 1024 * 1024);
	pair_done(&p);
}

static void
malformed_direct_tcpip(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	ssh_chan_open(p.client, "direct-tcpip", pair_span("\0\0\0\x7f"), &pair_chan_events, &p.out);
	pair_expect_dead_server(&p, "malformed channel open");
	assert_string_equal(p.open_type, "");
	pair_done(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(messages_that_nobody_expects),
	cmocka_unit_test(unknown_messages_are_unimplemented),
	cmocka_unit_test(the_window_is_a_limit),
	cmocka_unit_test(a_packet_over_the_maximum),
	cmocka_unit_test(window_overflow),
	cmocka_unit_test(cve_2026_59843_packet_size_zero),
	cmocka_unit_test(tiny_packets_do_not_blow_up_the_output),
	cmocka_unit_test(data_after_its_end),
	cmocka_unit_test(openssh_72b05ecd_a_flood_during_our_rekey),
	cmocka_unit_test(data_behind_the_peers_own_kexinit_is_taken),
	cmocka_unit_test(messages_behind_the_peers_kexinit_are_bounded),
	cmocka_unit_test(nothing_else_is_taken_behind_the_peers_kexinit),
	cmocka_unit_test(data_before_the_peers_kexinit_is_taken),
	cmocka_unit_test(a_flood_of_late_requests),
	cmocka_unit_test(a_peer_that_asks_but_never_reads),
	cmocka_unit_test(malformed_direct_tcpip),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
