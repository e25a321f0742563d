/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: libsodium's, behind a struct that needs none of its headers; whole blocks go through the CPU's own
 * instructions where it has them. Called from everywhere. Pure.
 */
#include "crypto/sha256.h"

#include <sodium.h>

#include "crypto/sha256_ni.h"

enum { BLOCK_BYTES = 64 };

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

/* Whole blocks, when nothing waits in the state's own buffer. Returns how many bytes were taken. */
static size_t
add_blocks(crypto_hash_sha256_state *s, const uint8_t *p, size_t n)
{
	size_t blocks = n / BLOCK_BYTES;

	sha256_ni_blocks(s->state, p, blocks);
	s->count += (uint64_t)blocks * BLOCK_BYTES * 8;
	return blocks * BLOCK_BYTES;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	static _Atomic int fast = -1;
	crypto_hash_sha256_state *s = state(h);
	size_t waiting = (size_t)(s->count / 8 % BLOCK_BYTES), first = waiting ? BLOCK_BYTES - waiting : 0, at = 0;

	if (fast < 0)
		fast = sha256_ni_available();
	if (fast && n >= first + BLOCK_BYTES) {
		if (first)
			crypto_hash_sha256_update(s, p, first);
		at = first + add_blocks(s, (const uint8_t *)p + first, n - first);
	}
	if (n > at)
		crypto_hash_sha256_update(s, (const uint8_t *)p + at, n - at);
}

void
sha256_end(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
	crypto_hash_sha256_final(state(h), digest);
}

void
sha256_of(struct span data, uint8_t digest[SHA256_BYTES])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, data.p, data.n);
	sha256_end(&h, digest);
}
