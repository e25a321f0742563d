/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users whose key is ECDSA P-256 and not ours: in a browser that makes no other, in an agent. What a client asks its owner
 * to sign, plainly and with a certificate, and that a server takes the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/ecdsa.h>

#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "ssh/ssh_priv.h"
#include "ssh/userauth.h"
#include "ssh_pair.h"

/* The owner's key. */
static struct owner {
	mbedtls_ecp_group group;
	mbedtls_mpi d;
	struct sshkey *public;
	struct buf cert;
	struct buf data; /* what he was asked to sign last */
} owner;

static enum ssh_answer
on_sign(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg)
{
	(void)ssh, (void)ret, (void)arg;
	buf_reset(&owner.data);
	buf_put(&owner.data, what->data.p, what->data.n);
	return SSH_LATER;
}

static int
setup(void **state)
{
	mbedtls_ecp_point q;
	uint8_t point[65];
	struct buf blob;
	size_t n;

	(void)state;
	mbedtls_ecp_group_init(&owner.group);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&owner.d);
	mbedtls_ecp_group_load(&owner.group, MBEDTLS_ECP_DP_SECP256R1);
	mbedtls_ecp_gen_keypair(&owner.group, &owner.d, &q, rand_mbedtls, NULL);
	mbedtls_ecp_point_write_binary(&owner.group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, point,
	    sizeof point);
	mbedtls_ecp_point_free(&q);
	buf_init(&blob, 256);
	wire_put_text(&blob, "ecdsa-sha2-nistp256");
	wire_put_text(&blob, "nistp256");
	wire_put_string(&blob, (struct span){ point, n });
	assert_int_equal(sshkey_from_blob(&owner.public, buf_span(&blob)), 0);
	buf_done(&blob);
	pair_certify(&owner.cert, owner.public, SSHCERT_USER, "root");
	buf_init(&owner.data, PACKET_MAX);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mbedtls_ecp_group_free(&owner.group);
	mbedtls_mpi_free(&owner.d);
	sshkey_free(owner.public);
	buf_done(&owner.cert);
	buf_done(&owner.data);
	return 0;
}

/* RFC 5656 section 3.1.2. */
static void
sign(struct span data, struct buf *ret)
{
	uint8_t hash[SHA256_BYTES], r[32], s[32];
	mbedtls_mpi mr, ms;
	size_t mark;

	sha256_of(data, hash);
	mbedtls_mpi_init(&mr);
	mbedtls_mpi_init(&ms);
	assert_int_equal(mbedtls_ecdsa_sign(&owner.group, &mr, &ms, &owner.d, hash, 32,
			     rand_mbedtls, NULL),
	    0);
	mbedtls_mpi_write_binary(&mr, r, sizeof r);
	mbedtls_mpi_write_binary(&ms, s, sizeof s);
	mbedtls_mpi_free(&mr);
	mbedtls_mpi_free(&ms);
	wire_put_text(ret, "ecdsa-sha2-nistp256");
	mark = wire_put_open(ret);
	wire_put_mpint(ret, (struct span){ r, sizeof r });
	wire_put_mpint(ret, (struct span){ s, sizeof s });
	wire_put_close(ret, mark);
}

/* Up to where the client waits for its owner. */
static void
start(struct pair *p, struct ssh_events *events, bool with_cert)
{
	pair_init(p);
	*events = *p->client_config.events;
	events->sign = on_sign;
	p->client_config.events = events;
	p->user_ids[0].key = owner.public;
	p->user_ids[0].cert = with_cert ? buf_span(&owner.cert) : (struct span){ NULL, 0 };
	p->client_config.n_identities = 1;
	buf_reset(&owner.data);
	pair_start(p);
	pair_run(p);
	assert_true(owner.data.len > 0);
}

static void
a_p256_key_that_is_elsewhere_logs_in(void **state)
{
	static const char *const algs[] = { "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com" };

	(void)state;
	for (int with_cert = 0; with_cert < 2; with_cert++) {
		struct ssh_events events;
		struct userauth u;
		struct span id;
		struct pair p;
		struct buf sig;

		start(&p, &events, with_cert);
		assert_int_equal(userauth_read_signed(&u, &id, buf_span(&owner.data)), 0);
		assert_true(span_is(u.alg, algs[with_cert]));
		assert_true(
		    span_eq(u.blob, with_cert ? buf_span(&owner.cert) : sshkey_blob(owner.public)));
		buf_init(&sig, 256);
		sign(buf_span(&owner.data), &sig);
		assert_int_equal(ssh_signed(p.client, buf_span(&sig), p.now_ms), 0);
		pair_run(&p);
		assert_true(p.authenticated_client && p.authenticated_server);
		assert_int_equal(p.auth_cert, with_cert);
		buf_done(&sig);
		pair_done(&p);
	}
}

static void
a_p256_signature_over_something_else_does_not(void **state)
{
	struct ssh_events events;
	struct pair p;
	struct buf sig;

	(void)state;
	start(&p, &events, true);
	buf_init(&sig, 256);
	sign(span_str("something else"), &sig);
	assert_int_equal(ssh_signed(p.client, buf_span(&sig), p.now_ms), 0);
	pair_run(&p);
	assert_int_equal(p.proofs, 0);
	assert_true(p.dead_client);
	assert_non_null(strstr(ssh_error(p.client), "permission denied"));
	buf_done(&sig);
	pair_done(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_p256_key_that_is_elsewhere_logs_in, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_p256_signature_over_something_else_does_not,
		    setup, teardown),
	};

	pair_keys();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
