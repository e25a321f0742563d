/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex: see kex.h.
 */
#include "crypto/kex.h"

#include <mbedtls/ecp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct kex_pair {
	enum kex_curve curve;
	uint8_t secret[32];
	uint8_t public[KEX_PUBLIC_MAX];
	size_t public_len;
};

/* mbedTLS's idea of a random source; libsodium's cannot fail. */
static int
random_bytes(void *arg, unsigned char *p, size_t n)
{
	(void)arg;
	randombytes_buf(p, n);
	return 0;
}

/* The public half of a P-256 private value; with a value of all zeroes, a fresh one is made
 * first. */
static int
p256_generate(struct kex_pair *pair)
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi d;
	int r;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&d);
	r = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
	if (r == 0 && sodium_is_zero(pair->secret, sizeof(pair->secret))) {
		r = mbedtls_ecp_gen_privkey(&group, &d, random_bytes, NULL);
		if (r == 0)
			r = mbedtls_mpi_write_binary(&d, pair->secret, sizeof(pair->secret));
	} else if (r == 0) {
		r = mbedtls_mpi_read_binary(&d, pair->secret, sizeof(pair->secret));
	}
	if (r == 0)
		r = mbedtls_ecp_mul(&group, &point, &d, &group.G, random_bytes, NULL);
	if (r == 0)
		r = mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED,
		    &pair->public_len, pair->public, sizeof(pair->public));
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return r == 0 ? 0 : -1;
}

int
kex_pair_from_secret(struct kex_pair **ret, enum kex_curve curve, const uint8_t secret[32])
{
	struct kex_pair *pair = calloc(1, sizeof(*pair));
	int r = 0;

	*ret = NULL;
	if (!pair)
		return -1;
	pair->curve = curve;
	memcpy(pair->secret, secret, sizeof(pair->secret));
	if (curve == KEX_X25519) {
		crypto_scalarmult_base(pair->public, pair->secret);
		pair->public_len = crypto_scalarmult_BYTES;
	} else {
		r = p256_generate(pair);
	}
	if (r < 0) {
		kex_pair_free(pair);
		return -1;
	}
	*ret = pair;
	return 0;
}

int
kex_pair_new(struct kex_pair **ret, enum kex_curve curve)
{
	uint8_t secret[32] = { 0 };
	int r;

	if (curve == KEX_X25519)
		randombytes_buf(secret, sizeof(secret));
	r = kex_pair_from_secret(ret, curve, secret);
	sodium_memzero(secret, sizeof(secret));
	return r;
}

void
kex_pair_free(struct kex_pair *pair)
{
	if (!pair)
		return;
	sodium_memzero(pair, sizeof(*pair));
	free(pair);
}

struct span
kex_pair_public(const struct kex_pair *pair)
{
	return (struct span){ pair->public, pair->public_len };
}

static int
p256_secret(const struct kex_pair *pair, struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point point, shared;
	mbedtls_mpi d;
	int r;

	/* Only uncompressed points: 0x04, X, Y (RFC 5656 section 3.1 with SEC1 2.3.4). */
	if (peer.n != 65 || peer.p[0] != 4)
		return -1;
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_ecp_point_init(&shared);
	mbedtls_mpi_init(&d);
	r = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
	if (r == 0)
		r = mbedtls_ecp_point_read_binary(&group, &point, peer.p, peer.n);
	if (r == 0)
		r = mbedtls_ecp_check_pubkey(&group, &point);
	if (r == 0)
		r = mbedtls_mpi_read_binary(&d, pair->secret, sizeof(pair->secret));
	if (r == 0)
		r = mbedtls_ecp_mul(&group, &shared, &d, &point, random_bytes, NULL);
	if (r == 0)
		r = mbedtls_mpi_write_binary(&shared.X, ret, KEX_SECRET_LEN);
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&shared);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return r == 0 ? 0 : -1;
}

int
kex_pair_secret(const struct kex_pair *pair, struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	if (pair->curve == KEX_P256)
		return p256_secret(pair, peer, ret);
	if (peer.n != crypto_scalarmult_BYTES)
		return -1;
	/* Fails on low-order points: the result would be all zeroes (RFC 8731 section 3). */
	return crypto_scalarmult(ret, pair->secret, peer.p) == 0 ? 0 : -1;
}

void
kex_hash(const struct span *parts, size_t n, uint8_t ret[KEX_HASH_LEN])
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&st, parts[i].p, parts[i].n);
	crypto_hash_sha256_final(&st, ret);
	sodium_memzero(&st, sizeof(st));
}

void
kex_transcript_hash(const struct kex_transcript *t, uint8_t ret[KEX_HASH_LEN])
{
	uint8_t lengths[KEX_PARTS][4];
	struct span all[2 * KEX_PARTS];

	for (size_t i = 0; i < KEX_PARTS; i++) {
		uint32_t n = (uint32_t)t->part[i].n;

		for (size_t k = 0; k < 4; k++)
			lengths[i][k] = (uint8_t)(n >> (24 - 8 * k));
		all[2 * i] = (struct span){ lengths[i], sizeof(lengths[i]) };
		all[2 * i + 1] = t->part[i];
	}
	kex_hash(all, 2 * KEX_PARTS, ret);
}
