/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines against each other: every algorithm, logins, channels, requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/cipher.h"
#include "crypto/rand.h"
#include "crypto/sshkey_priv.h"
#include "ssh/session.h"
#include "ssh/ssh_priv.h"
#include "ssh_pair.h"

static void
transfer(struct pair *p, uint64_t down, uint64_t up)
{
	pair_open(p);
	p->in.to_send = down;
	p->out.to_send = up;
	p->in.eof_after = p->out.eof_after = true;
	end_push(&p->in);
	end_push(&p->out);
	pair_run(p);
	assert_int_equal(p->out.got, down);
	assert_int_equal(p->in.got, up);
	assert_true(p->out.sum == p->in.sent_sum);
	assert_true(p->in.sum == p->out.sent_sum);
	assert_true(p->in.eof && p->out.eof);
}

static void
every_cipher_and_mac(void **state)
{
	static const char *const ciphers[] = { "aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-ctr" };
	static const char *const macs[] = { "hmac-sha2-256-etm@openssh.com",
		"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512" };

	(void)state;
	for (size_t c = 0; c < 4; c++)
		for (size_t m = 0; m < (c < 2 ? 1 : 4); m++) {
			struct pair p;

			if (!cipher_find(span_str(ciphers[c])))
				continue;
			pair_init(&p);
			p.client_config.ciphers = ciphers[c];
			p.client_config.macs = macs[m];
			p.cut = 5000;
			pair_login(&p);
			transfer(&p, 300000, 200000);
			pair_done(&p);
		}
}

static void
every_exchange_method(void **state)
{
	static const char *const kex[] = { "curve25519-sha256", "curve25519-sha256@libssh.org",
		"ecdh-sha2-nistp256" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;

		if (i == 2 && !kex_available(KEX_P256))
			continue;
		pair_init(&p);
		p.client_config.kex = kex[i];
		pair_login(&p);
		transfer(&p, 10, 10);
		pair_done(&p);
	}
}

static void
byte_by_byte(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.cut = 1;
	pair_login(&p);
	transfer(&p, 3000, 3000);
	pair_done(&p);
}

static void
guessed_exchange_right_and_wrong(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct pair p;

		pair_init(&p);
		p.client_config.guess_kex = true;
		if (wrong)
			p.server_config.kex = "ecdh-sha2-nistp256,curve25519-sha256";
		pair_login(&p);
		transfer(&p, 100, 100);
		pair_done(&p);
	}
}

static void
no_common_algorithm(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.client_config.ciphers = "aes128-ctr";
	p.server_config.ciphers = "aes256-ctr";
	pair_start(&p);
	pair_run(&p);
	assert_true(p.dead_server && p.dead_client);
	assert_non_null(strstr(ssh_error(p.server), "no common cipher"));
	pair_done(&p);
}

static void
host_certificate_or_plain_key(void **state)
{
	(void)state;
	for (int cert = 0; cert < 2; cert++) {
		struct pair p;

		pair_init(&p);
		if (!cert)
			p.host_ids[0].cert = pair_span("");
		pair_login(&p);
		assert_int_equal(p.host_was_cert, cert);
		pair_done(&p);
	}
}

static void
unknown_host_is_not_logged_in_to(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.host_believed = false;
	pair_start(&p);
	pair_run(&p);
	assert_true(p.dead_client);
	assert_non_null(strstr(ssh_error(p.client), "unknown host"));
	assert_false(p.authenticated_server);
	assert_int_equal(p.proofs + p.offers, 0);
	pair_done(&p);
}

static void
login_with_certificate_then_with_key(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	assert_string_equal(p.auth_alg, "ssh-ed25519-cert-v01@openssh.com");
	assert_string_equal(p.auth_user, "root");
	assert_true(p.auth_cert);
	assert_int_equal(p.proofs, 1);
	pair_done(&p);
	pair_init(&p);
	p.user_ids[0].cert = pair_span("");
	pair_login(&p);
	assert_string_equal(p.auth_alg, "ssh-ed25519");
	assert_false(p.auth_cert);
	assert_int_equal(ssh_session_id(p.client).n, 32);
	assert_true(span_eq(ssh_session_id(p.client), ssh_session_id(p.server)));
	pair_done(&p);
}

/* A security key (OpenSSH PROTOCOL.u2f), made in software: the signature is over hashes, flags and
 * a counter. */
static void
put_sk_request(struct pair *p, struct buf *b, uint8_t flags)
{
	static const char name[] = "sk-ssh-ed25519@openssh.com";
	uint8_t seed[32], pk[32], sk[64], sig[64];
	struct buf key, data, to_sign;
	struct span part;

	rand_bytes(seed, sizeof seed);
	sshkey_ed25519_pair(seed, pk, sk);
	buf_init(&key, 1000);
	buf_init(&data, 1000);
	buf_init(&to_sign, 1000);
	wire_put_text(&key, name);
	wire_put_string(&key, (struct span){ pk, 32 });
	wire_put_text(&key, "ssh:");
	packet_begin(b, MSG_USERAUTH_REQUEST);
	wire_put_text(b, "root");
	wire_put_text(b, "ssh-connection");
	wire_put_text(b, "publickey");
	wire_put_bool(b, true);
	wire_put_text(b, name);
	wire_put_string(b, buf_span(&key));
	wire_put_string(&data, ssh_session_id(p->client));
	buf_put(&data, buf_head(b), b->len);
	part = span_str("ssh:");
	kex_hash(&part, 1, buf_reserve(&to_sign, 32));
	buf_commit(&to_sign, 32);
	wire_put_u8(&to_sign, flags);
	wire_put_u32(&to_sign, 9);
	part = buf_span(&data);
	kex_hash(&part, 1, buf_reserve(&to_sign, 32));
	buf_commit(&to_sign, 32);
	sshkey_ed25519_sign(sk, buf_span(&to_sign), sig);
	buf_reset(&data);
	wire_put_text(&data, name);
	wire_put_string(&data, (struct span){ sig, 64 });
	wire_put_u8(&data, flags);
	wire_put_u32(&data, 9);
	wire_put_string(b, buf_span(&data));
	buf_done(&key);
	buf_done(&data);
	buf_done(&to_sign);
}

static void
login_with_a_security_key(void **state)
{
	(void)state;
	if (!sshkey_type_available("sk-ssh-ed25519@openssh.com"))
		skip();
	for (int touched = 0; touched < 2; touched++) {
		struct pair p;
		struct buf b;

		pair_init(&p);
		p.client_config.user = PAIR_NOBODY;
		p.cut = 1;
		pair_start(&p);
		while (p.client->state != STATE_AUTH)
			assert_true(pair_step(&p));
		put_sk_request(&p, &b, touched ? 1 : 0);
		pair_forge(p.client, buf_head(&b), b.len);
		buf_done(&b);
		while (!p.authenticated_server && pair_step(&p))
			;
		assert_int_equal(p.authenticated_server, touched);
		assert_int_equal(p.proofs, touched);
		if (touched)
			assert_string_equal(p.auth_alg, "sk-ssh-ed25519@openssh.com");
		pair_done(&p);
	}
}

static void
denied_user_hears_why(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.verdict = SSH_DENY;
	p.user_ids[1] = (struct ssh_identity){ pair_user_key, { NULL, 0 } };
	p.client_config.n_identities = 2;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.proofs, 2);
	assert_true(p.dead_client);
	assert_string_equal(ssh_error(p.client), "permission denied (publickey) for user root");
	assert_string_equal(p.gone_client, ssh_error(p.client));
	assert_false(p.authenticated_server || p.authenticated_client);
	pair_done(&p);
}

/* It is for whoever decides to say who that is not, and to write down who was asked for. */
static void
a_login_of_any_bytes_reaches_who_decides(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.client_config.user = "ro\xffot\x1b[2J";
	pair_login(&p);
	assert_string_equal(p.auth_user, "ro\xffot\x1b[2J");
	pair_done(&p);
}

static void
what_the_peer_says_when_it_leaves_is_kept_and_shown_clean(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	assert_int_equal(ssh_peer_farewell(p.server).n, 0);
	(void)ssh_fatal(p.client, 11, "%s", "bye \xff\x1b[2J");
	pair_run(&p);
	assert_true(p.dead_server);
	assert_string_equal(p.gone_server, "bye ??[2J");
	assert_true(span_is(ssh_peer_farewell(p.server), "bye \xff\x1b[2J"));
	pair_done(&p);
}

/* A cause may quote what the peer sent: it goes to others without what steers a terminal. */
static void
a_cause_is_sent_clean(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	ssh_disconnect(p.server, 11, "no login \xff\x1b[2J");
	pair_run(&p);
	assert_string_equal(p.gone_client, "no login ??[2J");
	assert_true(span_is(ssh_peer_farewell(p.client), "no login ??[2J"));
	pair_done(&p);
}

static void
channel_open_accepted_late_and_refused(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	p.accept_later = true;
	pair_login(&p);
	buf_init(&b, 1000);
	ssh_tcpip_put(&b, "node1", 22, "::1", 4444);
	p.out.chan = ssh_chan_open(p.client, "direct-tcpip", buf_span(&b), &pair_chan_events,
	    &p.out);
	buf_done(&b);
	pair_run(&p);
	assert_false(p.out.opened);
	assert_string_equal(p.open_type, "direct-tcpip");
	assert_string_equal(p.open_host, "node1");
	assert_int_equal(p.open_port, 22);
	p.in.chan = p.undecided;
	ssh_chan_accept(p.undecided, &pair_chan_events, &p.in);
	pair_run(&p);
	assert_true(p.out.opened);
	ssh_chan_close(p.out.chan);
	pair_run(&p);
	assert_true(p.out.closed && p.in.closed);
	p.accept_later = false;
	p.refuse_channels = true;
	p.out.chan = ssh_chan_open(p.client, "session", pair_span(""), &pair_chan_events, &p.out);
	pair_run(&p);
	assert_true(p.out.refused);
	assert_int_equal(ssh_channel_count(p.client) + ssh_channel_count(p.server), 0);
	pair_done(&p);
}

/* --- what travels along ------------------------------------------------------ */

static void
put_requests(struct buf *b)
{
	struct buf one;

	buf_init(b, 1000);
	buf_init(&one, 100);
	ssh_env_put(&one, "LANG", "C");
	ssh_request_put(b, "env", false, buf_span(&one));
	buf_reset(&one);
	ssh_text_put(&one, "true");
	ssh_request_put(b, "exec", true, buf_span(&one));
	buf_done(&one);
}

/* How often the client's bytes were followed by bytes for it, up to `done`. */
static int
count_trips(struct pair *p, const bool *done)
{
	int trips = 0;

	pair_start(p);
	while (!*done && trips < 20) {
		uint8_t copy[8192];

		for (int both = 0; both < 2; both++) {
			struct ssh *from = both ? p->server : p->client;
			struct ssh *to = both ? p->client : p->server;

			struct span out = ssh_output(from);

			assert_true(out.n <= sizeof(copy));
			memcpy(copy, out.p, out.n);
			ssh_output_drain(from, out.n);
			if (ssh_input(to, copy, out.n, p->now_ms) < 0)
				return -1;
		}
		trips++;
	}
	return trips;
}

static void
a_session_starts_two_trips_after_the_first_byte(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	put_requests(&b);
	pair_init(&p);
	p.client_config.guess_kex = true;
	p.opens_ahead = true;
	p.ahead = buf_span(&b);
	p.in.answer = SSH_OK;
	assert_int_equal(count_trips(&p, &p.out.opened), 2);
	assert_int_equal(p.out.replies_ok, 1);
	assert_int_equal(p.in.requests, 2);
	assert_string_equal(p.in.last_request, "exec");
	assert_true(p.authenticated_client && p.authenticated_server);
	pair_done(&p);
	buf_done(&b);
}

static void
what_travels_along_with_a_refused_login_is_not_looked_at(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	put_requests(&b);
	pair_init(&p);
	p.opens_ahead = true;
	p.ahead = buf_span(&b);
	p.verdict = SSH_DENY;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.logins_sent, 1);
	assert_true(p.dead_client && p.dead_server);
	assert_string_equal(p.gone_client, "permission denied (publickey) for user root");
	assert_string_equal(p.open_type, "");
	assert_int_equal(p.in.requests, 0);
	pair_done(&p);
	assert_true(p.out.closed);
	buf_done(&b);
}

/* The server may refuse the first and take the second: what came between them would be lost. */
static void
nothing_travels_along_with_a_key_that_is_not_the_last(void **state)
{
	struct pair p;
	struct ssh_chan_events none = { 0 };

	(void)state;
	pair_init(&p);
	p.user_ids[1] = p.user_ids[0];
	p.client_config.n_identities = 2;
	p.opens_ahead = true;
	p.verdict = SSH_DENY;
	pair_start(&p);
	assert_null(ssh_chan_open(p.client, "session", pair_span(""), &none, NULL));
	while (p.proofs == 0)
		assert_true(pair_step(&p));
	p.verdict = SSH_ALLOW;
	pair_run(&p);
	assert_int_equal(p.proofs, 2);
	assert_int_equal(p.logins_sent, 1);
	assert_true(p.out.opened);
	pair_done(&p);
}

static void
nothing_travels_along_to_a_host_that_is_not_believed(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.client_config.guess_kex = true;
	p.opens_ahead = true;
	p.host_believed = false;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(p.logins_sent, 0);
	assert_int_equal(p.proofs, 0);
	assert_string_equal(p.open_type, "");
	pair_done(&p);
}

static void
requests_that_travel_along_wait_behind_a_late_answer(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	put_requests(&b);
	pair_init(&p);
	p.opens_ahead = true;
	p.ahead = buf_span(&b);
	p.in.answer = SSH_LATER;
	pair_login(&p);
	assert_int_equal(p.in.requests, 1);
	assert_string_equal(p.in.last_request, "env");
	p.in.answer = SSH_FAIL;
	ssh_chan_reply(p.in.chan, true);
	pair_run(&p);
	assert_int_equal(p.in.requests, 2);
	assert_int_equal(p.out.replies_failed, 1); /* to exec alone; env wanted none */
	assert_int_equal(p.out.replies_ok, 0);
	pair_done(&p);
	buf_done(&b);
}

static void
malformed_requests_that_travel_along_end_the_connection(void **state)
{
	struct buf b;

	(void)state;
	put_requests(&b);
	/* cut anywhere but between two of them */
	for (size_t n = 1; n < b.len; n++) {
		struct pair p;

		pair_init(&p);
		pair_login(&p);
		p.out.chan = ssh_chan_open(p.client, "session", (struct span){ buf_head(&b), n },
		    &pair_chan_events, &p.out);
		pair_run(&p);
		if (!p.dead_server)
			assert_int_equal(p.in.requests, 1);
		else
			assert_non_null(strstr(p.gone_server, "malformed channel request"));
		assert_true(p.in.requests < 2);
		pair_done(&p);
	}
	buf_done(&b);
}

static void
server_opens_channels_too(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	p.out.chan = ssh_chan_open(p.server, "forwarded-tcpip",
	    (struct span){ (const uint8_t *)"\0\0\0\1a\0\0\0\1\0\0\0\1b\0\0\0\2", 18 },
	    &pair_chan_events, &p.out);
	assert_non_null(p.out.chan);
	pair_run(&p);
	assert_true(p.out.opened);
	assert_string_equal(p.open_host, "a");
	pair_done(&p);
}

static void
too_many_channels_are_refused(void **state)
{
	struct pair p;
	struct end extra;

	(void)state;
	pair_init(&p);
	p.server_config.max_channels = 1;
	pair_login(&p);
	pair_open(&p);
	end_init(&extra);
	extra.chan = ssh_chan_open(p.client, "session", pair_span(""), &pair_chan_events, &extra);
	pair_run(&p);
	assert_true(extra.refused);
	pair_done(&p);
}

static void
requests_and_replies_keep_their_order(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	p.in.answer = SSH_LATER;
	ssh_chan_request(p.out.chan, "first", true, pair_span("one"));
	ssh_chan_request(p.out.chan, "second", true, pair_span("two"));
	pair_run(&p);
	assert_int_equal(p.in.requests, 1);
	assert_int_equal(p.out.replies_ok + p.out.replies_failed, 0);
	p.in.answer = SSH_FAIL;
	ssh_chan_reply(p.in.chan, true);
	pair_run(&p);
	assert_int_equal(p.in.requests, 2);
	assert_string_equal(p.in.last_request, "second");
	assert_int_equal(p.in.last_payload.len, 3);
	assert_int_equal(p.out.replies_ok, 1);
	assert_int_equal(p.out.replies_failed, 1);
	pair_done(&p);
}

struct heard {
	int ok, failed;
	size_t n;
};

static void
on_global_reply(struct ssh *ssh, bool ok, struct span payload, void *arg)
{
	struct heard *h = arg;

	(void)ssh;
	if (ok)
		h->ok++;
	else
		h->failed++;
	h->n += payload.n;
}

static void
global_requests_are_answered_once(void **state)
{
	struct pair p;
	struct heard h = { 0 };

	(void)state;
	pair_init(&p);
	pair_login(&p);
	assert_int_equal(ssh_global_request(p.client, "tcpip-forward", pair_span("xyz"),
			     on_global_reply, &h),
	    0);
	pair_run(&p);
	assert_int_equal(h.ok, 1);
	assert_int_equal(h.n, 3);
	assert_string_equal(p.last_global, "tcpip-forward");
	p.global_answer = SSH_LATER;
	ssh_global_request(p.client, "a", pair_span(""), on_global_reply, &h);
	ssh_global_request(p.client, "b", pair_span(""), on_global_reply, &h);
	pair_run(&p);
	assert_int_equal(p.globals, 2);
	p.global_answer = SSH_FAIL;
	ssh_global_reply(p.server, true, pair_span("zz"));
	pair_run(&p);
	assert_int_equal(h.ok, 2);
	assert_int_equal(h.failed, 1);
	assert_int_equal(p.globals, 3);
	/* what is still open when the connection ends is answered with "no" */
	p.global_answer = SSH_LATER;
	ssh_global_request(p.client, "c", pair_span(""), on_global_reply, &h);
	pair_run(&p);
	pair_done(&p);
	assert_int_equal(h.failed, 2);
}

/* Three requests, the first answered late; over the second the server leaves. The third is nobody's any more: were it
 * an exec, a program would start for a connection that is gone. */
static void
requests_that_wait_die_with_the_connection(void **state)
{
	struct pair p;

	(void)state;
	for (int late = 0; late < 2; late++) {
		pair_init(&p);
		pair_login(&p);
		pair_open(&p);
		p.in.answer = p.global_answer = SSH_LATER;
		for (int i = 0; i < 3; i++) {
			ssh_chan_request(p.out.chan, "x", true, pair_span(""));
			ssh_global_request(p.client, "x", pair_span(""), NULL, NULL);
		}
		pair_run(&p);
		assert_int_equal(p.in.requests, 1);
		assert_int_equal(p.globals, 1);
		p.in.leave_at_request = p.leave_at_request = true;
		p.in.answer = p.global_answer = SSH_FAIL;
		if (late)
			ssh_chan_reply(p.in.chan, true);
		else
			ssh_global_reply(p.server, true, pair_span(""));
		assert_int_equal(p.in.requests + p.globals, 3);
		/* and an answer that comes after the end asks for nothing either */
		ssh_chan_reply(p.in.chan, true);
		ssh_global_reply(p.server, true, pair_span(""));
		assert_int_equal(p.in.requests + p.globals, 3);
		pair_done(&p);
	}
}

static void
keepalive_is_sent_and_answered(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.server_config.keepalive_ms = 10000;
	p.server_config.keepalive_tries = 2;
	pair_login(&p);
	for (int i = 0; i < 10; i++) {
		p.now_ms += 11000;
		assert_int_equal(ssh_tick(p.server, p.now_ms), 0);
		assert_true(ssh_output(p.server).n > 0);
		pair_run(&p);
	}
	/* and when nobody answers, the connection is over */
	for (int i = 0; i < 2; i++) {
		p.now_ms += 11000;
		assert_int_equal(ssh_tick(p.server, p.now_ms), 0);
	}
	p.now_ms += 11000;
	assert_true(ssh_tick(p.server, p.now_ms) < 0);
	assert_true(ssh_is_dead(p.server));
	pair_done(&p);
}

static void
grace_ends_slow_logins(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_start(&p);
	assert_int_equal(ssh_tick(p.server, p.now_ms + 19999), 0);
	assert_true(ssh_tick(p.server, p.now_ms + 20000) < 0);
	assert_non_null(strstr(ssh_error(p.server), "too long"));
	pair_done(&p);
}

static void
disconnect_reaches_the_other_side(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	pair_login(&p);
	pair_open(&p);
	ssh_disconnect(p.client, 11, "good\033 bye");
	pair_run(&p);
	assert_true(p.dead_server);
	assert_string_equal(p.gone_server, "good? bye");
	assert_int_equal(ssh_chan_write(p.out.chan, 0, "x", 1), 0);
	pair_done(&p);
	assert_true(p.in.closed && p.out.closed);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_cipher_and_mac),
	cmocka_unit_test(every_exchange_method),
	cmocka_unit_test(byte_by_byte),
	cmocka_unit_test(guessed_exchange_right_and_wrong),
	cmocka_unit_test(no_common_algorithm),
	cmocka_unit_test(host_certificate_or_plain_key),
	cmocka_unit_test(unknown_host_is_not_logged_in_to),
	cmocka_unit_test(login_with_certificate_then_with_key),
	cmocka_unit_test(login_with_a_security_key),
	cmocka_unit_test(denied_user_hears_why),
	cmocka_unit_test(a_login_of_any_bytes_reaches_who_decides),
	cmocka_unit_test(what_the_peer_says_when_it_leaves_is_kept_and_shown_clean),
	cmocka_unit_test(a_cause_is_sent_clean),
	cmocka_unit_test(channel_open_accepted_late_and_refused),
	cmocka_unit_test(a_session_starts_two_trips_after_the_first_byte),
	cmocka_unit_test(what_travels_along_with_a_refused_login_is_not_looked_at),
	cmocka_unit_test(nothing_travels_along_with_a_key_that_is_not_the_last),
	cmocka_unit_test(nothing_travels_along_to_a_host_that_is_not_believed),
	cmocka_unit_test(requests_that_travel_along_wait_behind_a_late_answer),
	cmocka_unit_test(malformed_requests_that_travel_along_end_the_connection),
	cmocka_unit_test(server_opens_channels_too),
	cmocka_unit_test(too_many_channels_are_refused),
	cmocka_unit_test(requests_and_replies_keep_their_order),
	cmocka_unit_test(global_requests_are_answered_once),
	cmocka_unit_test(requests_that_wait_die_with_the_connection),
	cmocka_unit_test(keepalive_is_sent_and_answered),
	cmocka_unit_test(grace_ends_slow_logins),
	cmocka_unit_test(disconnect_reaches_the_other_side),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
