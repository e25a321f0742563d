/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_hex: see sha256.h; apart from sha256.c, in whose place a browser has another.
 */
#include "base/str.h"
#include "crypto/sha256.h"

void
sha256_hex(struct span data, char ret[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(data, digest);
	str_hex(ret, digest, sizeof(digest));
}
