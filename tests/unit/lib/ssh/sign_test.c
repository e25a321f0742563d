/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that the engine does not hold: signatures asked of the owner and given now, late, wrongly or
 * never, in both roles; and signatures bound to a host key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/ssh_priv.h"
#include "ssh/userauth.h"
#include "ssh_pair.h"

/* The owner of a key: what he answers, and what he was asked last. */
static struct signer {
	enum ssh_answer answer;
	bool fails_inside;
	const struct sshkey *key;
	int asked;
	struct buf data;
	uint8_t hash[KEX_HASH_LEN]; /* of the transcript, made by himself */
	bool had_transcript, host_key_was_cert;
} signer;
static struct sshkey *public_host_key, *public_user_key;

static enum ssh_answer
on_sign(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg)
{
	(void)arg;
	signer.asked++;
	signer.had_transcript = what->transcript != NULL;
	buf_reset(&signer.data);
	buf_put(&signer.data, what->data.p, what->data.n);
	if (what->transcript) {
		kex_transcript_hash(what->transcript, signer.hash);
		signer.host_key_was_cert = sshcert_is_cert(what->transcript->part[KEX_K_S]);
	}
	if (signer.answer == SSH_OK)
		assert_int_equal(sshkey_sign(signer.key, what->data, ret), 0);
	/* Too early: the callback has not returned. */
	assert_true(ssh_signed(ssh, what->data, 0) < 0);
	if (signer.fails_inside)
		(void)ssh_sign_failed(ssh, "nobody is there");
	return signer.answer;
}

/* The keys of one side are the signer's. */
static void
give_away_keys(struct pair *p, struct ssh_config *config, struct ssh_events *events)
{
	bool server = config->role == SSH_SERVER;

	if (!public_host_key) {
		assert_int_equal(sshkey_from_blob(&public_host_key, sshkey_blob(pair_host_key)), 0);
		assert_int_equal(sshkey_from_blob(&public_user_key, sshkey_blob(pair_user_key)), 0);
	}
	*events = *config->events;
	events->sign = on_sign;
	config->events = events;
	if (server)
		p->host_ids[0].key = public_host_key;
	else
		p->user_ids[0].key = p->user_ids[1].key = public_user_key;
	buf_done(&signer.data);
	signer = (struct signer){ .answer = SSH_OK, .key = server ? pair_host_key : pair_user_key };
	buf_init(&signer.data, PACKET_MAX);
}

static int
answer_late(struct ssh *ssh)
{
	struct buf sig;
	int r;

	buf_init(&sig, 1024);
	assert_int_equal(sshkey_sign(signer.key, buf_span(&signer.data), &sig), 0);
	r = ssh_signed(ssh, buf_span(&sig), 0);
	buf_done(&sig);
	return r;
}

/* A server that was asked for its signature and waits. */
static void
start_waiting(struct pair *p, struct ssh_events *events)
{
	pair_init(p);
	give_away_keys(p, &p->server_config, events);
	signer.answer = SSH_LATER;
	pair_start(p);
	pair_run(p);
	assert_int_equal(signer.asked, 1);
	assert_false(p->authenticated_client);
}

/* --- server --------------------------------------------------------------------------------- */

static void
the_owner_signs_the_exchange_at_once(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	pair_init(&p);
	give_away_keys(&p, &p.server_config, &events);
	pair_login(&p);
	assert_int_equal(signer.asked, 1);
	assert_true(signer.had_transcript && signer.host_key_was_cert);
	pair_done(&p);
}

static void
the_owner_signs_the_exchange_late(void **state)
{
	static const char *const kex[] = { "curve25519-sha256", "ecdh-sha2-nistp256" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ssh_events events;
		struct pair p;

		if (i == 1 && !kex_available(KEX_P256))
			continue;
		pair_init(&p);
		give_away_keys(&p, &p.server_config, &events);
		p.client_config.kex = kex[i];
		signer.answer = SSH_LATER;
		pair_start(&p);
		pair_run(&p);
		assert_int_equal(ssh_output(p.server).n, 0); /* nothing goes on */
		assert_int_equal(answer_late(p.server), 0);
		assert_true(answer_late(p.server) < 0); /* once */
		pair_run(&p);
		assert_true(p.authenticated_client && p.authenticated_server);
		/* His own hash of what was said is what both sides have as their session
		 * identifier. */
		assert_memory_equal(signer.hash, ssh_session_id(p.client).p, KEX_HASH_LEN);
		pair_open(&p);
		pair_done(&p);
	}
}

static void
a_rekey_waits_for_its_signature_mid_transfer(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	pair_init(&p);
	give_away_keys(&p, &p.server_config, &events);
	p.server_config.rekey_bytes = 100000;
	pair_login(&p);
	pair_open(&p);
	signer.answer = SSH_LATER;
	p.out.to_send = p.in.to_send = 4000000;
	for (int turns = 0; p.in.got < 4000000 || p.out.got < 4000000; turns++) {
		int asked = signer.asked;

		assert_true(turns < 1000);
		end_push(&p.out);
		end_push(&p.in);
		pair_run(&p);
		assert_false(p.dead_server || p.dead_client);
		if (signer.asked > asked || p.server->signing)
			assert_int_equal(answer_late(p.server), 0);
	}
	assert_true(signer.asked > 3);
	assert_true(p.in.sum == p.out.sent_sum && p.out.sum == p.in.sent_sum);
	pair_done(&p);
}

static void
nothing_is_taken_while_the_signature_is_made(void **state)
{
	static const uint8_t types[] = { MSG_IGNORE, MSG_KEXINIT, MSG_KEX_ECDH_INIT, MSG_NEWKEYS,
		MSG_SERVICE_REQUEST, MSG_EXT_INFO, MSG_CHANNEL_OPEN };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ssh_events events;
		struct pair p;

		start_waiting(&p, &events);
		pair_forge(p.client, &types[i], 1);
		pair_run(&p);
		assert_true(p.dead_server);
		assert_non_null(strstr(ssh_error(p.server), "not allowed now"));
		assert_true(answer_late(p.server) < 0); /* too late */
		pair_done(&p);
	}
}

static void
the_connection_ends_while_the_signature_is_made(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	start_waiting(&p, &events);
	assert_int_equal(ssh_tick(p.server, p.now_ms + 19000), 0);
	assert_true(ssh_tick(p.server, p.now_ms + 20000) < 0); /* the login grace time runs */
	assert_true(answer_late(p.server) < 0);
	pair_done(&p);

	start_waiting(&p, &events);
	pair_done(&p); /* freed under the signer */

	start_waiting(&p, &events);
	ssh_disconnect(p.client, 11, "enough");
	pair_run(&p);
	assert_true(p.dead_server);
	assert_true(answer_late(p.server) < 0);
	pair_done(&p);
}

static void
without_a_signature_the_connection_ends(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	for (int how = 0; how < 4; how++) {
		pair_init(&p);
		give_away_keys(&p, &p.server_config, &events);
		signer.answer = how == 0 ? SSH_FAIL : SSH_LATER;
		signer.fails_inside = how == 1;
		if (how == 3)
			events.sign = NULL;
		pair_start(&p);
		pair_run(&p);
		if (how == 2)
			assert_true(ssh_sign_failed(p.server, "nobody is there") < 0);
		pair_run(&p);
		assert_true(ssh_is_dead(p.server));
		assert_non_null(strstr(ssh_error(p.server), "cannot sign with the host key"));
		assert_true(p.dead_client);
		assert_false(p.authenticated_client);
		pair_done(&p);
	}
}

static void
a_wrong_signature_is_noticed_by_the_client(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	start_waiting(&p, &events);
	signer.key = pair_user_key;
	assert_int_equal(answer_late(p.server), 0);
	pair_run(&p);
	assert_true(p.dead_client);
	assert_non_null(strstr(ssh_error(p.client), "the host's signature is wrong"));
	pair_done(&p);
}

/* --- client ----------------------------------------------------------------------------------- */

static void
the_owner_signs_the_login_late(void **state)
{
	struct ssh_events events;
	struct userauth u;
	struct span session_id;
	struct pair p;

	(void)state;
	pair_init(&p);
	give_away_keys(&p, &p.client_config, &events);
	signer.answer = SSH_LATER;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(signer.asked, 1);
	assert_false(signer.had_transcript);
	assert_int_equal(userauth_read_signed(&u, &session_id, buf_span(&signer.data)), 0);
	assert_true(span_eq(session_id, ssh_session_id(p.client)));
	assert_true(u.hostbound && span_eq(u.host_key, buf_span(&pair_host_cert)));
	assert_int_equal(answer_late(p.client), 0);
	assert_true(answer_late(p.client) < 0);
	pair_run(&p);
	assert_true(p.authenticated_client && p.authenticated_server);
	assert_int_equal(p.proofs, 1);
	pair_done(&p);
}

static void
the_next_key_is_tried_when_one_cannot_sign(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct ssh_events events;
		struct pair p;

		pair_init(&p);
		give_away_keys(&p, &p.client_config, &events);
		p.user_ids[1].key = pair_user_key; /* this one the engine holds */
		p.client_config.n_identities = 2;
		signer.answer = how == 0 ? SSH_FAIL : SSH_LATER;
		signer.fails_inside = how == 1;
		pair_start(&p);
		pair_run(&p);
		if (how == 2) {
			assert_false(p.authenticated_client);
			assert_int_equal(ssh_sign_failed(p.client, "no"), 0);
			assert_true(ssh_sign_failed(p.client, "no") < 0);
		}
		pair_run(&p);
		assert_true(p.authenticated_client);
		assert_false(p.auth_cert);
		pair_done(&p);
	}
}

static void
no_key_can_sign(void **state)
{
	struct ssh_events events;
	struct pair p;

	(void)state;
	pair_init(&p);
	give_away_keys(&p, &p.client_config, &events);
	p.client_config.n_identities = 2;
	signer.answer = SSH_FAIL;
	pair_start(&p);
	pair_run(&p);
	assert_int_equal(signer.asked, 2);
	assert_true(p.dead_client);
	assert_non_null(strstr(ssh_error(p.client), "permission denied"));
	pair_done(&p);
}

static void
a_server_answers_before_the_client_has_signed(void **state)
{
	static const uint8_t failure[] = { MSG_USERAUTH_FAILURE, 0, 0, 0, 9, 'p', 'u', 'b', 'l',
		'i', 'c', 'k', 'e', 'y', 0 };
	static const uint8_t success[] = { MSG_USERAUTH_SUCCESS };

	(void)state;
	for (int how = 0; how < 2; how++) {
		struct ssh_events events;
		struct pair p;

		pair_init(&p);
		give_away_keys(&p, &p.client_config, &events);
		signer.answer = SSH_LATER;
		pair_start(&p);
		pair_run(&p);
		pair_forge(p.server, how ? success : failure,
		    how ? sizeof(success) : sizeof(failure));
		pair_run(&p);
		assert_true(p.dead_client);
		assert_false(p.authenticated_client);
		assert_true(answer_late(p.client) < 0);
		pair_done(&p);
	}
}

/* --- bound to the host -------------------------------------------------------------------------- */

/* One way only: the client itself must not hear how it was answered. */
static void
to_server(struct pair *p)
{
	struct span out = ssh_output(p->client);
	uint8_t *copy = malloc(out.n);

	memcpy(copy, out.p, out.n);
	assert_int_equal(ssh_input(p->server, copy, out.n, p->now_ms), 0);
	ssh_output_drain(p->client, out.n);
	free(copy);
}

/* Asks for a login with whatever the test wants to have signed. */
static void
ask_with(struct pair *p, const struct userauth *u, bool with_signature)
{
	struct buf data, sig, b;
	static const uint8_t no_signature = 0;

	buf_init(&data, PACKET_MAX);
	buf_init(&sig, 1024);
	buf_init(&b, PACKET_MAX);
	userauth_put_signed(&data, ssh_session_id(p->client), u);
	assert_int_equal(sshkey_sign(pair_user_key, buf_span(&data), &sig), 0);
	userauth_put(&b, u);
	if (with_signature)
		wire_put_string(&b, buf_span(&sig));
	else /* the flag behind the name of the method */
		buf_head(&b)[1 + 4 + 4 + 4 + 14 + 4 + 35] = no_signature;
	pair_forge(p->client, buf_head(&b), b.len);
	buf_done(&data);
	buf_done(&sig);
	buf_done(&b);
	to_server(p);
}

static void
a_signature_for_another_host_is_refused(void **state)
{
	struct userauth u = { .user = span_str("root"),
		.alg = span_str("ssh-ed25519"),
		.hostbound = true };
	struct ssh_events events;
	struct pair p;

	(void)state;
	pair_init(&p);
	give_away_keys(&p, &p.client_config, &events);
	signer.answer = SSH_LATER; /* the client itself says nothing */
	pair_start(&p);
	pair_run(&p);
	u.blob = sshkey_blob(pair_user_key);
	u.host_key = sshkey_blob(pair_ca_key);
	ask_with(&p, &u, true);
	ask_with(&p, &u, false);
	/* The same key, but what was shown is its certificate. */
	u.host_key = sshkey_blob(pair_host_key);
	ask_with(&p, &u, true);
	u.host_key = (struct span){ NULL, 0 };
	ask_with(&p, &u, true);
	assert_int_equal(p.proofs + p.offers, 0);
	assert_false(p.authenticated_server);
	assert_false(p.dead_server);
	u.host_key = buf_span(&pair_host_cert);
	ask_with(&p, &u, false);
	assert_int_equal(p.offers, 1);
	ask_with(&p, &u, true);
	assert_int_equal(p.proofs, 1);
	assert_true(p.authenticated_server);
	pair_done(&p);
}

static void
the_host_key_is_of_the_first_exchange(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	if (kex_available(KEX_P256))
		p.client_config.kex = "ecdh-sha2-nistp256";
	pair_login(&p);
	assert_true(p.server->host_key.len == 0 && p.client->host_key.len == 0); /* not kept */
	pair_done(&p);
}

static void
what_users_sign_is_read_as_it_was_written(void **state)
{
	static const struct userauth forms[] = {
		{ { (const uint8_t *)"root", 4 }, { (const uint8_t *)"alg", 3 },
		    { (const uint8_t *)"blob", 4 }, false, { NULL, 0 } },
		{ { (const uint8_t *)"root", 4 }, { (const uint8_t *)"alg", 3 },
		    { (const uint8_t *)"blob", 4 }, true, { (const uint8_t *)"host", 4 } },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct userauth u;
		struct span id;
		struct buf b;

		buf_init(&b, 1024);
		userauth_put_signed(&b, span_str("session"), &forms[i]);
		assert_int_equal(userauth_read_signed(&u, &id, buf_span(&b)), 0);
		assert_true(span_is(id, "session") && span_eq(u.user, forms[i].user) &&
		    span_eq(u.alg, forms[i].alg) && span_eq(u.blob, forms[i].blob));
		assert_int_equal(u.hostbound, forms[i].hostbound);
		assert_true(span_eq(u.host_key, forms[i].host_key));
		/* Neither less nor more. */
		for (size_t n = 0; n < b.len; n++)
			assert_true(
			    userauth_read_signed(&u, &id, (struct span){ buf_head(&b), n }) < 0);
		wire_put_u8(&b, 0);
		assert_true(userauth_read_signed(&u, &id, buf_span(&b)) < 0);
		buf_done(&b);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_signs_the_exchange_at_once),
		cmocka_unit_test(the_owner_signs_the_exchange_late),
		cmocka_unit_test(a_rekey_waits_for_its_signature_mid_transfer),
		cmocka_unit_test(nothing_is_taken_while_the_signature_is_made),
		cmocka_unit_test(the_connection_ends_while_the_signature_is_made),
		cmocka_unit_test(without_a_signature_the_connection_ends),
		cmocka_unit_test(a_wrong_signature_is_noticed_by_the_client),
		cmocka_unit_test(the_owner_signs_the_login_late),
		cmocka_unit_test(the_next_key_is_tried_when_one_cannot_sign),
		cmocka_unit_test(no_key_can_sign),
		cmocka_unit_test(a_server_answers_before_the_client_has_signed),
		cmocka_unit_test(a_signature_for_another_host_is_refused),
		cmocka_unit_test(the_host_key_is_of_the_first_exchange),
		cmocka_unit_test(what_users_sign_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
