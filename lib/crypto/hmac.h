/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmac: HMAC (RFC 2104) with SHA-2, keyed once and used for many texts.
 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/buf.h"

enum hmac_hash { HMAC_SHA256, HMAC_SHA512 };

struct hmac {
	enum hmac_hash hash;
	_Alignas(8) uint8_t state[416]; /* keyed, ready to be copied for each text */
};

void hmac_init(struct hmac *h, enum hmac_hash hash, struct span key);
/* The tag of the parts, one after the other: 32 bytes, or 64 of SHA-512. */
void hmac_tag(const struct hmac *h, const struct span *parts, size_t n, uint8_t *ret);

#endif
