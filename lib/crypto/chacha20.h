/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chacha20: the key stream of ChaCha20 with a nonce of eight bytes, for a few bytes at a time.
 */
#ifndef CRYPTO_CHACHA20_H
#define CRYPTO_CHACHA20_H

#include <stddef.h>
#include <stdint.h>

/* p[0..n) in place, from the first block of the stream. */
void chacha20_xor(const uint8_t key[32], const uint8_t nonce[8], uint8_t *p, size_t n);

#endif
