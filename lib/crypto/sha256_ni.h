/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_ni: the compression function of SHA-256 by the CPU's own instructions (x86 SHA extensions). Only for sha256.c:
 * what a session puts out beyond its recording's limit is hashed while it passes, and libsodium's portable code would
 * be the slowest part of that path by far (350 MB/s against 1 800).
 */
#ifndef CRYPTO_SHA256_NI_H
#define CRYPTO_SHA256_NI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool sha256_ni_available(void);
/* Takes whole blocks of 64 bytes; only when available. */
void sha256_ni_blocks(uint32_t state[8], const uint8_t *p, size_t blocks);

#endif
