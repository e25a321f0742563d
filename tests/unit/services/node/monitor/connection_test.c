/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What noded's monitor signs with the host key, and that it believes only sign-ins over exchanges of
 * keys that it signed itself: the test is a worker that has been taken over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/str.h"
#include "fake_worker.h"
#include "node/monitor/hostkey.h"
#include "ssh/userauth.h"

static void
a_proof_cannot_be_replayed_for_another_connection(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	uint8_t other[KEX_HASH_LEN];

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	assert_true(worker_exchange(f, 7, p.session_id));
	assert_true(worker_exchange(f, 8, other));
	assert_false(worker_is_proven(f, 8, &p)); /* the session identifier of connection 7 */
	assert_true(worker_is_proven(f, 7, &p));
	assert_false(worker_is_proven(f, 8, &p));
	worker_prove(f, 7, &p); /* whose it is was proven */
	assert_true(worker_ask(f) < 0);
}

static void
a_session_identifier_of_the_workers_invention_is_refused(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	uint8_t signed_by_us[KEX_HASH_LEN];

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	assert_false(worker_is_proven(f, 7, &p)); /* nobody exchanged keys */
	assert_true(worker_exchange(f, 7, signed_by_us));
	assert_false(worker_is_proven(f, 7, &p)); /* and not with this outcome */
	memcpy(p.session_id, signed_by_us, sizeof(p.session_id));
	p.session_id[0] ^= 1;
	assert_false(worker_is_proven(f, 7, &p));
	p.session_id[0] ^= 1;
	assert_true(worker_is_proven(f, 7, &p));
}

/* Alice signed in once. The worker has the same exchange signed again, for a connection of its
 * own, and shows what she signed. */
static void
an_exchange_that_was_signed_twice_proves_once(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	struct kex_transcript t;
	struct span sig;

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	world_exchange(f->world, sshkey_blob(f->monitor.host_key), &t);
	kex_transcript_hash(&t, p.session_id);
	worker_put_sign(f, 7, &t);
	assert_true(worker_is_signed(f, &sig));
	assert_true(worker_is_proven(f, 7, &p));
	worker_begin(f, MON_FORGET);
	wire_put_u32(&f->out, 7);
	assert_true(worker_is_granted(f));
	worker_put_sign(f, 7, &t);
	assert_true(worker_is_signed(f, &sig));
	assert_false(worker_is_proven(f, 7, &p));
}

static void
the_hash_of_a_later_exchange_is_no_session_identifier(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	uint8_t first[KEX_HASH_LEN];

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	assert_true(worker_exchange(f, 7, first));
	assert_true(worker_exchange(f, 7, p.session_id));
	assert_false(worker_is_proven(f, 7, &p));
	memcpy(p.session_id, first, sizeof(first));
	assert_true(worker_is_proven(f, 7, &p));
	assert_true(worker_exchange(f, 7, first)); /* and again while the session lasts */
}

static void
an_exchange_that_shows_another_host_key_is_not_signed(void **state)
{
	struct worker *f = *state;
	struct kex_transcript t;
	struct buf cert;
	struct span sig;

	worker_hello(f);
	world_exchange(f->world, sshkey_blob(f->world->user), &t);
	worker_put_sign(f, 7, &t);
	assert_false(worker_is_signed(f, &sig));
	world_certify(f->world->user, f->world->host_ca, SSHCERT_HOST, "node-1", &cert);
	t.part[KEX_K_S] = buf_span(&cert);
	worker_put_sign(f, 7, &t);
	assert_false(worker_is_signed(f, &sig));
	buf_done(&cert);
	/* A user certificate for it: no client would take that for a host's. */
	world_certify(f->monitor.host_key, f->world->host_ca, SSHCERT_USER, "node-1", &cert);
	t.part[KEX_K_S] = buf_span(&cert);
	worker_put_sign(f, 7, &t);
	assert_false(worker_is_signed(f, &sig));
	buf_done(&cert);
	world_certify(f->monitor.host_key, f->world->host_ca, SSHCERT_HOST, "node-1", &cert);
	t.part[KEX_K_S] = buf_span(&cert);
	worker_put_sign(f, 7, &t);
	assert_true(worker_is_signed(f, &sig));
	buf_done(&cert);
	assert_int_equal(f->monitor.connections.n, 1); /* what was refused was not remembered */
}

/* Nothing that is no exchange: the monitor signs no bytes of the worker's choice. */
static void
what_is_no_exchange_is_not_signed(void **state)
{
	struct worker *f = *state;
	static const char zero[70] = "";
	static const struct {
		enum kex_part part;
		struct span value;
	} bad[] = {
		{ KEX_V_C, { (const uint8_t *)"", 0 } },
		{ KEX_V_C, { (const uint8_t *)"SSH-1.5-x", 9 } },
		{ KEX_V_S, { (const uint8_t *)"SSH-2.0-x\r\n", 11 } },
		{ KEX_I_C, { (const uint8_t *)"\24", 1 } },
		{ KEX_I_S, { (const uint8_t *)zero, 70 } },
		{ KEX_K_S, { (const uint8_t *)"", 0 } },
		{ KEX_Q_C, { (const uint8_t *)zero, 31 } },
		{ KEX_Q_S, { (const uint8_t *)zero, 65 } },
		{ KEX_K, { (const uint8_t *)"", 0 } },
		{ KEX_K, { (const uint8_t *)zero, 1 } },
		{ KEX_K, { (const uint8_t *)"\200", 1 } },
		{ KEX_K, { (const uint8_t *)"\0\1", 2 } },
		{ KEX_K, { (const uint8_t *)"0123456789abcdef0123456789abcdefgh", 34 } },
	};

	worker_hello(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kex_transcript t;
		struct span sig;

		world_exchange(f->world, sshkey_blob(f->monitor.host_key), &t);
		t.part[bad[i].part] = bad[i].value;
		worker_put_sign(f, 7, &t);
		if (worker_is_signed(f, &sig))
			fail_msg("case %zu was signed", i);
	}
	assert_int_equal(f->monitor.connections.n, 0);
}

static void
a_proof_that_comes_too_late_is_refused(void **state)
{
	struct worker *f = *state;
	struct world_proof p;

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	assert_true(worker_exchange(f, 7, p.session_id));
	connection_find(&f->monitor.connections, 7)->signed_ms -= CONNECTION_GRACE_MS;
	assert_false(worker_is_proven(f, 7, &p));
}

static void
a_flood_of_exchanges_stays_bounded_and_ends_with_the_grace_time(void **state)
{
	struct worker *f = *state;
	uint8_t hash[KEX_HASH_LEN];
	struct world_proof p;

	worker_hello(f);
	worker_give_bundle(f);
	worker_good_proof(f, &p);
	assert_true(worker_exchange(f, 1, p.session_id));
	assert_true(worker_is_proven(f, 1, &p));
	for (uint32_t i = 2; i <= MONITOR_CONNECTIONS_MAX; i++)
		assert_true(worker_exchange(f, i, hash));
	assert_false(worker_exchange(f, MONITOR_CONNECTIONS_MAX + 1, hash));
	assert_int_equal(f->monitor.connections.n, MONITOR_CONNECTIONS_MAX);
	assert_true(worker_exchange(f, 2, hash)); /* those that are known may exchange again */
	list_each (struct connection, c, &f->monitor.connections.list, link)
		c->signed_ms -= CONNECTION_GRACE_MS;
	assert_true(worker_exchange(f, MONITOR_CONNECTIONS_MAX + 1, hash));
	assert_int_equal(f->monitor.connections.n, 2); /* the proven one stayed */
	assert_true(connection_find(&f->monitor.connections, 1)->proven);
}

/* --- the node's own login at the proxy --------------------------------------------------------- */

static bool
signs_login(struct worker *f, const char *user, const struct userauth *u, size_t n_session_id)
{
	static const uint8_t session_id[64] = { 7 };
	struct userauth asked = *u;
	struct buf data;
	struct span sig;

	asked.user = span_str(user);
	buf_init(&data, 65536);
	userauth_put_signed(&data, (struct span){ session_id, n_session_id }, &asked);
	worker_begin(f, MON_SIGN_TUNNEL);
	wire_put_string(&f->out, buf_span(&data));
	bool ok = worker_is_signed(f, &sig);
	if (ok)
		assert_int_equal(sshkey_verify(f->monitor.host_key, span_str("ssh-ed25519"), sig,
				     buf_span(&data)),
		    0);
	buf_done(&data);
	return ok;
}

static void
the_login_at_the_proxy_is_signed_and_no_other(void **state)
{
	struct worker *f = *state;
	static const char uuid[] = "11111111-2222-4333-8444-555555555555";
	const struct sshkey *key = f->monitor.host_key;
	struct userauth u = { .alg = span_str("ssh-ed25519-cert-v01@openssh.com") };
	struct buf good, certs[4];

	worker_hello(f);
	world_certify(key, f->world->host_ca, SSHCERT_USER, uuid, &good);
	u.blob = buf_span(&good);
	assert_false(signs_login(f, uuid, &u, 32)); /* no authority is known yet */
	worker_give_bundle(f);
	assert_true(signs_login(f, uuid, &u, 32));
	assert_false(signs_login(f, "root", &u, 32));
	assert_false(signs_login(f, uuid, &u, 31));
	assert_false(signs_login(f, uuid, &u, 64));
	u.hostbound = true;
	u.host_key = sshkey_blob(f->world->user);
	assert_true(signs_login(f, uuid, &u, 32));
	u.alg = span_str("ssh-ed25519");
	assert_false(signs_login(f, uuid, &u, 32));
	u.alg = span_str("ssh-ed25519-cert-v01@openssh.com");
	world_certify(key, f->world->user_ca, SSHCERT_USER, uuid, &certs[0]);
	world_certify(key, f->world->host_ca, SSHCERT_HOST, uuid, &certs[1]);
	world_certify(f->world->user, f->world->host_ca, SSHCERT_USER, uuid, &certs[2]);
	buf_init(&certs[3], 1024);
	buf_put(&certs[3], sshkey_blob(key).p, sshkey_blob(key).n);
	for (size_t i = 0; i < 4; i++) {
		u.blob = buf_span(&certs[i]);
		if (signs_login(f, uuid, &u, 32))
			fail_msg("case %zu was signed", i);
		buf_done(&certs[i]);
	}
	buf_done(&good);
}

/* A hash is 32 bytes, and nothing of that length passes for a login. */
static void
an_exchange_hash_cannot_be_signed_as_a_login(void **state)
{
	struct worker *f = *state;
	struct span sig;

	worker_hello(f);
	worker_give_bundle(f);
	worker_begin(f, MON_SIGN_TUNNEL);
	wire_put_text(&f->out, "0123456789abcdef0123456789abcdef");
	assert_false(worker_is_signed(f, &sig));
}

static void
the_host_key_stays_and_is_for_the_monitor_alone(void **state)
{
	struct worker *f = *state;
	struct span blob;
	struct stat st;
	char path[256];
	struct sshkey *again = NULL;
	struct err e = { "" };

	worker_hello(f);
	worker_begin(f, MON_HOSTKEY);
	assert_true(worker_is_signed(f, &blob));
	assert_true(span_eq(blob, sshkey_blob(f->monitor.host_key)));
	str_format(path, sizeof(path), "%s/state/monitor/ssh_host_key", f->world->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(hostkey_open(&again, path, &e), 0);
	assert_true(sshkey_equal(again, f->monitor.host_key));
	sshkey_free(again);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, worker_setup, worker_teardown)
	const struct CMUnitTest tests[] = {
		T(a_proof_cannot_be_replayed_for_another_connection),
		T(a_session_identifier_of_the_workers_invention_is_refused),
		T(an_exchange_that_was_signed_twice_proves_once),
		T(the_hash_of_a_later_exchange_is_no_session_identifier),
		T(an_exchange_that_shows_another_host_key_is_not_signed),
		T(what_is_no_exchange_is_not_signed),
		T(a_proof_that_comes_too_late_is_refused),
		T(a_flood_of_exchanges_stays_bounded_and_ends_with_the_grace_time),
		T(the_login_at_the_proxy_is_signed_and_no_other),
		T(an_exchange_hash_cannot_be_signed_as_a_login),
		T(the_host_key_stays_and_is_for_the_monitor_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
