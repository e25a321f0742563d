/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed: a blob encrypted and authenticated with a 32-byte key (XChaCha20-Poly1305, a random nonce
 * in front), for keys at rest. label says what the blob is for and must be the same when it is
 * opened.
 */
#ifndef CRYPTO_SEALED_H
#define CRYPTO_SEALED_H

#include "crypto/secret.h"

enum { SEALED_KEY_BYTES = 32, SEALED_MAX = 1024 * 1024 };

/* Appends the sealed form of plain. */
int sealed_close(const struct secret *key, const char *label, struct span plain, struct buf *ret);
/* Negative: wrong key, wrong label, or changed. */
int
sealed_open(const struct secret *key, const char *label, struct span sealed, struct secret **ret);

#endif
