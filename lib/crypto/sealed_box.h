/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_box: bytes for the holder of one X25519 key, from anybody (libsodium's crypto_box_seal). Nothing in it says who made
 * it: whoever reads one decides otherwise what to believe of it.
 */
#ifndef CRYPTO_SEALED_BOX_H
#define CRYPTO_SEALED_BOX_H

#include "crypto/secret.h"

enum { SEALED_BOX_KEY_BYTES = 32 };

/* The public half of a key of SEALED_BOX_KEY_BYTES, which may be any random bytes. Negative: another size. */
int sealed_box_public(const struct secret *key, uint8_t ret[SEALED_BOX_KEY_BYTES]);
/* Appends the sealed form. Negative: no memory, or no key that anybody could have. */
int
sealed_box_close(const uint8_t public[SEALED_BOX_KEY_BYTES], struct span plain, struct buf *ret);
/* Negative: for another key, or changed, or empty. */
int sealed_box_open(const struct secret *key, struct span sealed, struct secret **ret);

#endif
