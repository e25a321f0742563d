/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rand: everything random, from libsodium (getrandom(2) underneath). crypto_init must have been
 * called.
 */
#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>
#include <stdint.h>

enum { RAND_UUID_SIZE = 37 };

/* Must be called once per process before anything else in lib/crypto. Negative: no randomness or
 * CPU support. */
int crypto_init(void);

void rand_bytes(void *dst, size_t n);
uint32_t rand_u32(void);
uint64_t rand_u64(void);
/* A uniform number below limit; 0 when limit is 0. */
uint32_t rand_below(uint32_t limit);
/* n random bytes as lower-case hexadecimal; dst holds 2n+1 bytes; n at most 64. */
void rand_hex(char *dst, size_t n);
/* A random UUID (RFC 9562, version 4) in lower case; dst holds RAND_UUID_SIZE bytes. */
void rand_uuid(char *dst);
/* The generator in the shape mbedTLS asks for; ctx is not used. Always 0. */
int rand_mbedtls(void *ctx, unsigned char *dst, size_t n);

#endif
