/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex_p256: Diffie-Hellman on NIST P-256 (RFC 5656 section 4) by mbedTLS. Called by kex.c.
 */
#include <mbedtls/ecp.h>
#include <string.h>

#include "crypto/kex_priv.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

enum { POINT_LEN = 65, NUMBER_LEN = 32 };

struct numbers {
	mbedtls_ecp_group group;
	mbedtls_ecp_point point, result;
	mbedtls_mpi d;
};

static int
numbers_init(struct numbers *n)
{
	mbedtls_ecp_group_init(&n->group);
	mbedtls_ecp_point_init(&n->point);
	mbedtls_ecp_point_init(&n->result);
	mbedtls_mpi_init(&n->d);
	return mbedtls_ecp_group_load(&n->group, MBEDTLS_ECP_DP_SECP256R1);
}

static void
numbers_done(struct numbers *n)
{
	mbedtls_mpi_free(&n->d);
	mbedtls_ecp_point_free(&n->result);
	mbedtls_ecp_point_free(&n->point);
	mbedtls_ecp_group_free(&n->group);
}

static int
generate(uint8_t secret[KEX_PRIVATE_LEN])
{
	struct numbers n;
	int r = numbers_init(&n);

	if (r == 0)
		r = mbedtls_ecp_gen_privkey(&n.group, &n.d, rand_mbedtls, NULL);
	if (r == 0)
		r = mbedtls_mpi_write_binary(&n.d, secret, KEX_PRIVATE_LEN);
	numbers_done(&n);
	return r == 0 ? 0 : -1;
}

/* secret times a point, as 0x04, X, Y (SEC1 section 2.3.3). */
static int
multiply(struct numbers *n, const uint8_t secret[KEX_PRIVATE_LEN], const mbedtls_ecp_point *point,
    uint8_t ret[POINT_LEN])
{
	size_t len;

	/* mbedTLS blinds the multiplication with the random bytes that it is given, so that its
	 * time says nothing about the secret. */
	if (mbedtls_mpi_read_binary(&n->d, secret, KEX_PRIVATE_LEN) != 0 ||
	    mbedtls_ecp_mul(&n->group, &n->result, &n->d, point, rand_mbedtls, NULL) != 0 ||
	    mbedtls_ecp_point_write_binary(&n->group, &n->result, MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
		ret, POINT_LEN) != 0)
		return -1;
	return len == POINT_LEN ? 0 : -1;
}

static int
derive(const uint8_t secret[KEX_PRIVATE_LEN], uint8_t *public)
{
	struct numbers n;
	int r = numbers_init(&n);

	if (r == 0)
		r = multiply(&n, secret, &n.group.G, public);
	numbers_done(&n);
	return r == 0 ? 0 : -1;
}

/* The secret is X of the common point. Only uncompressed points are taken (RFC 5656 section 3.1). */
static int
agree(const uint8_t secret[KEX_PRIVATE_LEN], struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	uint8_t common[POINT_LEN];
	struct numbers n;
	int r;

	if (peer.n != POINT_LEN || peer.p[0] != 4)
		return -1;
	r = numbers_init(&n);
	if (r == 0)
		r = mbedtls_ecp_point_read_binary(&n.group, &n.point, peer.p, peer.n);
	if (r == 0)
		/* A point beside the curve would tell about our secret (invalid-curve attack); RFC
		 * 5656 section 4 asks for the check. */
		r = mbedtls_ecp_check_pubkey(&n.group, &n.point);
	if (r == 0)
		r = multiply(&n, secret, &n.point, common);
	if (r == 0)
		memcpy(ret, common + 1, NUMBER_LEN);
	secret_zero(common, sizeof common);
	numbers_done(&n);
	return r == 0 ? 0 : -1;
}

const struct kex_alg kex_p256 = { POINT_LEN, generate, derive, agree };
