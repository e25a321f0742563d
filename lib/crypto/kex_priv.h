/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex_priv: one curve behind kex.c; each in a file of its own, by the library that does it.
 */
#ifndef CRYPTO_KEX_PRIV_H
#define CRYPTO_KEX_PRIV_H

#include "crypto/kex.h"

enum { KEX_CURVES = 2, KEX_PRIVATE_LEN = 32 };

struct kex_alg {
	size_t public_len;
	/* A fresh private value. */
	int (*generate)(uint8_t secret[KEX_PRIVATE_LEN]);
	/* Its public value, public_len bytes. */
	int (*derive)(const uint8_t secret[KEX_PRIVATE_LEN], uint8_t *public);
	/* With the peer's public value. Negative: malformed, not on the curve, of low order. */
	int (*agree)(const uint8_t secret[KEX_PRIVATE_LEN], struct span peer,
	    uint8_t ret[KEX_SECRET_LEN]);
};
extern const struct kex_alg kex_x25519, kex_p256;

#endif
