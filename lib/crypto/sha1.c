/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha1: see sha1.h. OpenSSL's, as sha256.c. Pure.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sha1.h"

#include <openssl/sha.h>

_Static_assert(SHA1_BYTES == SHA_DIGEST_LENGTH, "the digest fits");

void
sha1_of(struct span data, uint8_t digest[SHA1_BYTES])
{
	(void)SHA1(data.p, data.n, digest);
}
