/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex: see kex.h. The curves are in kex_x25519.c and kex_p256.c. Called by the SSH engine; touches memory only.
 */
#include "crypto/kex.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/suite.h"

struct kex_pair {
	const struct kex_alg *alg;
	uint8_t secret[KEX_PRIVATE_LEN];
	uint8_t public[KEX_PUBLIC_MAX];
};

bool
kex_available(enum kex_curve curve)
{
	return suite_kex[curve] != NULL;
}

/* secret NULL: a fresh one. */
static int
pair_make(struct kex_pair **ret, enum kex_curve curve, const uint8_t *secret)
{
	const struct kex_alg *alg = suite_kex[curve];
	struct kex_pair *pair = alg ? calloc(1, sizeof(*pair)) : NULL;
	int r = 0;

	*ret = NULL;
	if (!pair)
		return -1;
	pair->alg = alg;
	if (secret)
		memcpy(pair->secret, secret, sizeof(pair->secret));
	else
		r = alg->generate(pair->secret);
	if (r < 0 || alg->derive(pair->secret, pair->public) < 0) {
		kex_pair_free(pair);
		return -1;
	}
	*ret = pair;
	return 0;
}

int
kex_pair_from_secret(struct kex_pair **ret, enum kex_curve curve, const uint8_t secret[32])
{
	return pair_make(ret, curve, secret);
}

int
kex_pair_new(struct kex_pair **ret, enum kex_curve curve)
{
	return pair_make(ret, curve, NULL);
}

void
kex_pair_free(struct kex_pair *pair)
{
	if (!pair)
		return;
	secret_zero(pair, sizeof(*pair));
	free(pair);
}

struct span
kex_pair_public(const struct kex_pair *pair)
{
	return (struct span){ pair->public, pair->alg->public_len };
}

int
kex_pair_secret(const struct kex_pair *pair, struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	return pair->alg->agree(pair->secret, peer, ret);
}

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
