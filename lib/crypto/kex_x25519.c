/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex_x25519: X25519 (RFC 7748, RFC 8731) by libsodium. Called by kex.c.
 */
#include <sodium.h>

#include "crypto/kex_priv.h"

static int
generate(uint8_t secret[KEX_PRIVATE_LEN])
{
	randombytes_buf(secret, KEX_PRIVATE_LEN);
	return 0;
}

static int
derive(const uint8_t secret[KEX_PRIVATE_LEN], uint8_t *public)
{
	return crypto_scalarmult_base(public, secret) == 0 ? 0 : -1;
}

/* Fails on low-order points: the result would be all zeroes (RFC 8731 section 3). */
static int
agree(const uint8_t secret[KEX_PRIVATE_LEN], struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	if (peer.n != crypto_scalarmult_BYTES)
		return -1;
	return crypto_scalarmult(ret, secret, peer.p) == 0 ? 0 : -1;
}

const struct kex_alg kex_x25519 = { crypto_scalarmult_BYTES, generate, derive, agree };
