/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gcm: AES-256-GCM of packets (NIST SP 800-38D), by the fastest library that is here. lib/crypto/cipher is the caller.
 *
 * Two do the same: OpenSSL's libcrypto everywhere, and Intel's multi-buffer library (libIPSec_MB) on x86-64 processors
 * with the vector instructions VAES and VPCLMULQDQ, which Debian 12's OpenSSL does not use: three times as fast. The latter
 * is looked for when the program runs: it need not be installed.
 */
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

#include "base/buf.h"

enum { GCM_KEY = 32, GCM_IV = 12, GCM_TAG = 16 };

enum gcm_by { GCM_BY_BEST, GCM_BY_OPENSSL, GCM_BY_VAES };

struct gcm;

/* Looks for the faster library. Without this call the first key does; daemons call it before they confine themselves, so that
 * no code is loaded afterwards. */
void gcm_load(void);

/* This processor has instructions for it. */
bool gcm_available(void);
/* by: GCM_BY_BEST, but for tests. Negative: no memory, or not with this processor or build. */
int gcm_new(struct gcm **ret, const uint8_t key[GCM_KEY], enum gcm_by by);
void gcm_free(struct gcm *g); /* zeroes; NULL is fine */

/* Encrypts p[4..n) in place, authenticates also p[0..4), and writes the tag behind it. The bytes p[at..at + body.n) are
 * taken from body instead of being copied there first; 4 <= at, at + body.n <= n. Each iv once with a key. */
void gcm_seal(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n, size_t at,
    struct span body);

/* The reverse, with the tag behind p[0..n), 4 <= n. Negative: forged or damaged, and p[4..n) is garbage. */
int gcm_open(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n);

#endif
