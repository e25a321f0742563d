/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: OpenSSL's, which uses the CPU's own instructions where there are any; libsodium's does not,
 * and takes seven times as long. Called from everywhere. Pure.
 *
 * The functions under EVP, although OpenSSL would like to see them go: their state has a size, so
 * that it can be part of a struct and nothing has to be freed.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sha256.h"

#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "the state fits");
_Static_assert(SHA256_BYTES == SHA256_DIGEST_LENGTH, "the digest fits");

static SHA256_CTX *
state(struct sha256 *h)
{
	return (SHA256_CTX *)(void *)h->state;
}

void
sha256_init(struct sha256 *h)
{
	SHA256_Init(state(h));
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	SHA256_Update(state(h), p, n);
}

void
sha256_end(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
	SHA256_Final(digest, state(h));
}

void
sha256_of(struct span data, uint8_t digest[SHA256_BYTES])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, data.p, data.n);
	sha256_end(&h, digest);
}
