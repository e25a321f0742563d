/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that break the rules before they are logged in: every denial, and regressions named after
 * other implementations' CVEs. In each case the connection ends (or the request is refused), and
 * nothing of what was asked for happens.
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

/* Both sides have keys and the service is granted, but nobody is logged in: the client says what
 * the test wants. */
static void
before_login(struct pair *p)
{
	p->client_config.user = PAIR_NOBODY; /* what the client itself asks for is always denied */
	p->cut = 1;
	pair_start(p);
	while (p->client->state != STATE_AUTH)
		assert_true(pair_step(p));
	p->cut = 0;
}

/* --- before there are keys ------------------------------------------------------------- */

static void
feed_text(struct ssh *ssh, const char *text, size_t n)
{
	uint8_t *copy = malloc(n + 1);

	memcpy(copy, text, n);
	ssh_input(ssh, copy, n, 1000);
	free(copy);
}

static void
a_server_takes_one_identification_line_only(void **state)
{
	static const char *const bad[] = { "GET / HTTP/1.1\r\n", "\r\n", "SSH-1.5-old\r\n",
		"SSH-2.0-a\001b\r\n", "SSH\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pair p;

		pair_init(&p);
		pair_start(&p);
		feed_text(p.server, bad[i], strlen(bad[i]));
		assert_true(ssh_is_dead(p.server));
		pair_done(&p);
	}
}

static void
cve_2026_48108_flood_before_the_identification(void **state)
{
	static char flood[100000];
	struct pair p;

	(void)state;
	memset(flood, 'A', sizeof(flood));
	pair_init(&p);
	pair_start(&p);
	feed_text(p.server, flood, sizeof(flood));
	assert_true(ssh_is_dead(p.server));
	assert_true(p.server->part_cap <= 2000);
	for (int i = 0; i < 60; i++)
		feed_text(p.client, "hello\r\n", 7);
	assert_true(ssh_is_dead(p.client));
	pair_done(&p);
}

static void
a_client_skips_a_few_lines(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_start(&p);
	feed_text(p.client, "Welcome\r\nto\nus\r\n", 16);
	pair_run(&p);
	assert_true(p.authenticated_client);
	assert_string_equal(ssh_peer_version(p.client), "SSH-2.0-OpenSSH_9.9 Sallyport_0.1.0");
	pair_done(&p);
}

static void
bad_packet_lengths(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\0\0\0\0\0\0\0\0", 8 }, { "\0\0\0\5\4\1\1\1\1", 9 },
		{ "\177\377\377\377\4\24\0\0", 8 }, { "\0\1\0\4\4\24\0\0", 8 },
		{ "\0\0\0\014\013\24\0\0\0\0\0\0\0\0\0\0", 16 },
		{ "\0\0\0\014\003\24\0\0\0\0\0\0\0\0\0\0", 16 },
		{ "\0\0\0\014\377\24\0\0\0\0\0\0\0\0\0\0", 16 },
		{ "\0\0\0\014\012\24\0\0\0\0\0\0\0\0\0\0", 16 }, /* a KEXINIT of one byte */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pair p;

		pair_init(&p);
		pair_start(&p);
		feed_text(p.server, "SSH-2.0-x\r\n", 11);
		feed_text(p.server, bad[i].bytes, bad[i].n);
		assert_true(ssh_is_dead(p.server));
		pair_done(&p);
	}
}

static void
cve_2023_48795_injected_before_keys(void **state)
{
	(void)state;
	/* A man in the middle slips an IGNORE in, in the clear, before KEXINIT or after it: strict
	 * kex ends it. */
	for (int after = 0; after < 2; after++) {
		struct pair p;
		static const uint8_t ignore[16] = { 0, 0, 0, 12, 6, MSG_IGNORE };

		pair_init(&p);
		pair_start(&p);
		feed_text(p.server, "SSH-2.0-x\r\n", 11);
		if (after) {
			struct span out = ssh_output(p.client);
			uint8_t copy[4096];
			size_t skip = strlen("SSH-2.0-OpenSSH_9.9 Sallyport_0.1.0\r\n");

			assert_true(out.n < sizeof(copy));
			memcpy(copy, out.p, out.n);
			assert_int_equal(ssh_input(p.server, copy + skip, out.n - skip, 1000), 0);
		}
		feed_text(p.server, (const char *)ignore, sizeof(ignore));
		if (!after) {
			struct span out = ssh_output(p.client);
			uint8_t copy[4096];
			size_t skip = strlen("SSH-2.0-OpenSSH_9.9 Sallyport_0.1.0\r\n");

			memcpy(copy, out.p, out.n);
			assert_true(ssh_input(p.server, copy + skip, out.n - skip, 1000) < 0);
		}
		assert_true(ssh_is_dead(p.server));
		pair_done(&p);
	}
}

static void
cve_2023_48795_dropped_after_keys(void **state)
{
	struct pair p;

	(void)state;
	/* Sequence numbers start again with the keys: a packet taken away from the beginning is
	 * noticed. */
	pair_init(&p);
	p.client_config.ciphers = "chacha20-poly1305@openssh.com";
	pair_login(&p);
	assert_true(p.server->strict && p.client->strict);
	assert_true(p.client->in.seq < 10);
	pair_open(&p);
	ssh_chan_write(p.out.chan, 0, "first", 5);
	ssh_output_drain(p.client, ssh_output(p.client).n);
	ssh_chan_write(p.out.chan, 0, "second", 6);
	pair_run(&p);
	assert_true(p.dead_server);
	assert_int_equal(p.in.got, 0);
	pair_done(&p);
}

static void
a_changed_bit_is_noticed(void **state)
{
	static const char *const ciphers[] = { "aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com", "aes256-ctr" };
	static const char *const macs[] = { "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256" };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (size_t where = 4; where < 60; where += 11) {
			struct pair p;
			struct span out;
			uint8_t copy[4096];

			if (!cipher_find(span_str(ciphers[i / 2])))
				continue;
			pair_init(&p);
			p.client_config.ciphers = ciphers[i / 2];
			p.client_config.macs = macs[i % 2];
			pair_login(&p);
			pair_open(&p);
			ssh_chan_write(p.out.chan, 0, "some thirty or so bytes of data", 31);
			out = ssh_output(p.client);
			assert_true(out.n > 60 && out.n < sizeof(copy));
			memcpy(copy, out.p, out.n);
			copy[where] ^= 0x10;
			assert_true(ssh_input(p.server, copy, out.n, p.now_ms) < 0);
			assert_int_equal(p.in.got, 0);
			pair_done(&p);
		}
}

/* --- before the login --------------------------------------------------------------------- */

static void
cve_2018_10933_the_client_says_success(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	before_login(&p);
	pair_say_type(p.client, MSG_USERAUTH_SUCCESS);
	pair_expect_dead_server(&p, "not allowed now");
	assert_false(p.authenticated_server);
	pair_done(&p);
}

static void
cve_2025_32433_channels_before_the_login(void **state)
{
	static const uint8_t types[] = { MSG_GLOBAL_REQUEST, MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST,
		MSG_CHANNEL_DATA, MSG_CHANNEL_CLOSE, MSG_CHANNEL_OPEN_CONFIRMATION,
		MSG_REQUEST_SUCCESS };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct pair p;
		struct buf b;

		pair_init(&p);
		before_login(&p);
		packet_begin(&b, types[i]);
		wire_put_text(&b, "session");
		wire_put_u32(&b, 0);
		wire_put_u32(&b, 1000);
		wire_put_u32(&b, 1000);
		pair_say(p.client, &b);
		pair_expect_dead_server(&p, "not allowed now");
		assert_int_equal(ssh_channel_count(p.server), 0);
		pair_done(&p);
	}
}

static void
put_auth(struct buf *b, const char *user, const char *method)
{
	packet_begin(b, MSG_USERAUTH_REQUEST);
	wire_put_text(b, user);
	wire_put_text(b, "ssh-connection");
	wire_put_text(b, method);
}

/* A publickey request; signed for what signed_user and signed_key say, when there is a
 * signed_key. */
static void
put_publickey(struct pair *p, struct buf *b, const char *user, const struct sshkey *key,
    const char *signed_user, const struct sshkey *signed_key)
{
	struct buf data, sig;

	put_auth(b, user, "publickey");
	wire_put_bool(b, signed_key != NULL);
	wire_put_text(b, "ssh-ed25519");
	wire_put_string(b, sshkey_blob(key));
	if (!signed_key)
		return;
	buf_init(&data, 10000);
	buf_init(&sig, 1000);
	wire_put_string(&data, ssh_session_id(p->client));
	wire_put_u8(&data, MSG_USERAUTH_REQUEST);
	wire_put_text(&data, signed_user);
	wire_put_text(&data, "ssh-connection");
	wire_put_text(&data, "publickey");
	wire_put_bool(&data, true);
	wire_put_text(&data, "ssh-ed25519");
	wire_put_string(&data, sshkey_blob(key));
	assert_int_equal(sshkey_sign(signed_key, buf_span(&data), &sig), 0);
	wire_put_string(b, buf_span(&sig));
	buf_done(&data);
	buf_done(&sig);
}

static void
cve_2023_43660_a_key_without_signature_is_only_an_offer(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	put_publickey(&p, &b, "root", pair_user_key, NULL, NULL);
	pair_say(p.client, &b);
	pair_run(&p);
	assert_int_equal(p.offers, 1);
	assert_false(p.authenticated_server);
	pair_done(&p);
}

static void
cve_2024_45337_offer_one_key_sign_with_another(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	/* the request names the user's key, the signature is of a key that the attacker has */
	put_publickey(&p, &b, "root", pair_user_key, "root", pair_host_key);
	pair_say(p.client, &b);
	pair_run(&p);
	assert_int_equal(p.proofs, 0);
	assert_false(p.authenticated_server);
	pair_done(&p);
}

static void
cve_2023_48712_the_name_changes_after_the_offer(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	/* offered (and granted) as alice; then proven as root with a signature over alice */
	put_publickey(&p, &b, "alice", pair_user_key, NULL, NULL);
	pair_say(p.client, &b);
	put_publickey(&p, &b, "root", pair_user_key, "alice", pair_user_key);
	pair_say(p.client, &b);
	pair_run(&p);
	assert_int_equal(p.proofs, 0);
	assert_false(p.authenticated_server);
	/* proven as bob: the owner decides about bob, not about who was offered before */
	pair_done(&p);
	pair_init(&p);
	before_login(&p);
	put_publickey(&p, &b, "alice", pair_user_key, NULL, NULL);
	pair_say(p.client, &b);
	put_publickey(&p, &b, "bob", pair_user_key, "bob", pair_user_key);
	pair_say(p.client, &b);
	while (!p.authenticated_server && pair_step(&p))
		;
	assert_string_equal(p.auth_user, "bob");
	pair_done(&p);
}

static void
other_methods_get_publickey_only(void **state)
{
	static const char *const methods[] = { "none", "password", "keyboard-interactive",
		"hostbased", "publickey-hostbound-v00@openssh.com" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct pair p;
		struct buf b;

		pair_init(&p);
		before_login(&p);
		put_auth(&b, "root", methods[i]);
		pair_say(p.client, &b);
		pair_run(&p);
		assert_false(p.authenticated_server);
		assert_false(p.dead_server && !p.dead_client);
		pair_done(&p);
	}
}

static void
too_many_tries(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	p.server_config.max_auth_tries = 4;
	before_login(&p);
	p.verdict = SSH_DENY;
	for (int i = 0; i < 3; i++) {
		put_publickey(&p, &b, "root", pair_user_key, NULL, NULL);
		pair_say(p.client, &b);
	}
	pair_expect_dead_server(&p, "too many authentication failures");
	pair_done(&p);
}

static void
too_many_requests(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	for (int i = 0; i < 70; i++) {
		put_auth(&b, "root", "none");
		pair_say(p.client, &b);
	}
	pair_expect_dead_server(&p, "too many authentication requests");
	pair_done(&p);
}

static void
other_services_are_not_there(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	packet_begin(&b, MSG_USERAUTH_REQUEST);
	wire_put_text(&b, "root");
	wire_put_text(&b, "ssh-something");
	wire_put_text(&b, "none");
	pair_say(p.client, &b);
	pair_expect_dead_server(&p, "only ssh-connection");
	pair_done(&p);
}

static void
malformed_authentication(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	before_login(&p);
	put_publickey(&p, &b, "root", pair_user_key, NULL, NULL);
	wire_put_u8(&b, 0);
	pair_say(p.client, &b);
	pair_expect_dead_server(&p, "malformed authentication request");
	pair_done(&p);
	pair_init(&p);
	before_login(&p);
	pair_say_type(p.client, MSG_USERAUTH_REQUEST);
	pair_expect_dead_server(&p, "malformed authentication request");
	pair_done(&p);
}

static void
too_much_before_the_login(void **state)
{
	static uint8_t ignore[30000];
	struct pair p;

	(void)state;
	pair_init(&p);
	before_login(&p);
	ignore[0] = MSG_IGNORE;
	for (int i = 0; i < 12; i++)
		pair_forge(p.client, ignore, sizeof(ignore));
	pair_expect_dead_server(&p, "too much data before the login");
	pair_done(&p);
}

static void
too_many_packets_before_the_login(void **state)
{
	static const uint8_t ignore = MSG_IGNORE;
	struct pair p;

	(void)state;
	pair_init(&p);
	before_login(&p);
	for (int i = 0; i < PREAUTH_PACKETS_MAX; i++)
		pair_forge(p.client, &ignore, 1);
	pair_expect_dead_server(&p, "too much data before the login");
	pair_done(&p);
	/* After the login nobody counts. */
	pair_init(&p);
	pair_login(&p);
	for (int i = 0; i < 2 * PREAUTH_PACKETS_MAX; i++)
		pair_forge(p.client, &ignore, 1);
	pair_run(&p);
	assert_false(p.dead_server);
	pair_done(&p);
}

/* A packet of exactly max bytes is taken (max is a multiple of every block), one of a block more is not. */
static void
send_of_length(struct pair *p, size_t len)
{
	static uint8_t payload[PACKET_MAX + 64];

	payload[0] = MSG_IGNORE;
	pair_forge(p->client, payload, len - 1 - 8);
	pair_run(p);
}

static void
packets_have_a_longest_length(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	before_login(&p);
	send_of_length(&p, PACKET_MAX_PREAUTH);
	assert_null(strstr(ssh_error(p.server), "bad packet length")); /* the client gives up */
	pair_done(&p);
	pair_init(&p);
	before_login(&p);
	send_of_length(&p, PACKET_MAX_PREAUTH + 16);
	pair_expect_dead_server(&p, "bad packet length");
	pair_done(&p);
	pair_init(&p);
	pair_login(&p);
	send_of_length(&p, PACKET_MAX);
	assert_false(p.dead_server);
	send_of_length(&p, PACKET_MAX + 16);
	pair_expect_dead_server(&p, "a packet of 262160 bytes: no more than 262144 are taken");
	pair_done(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_server_takes_one_identification_line_only),
	cmocka_unit_test(cve_2026_48108_flood_before_the_identification),
	cmocka_unit_test(a_client_skips_a_few_lines),
	cmocka_unit_test(bad_packet_lengths),
	cmocka_unit_test(cve_2023_48795_injected_before_keys),
	cmocka_unit_test(cve_2023_48795_dropped_after_keys),
	cmocka_unit_test(a_changed_bit_is_noticed),
	cmocka_unit_test(cve_2018_10933_the_client_says_success),
	cmocka_unit_test(cve_2025_32433_channels_before_the_login),
	cmocka_unit_test(cve_2023_43660_a_key_without_signature_is_only_an_offer),
	cmocka_unit_test(cve_2024_45337_offer_one_key_sign_with_another),
	cmocka_unit_test(cve_2023_48712_the_name_changes_after_the_offer),
	cmocka_unit_test(other_methods_get_publickey_only),
	cmocka_unit_test(too_many_tries),
	cmocka_unit_test(too_many_requests),
	cmocka_unit_test(other_services_are_not_there),
	cmocka_unit_test(malformed_authentication),
	cmocka_unit_test(too_much_before_the_login),
	cmocka_unit_test(too_many_packets_before_the_login),
	cmocka_unit_test(packets_have_a_longest_length),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
