/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex_hash: the hashes of a key exchange; see kex.h. Apart from kex.c so that who only hashes (noded's monitor, which signs
 * exchanges) links no curve. Touches memory only.
 */
#include "crypto/kex.h"

#include "crypto/secret.h"
#include "crypto/sha256.h"

/* The state held what keys are derived from. */
void
kex_hash(const struct span *parts, size_t n, uint8_t ret[KEX_HASH_LEN])
{
	struct sha256 h;

	sha256_init(&h);
	for (size_t i = 0; i < n; i++)
		sha256_add(&h, parts[i].p, parts[i].n);
	sha256_end(&h, ret);
	secret_zero(&h, sizeof(h));
}

void
kex_transcript_hash(const struct kex_transcript *t, uint8_t ret[KEX_HASH_LEN])
{
	uint8_t lengths[KEX_PARTS][4];
	struct span all[2 * KEX_PARTS];

	/* A length and bytes each (RFC 5656 section 4: strings, and K an mpint). Without the
	 * lengths two transcripts could have one hash. */
	for (size_t i = 0; i < KEX_PARTS; i++) {
		uint32_t n = (uint32_t)t->part[i].n;

		for (size_t k = 0; k < 4; k++)
			lengths[i][k] = (uint8_t)(n >> (24 - 8 * k));
		all[2 * i] = (struct span){ lengths[i], sizeof(lengths[i]) };
		all[2 * i + 1] = t->part[i];
	}
	kex_hash(all, 2 * KEX_PARTS, ret);
}
