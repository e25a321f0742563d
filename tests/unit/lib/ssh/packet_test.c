/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets by themselves, without a peer that answers: their size, which of them wait for new keys, when new keys are
 * due, and what is left out after a wrong guess. From inside: these limits are too far for a connection to reach.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/ssh_priv.h"
#include "ssh_pair.h"

/* The server has the client's KEXINIT, and waits for what follows it. */
static void
start_exchange(struct pair *p)
{
	struct span out;
	uint8_t copy[4096];

	pair_init(p);
	pair_start(p);
	out = ssh_output(p->client);
	assert_true(out.n < sizeof(copy));
	memcpy(copy, out.p, out.n);
	assert_int_equal(ssh_input(p->server, copy, out.n, 1000), 0);
	assert_non_null(p->server->kex);
	assert_int_equal(p->server->kex->step, KEX_WAIT_ECDH);
}

static size_t
size_of_packet(struct ssh *ssh, size_t n)
{
	size_t before = ssh->outbuf.len;

	assert_non_null(packet_reserve(ssh, n));
	assert_int_equal(packet_send_reserved(ssh, n), 0);
	return ssh->outbuf.len - before;
}

/* At least four bytes, and no more than it takes to fill a block of eight. */
static void
padding_is_as_short_as_it_may_be(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_start(&p);
	assert_int_equal(size_of_packet(p.server, 1), 16);
	assert_int_equal(size_of_packet(p.server, 7), 16);
	assert_int_equal(size_of_packet(p.server, 8), 24);
	assert_int_equal(size_of_packet(p.server, 15), 24);
	assert_int_equal(size_of_packet(p.server, 16), 32);
	pair_done(&p);
}

/* Whole blocks of eight bytes, and room for one byte with its padding. */
static void
a_length_is_of_whole_blocks(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < 64; len++) {
		char bytes[] = "SSH-2.0-x\r\n\0\0\0\0";
		size_t n = sizeof(bytes) - 1;
		bool ok = len >= 6 && (len + 4) % 8 == 0;
		struct pair p;

		bytes[n - 1] = (char)len;
		pair_init(&p);
		pair_start(&p);
		(void)ssh_input(p.server, (uint8_t *)bytes, n, 1000);
		if (ssh_is_dead(p.server) == ok)
			fail_msg("length %u", len);
		if (!ok)
			assert_non_null(strstr(p.server->error, "bad packet length"));
		pair_done(&p);
	}
}

/* RFC 4253 section 7.1 names what may pass: 1 to 4, and 20 to 49. */
static void
what_may_pass_does_not_wait_for_the_keys(void **state)
{
	struct pair p;

	(void)state;
	start_exchange(&p);
	assert_true(packet_is_held(p.server));
	for (unsigned type = 1; type < 256; type++) {
		const uint8_t payload[] = { (uint8_t)type };
		size_t sent = p.server->outbuf.len, held = p.server->pending.len;
		bool passes = type <= 4 || (type >= 20 && type <= 49);

		assert_int_equal(packet_send(p.server, (struct span){ payload, 1 }), 0);
		if ((p.server->outbuf.len > sent) != passes ||
		    (p.server->pending.len > held) == passes)
			fail_msg("message %u", type);
	}
	pair_done(&p);
}

static void
new_keys_are_due_at_each_limit(void **state)
{
	static struct ssh_kex running;
	struct ssh_stream in, out;
	struct pair p;
	struct ssh *ssh;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	ssh = p.server;
	in = ssh->in;
	out = ssh->out;
	assert_false(packet_wants_rekey(ssh));
	for (int k = 0; k < 2; k++) {
		struct ssh_stream *s = k ? &ssh->in : &ssh->out;

		s->bytes = ssh->config.rekey_bytes - 1;
		assert_false(packet_wants_rekey(ssh));
		s->bytes++;
		assert_true(packet_wants_rekey(ssh));
		s->bytes = 0;
		s->packets = (1u << 31) - 1;
		assert_false(packet_wants_rekey(ssh));
		s->packets++;
		assert_true(packet_wants_rekey(ssh));
		/* Not before the login. */
		ssh->state = STATE_AUTH;
		assert_false(packet_wants_rekey(ssh));
		ssh->state = STATE_OPEN;
		/* Not while they are made. */
		ssh->kex = &running;
		assert_false(packet_wants_rekey(ssh));
		ssh->kex = NULL;
		s->packets = 0;
	}
	ssh->in = in;
	ssh->out = out;
	pair_done(&p);
}

static void
a_dead_connection_sends_nothing(void **state)
{
	static const uint8_t payload[] = { MSG_IGNORE };
	struct pair p;
	struct buf b;
	size_t before;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	ssh_fatal(p.server, REASON_PROTOCOL_ERROR, "enough");
	before = p.server->outbuf.len;
	assert_int_equal(packet_send(p.server, (struct span){ payload, 1 }), -1);
	assert_null(packet_reserve(p.server, 1));
	packet_begin(&b, MSG_IGNORE);
	assert_int_equal(packet_send_buf(p.server, &b), -1);
	assert_int_equal(p.server->outbuf.len, before);
	pair_done(&p);
}

/* Sequence numbers must not come again under one key. */
static void
the_packet_before_the_last_number_is_taken(void **state)
{
	struct pair p;

	(void)state;
	for (uint32_t left = 1; left <= 2; left++) {
		pair_init(&p);
		pair_login(&p);
		p.server->in.packets = UINT32_MAX - (left - 1);
		if (left == 1) {
			pair_say_type(p.client, MSG_IGNORE);
			pair_expect_dead_server(&p, "too many packets with the same keys");
		} else {
			pair_say_type(p.client, MSG_IGNORE);
			pair_step(&p);
			assert_false(ssh_is_dead(p.server));
		}
		pair_done(&p);
	}
}

static int
take(struct ssh *ssh, uint8_t type)
{
	uint8_t payload[] = { type };

	return dispatch(ssh, payload, sizeof(payload));
}

/* The one packet of the exchange is; what tells, ends or asks for something else is not. */
static void
only_a_guessed_packet_is_left_out(void **state)
{
	static const uint8_t guessed[] = { MSG_KEX_ECDH_INIT, MSG_KEX_ECDH_REPLY,
		MSG_USERAUTH_REQUEST - 1 },
			     others[] = { MSG_DISCONNECT, MSG_IGNORE, MSG_KEXINIT, MSG_NEWKEYS,
				     MSG_USERAUTH_REQUEST };
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(guessed); i++) {
		start_exchange(&p);
		p.server->kex->skip_next = true;
		assert_int_equal(take(p.server, guessed[i]), 0);
		assert_false(ssh_is_dead(p.server));
		assert_false(p.server->kex->skip_next);
		assert_int_not_equal(take(p.server, MSG_KEX_ECDH_REPLY), 0); /* one */
		assert_true(ssh_is_dead(p.server));
		pair_done(&p);
	}
	for (size_t i = 0; i < sizeof(others); i++) {
		start_exchange(&p);
		p.server->kex->skip_next = true;
		assert_int_not_equal(take(p.server, others[i]), 0);
		assert_true(ssh_is_dead(p.server));
		pair_done(&p);
	}
}

/* EXT_INFO may come as the first message after the keys only: any other ends that. */
static void
after_the_first_message_there_is_no_first(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	assert_false(p.server->first_after_newkeys);
	p.server->first_after_newkeys = true;
	pair_say_type(p.client, MSG_IGNORE);
	pair_step(&p);
	assert_false(p.server->first_after_newkeys);
	assert_false(ssh_is_dead(p.server));
	pair_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_as_short_as_it_may_be),
		cmocka_unit_test(a_length_is_of_whole_blocks),
		cmocka_unit_test(what_may_pass_does_not_wait_for_the_keys),
		cmocka_unit_test(new_keys_are_due_at_each_limit),
		cmocka_unit_test(a_dead_connection_sends_nothing),
		cmocka_unit_test(the_packet_before_the_last_number_is_taken),
		cmocka_unit_test(only_a_guessed_packet_is_left_out),
		cmocka_unit_test(after_the_first_message_there_is_no_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
