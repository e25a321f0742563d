/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: SHA-256 (FIPS 180-4), at once or piece by piece.
 */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/buf.h"

enum { SHA256_BYTES = 32, SHA256_HEX_SIZE = 2 * SHA256_BYTES + 1 };

struct sha256 {
	_Alignas(8) uint8_t state[112];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h,
    uint8_t digest[SHA256_BYTES]); /* h needs sha256_init before it is used again */
void sha256_of(struct span data, uint8_t digest[SHA256_BYTES]);
/* In hexadecimal digits of lower case. */
void sha256_hex(struct span data, char ret[SHA256_HEX_SIZE]);

#endif
