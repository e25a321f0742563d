/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: libsodium's, behind a struct that needs none of its headers. Called from everywhere.
 * Pure.
 */
#include "crypto/sha256.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "the state fits");
_Static_assert(SHA256_BYTES == crypto_hash_sha256_BYTES, "the digest fits");

static crypto_hash_sha256_state *
state(struct sha256 *h)
{
	return (crypto_hash_sha256_state *)(void *)h->state;
}

void
sha256_init(struct sha256 *h)
{
	crypto_hash_sha256_init(state(h));
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	if (n)
		crypto_hash_sha256_update(state(h), p, n);
}

void
sha256_end(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
	crypto_hash_sha256_final(state(h), digest);
}

void
sha256_of(struct span data, uint8_t digest[SHA256_BYTES])
{
	crypto_hash_sha256(digest, data.n ? data.p : (const uint8_t *)"", data.n);
}
