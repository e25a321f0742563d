/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex: see kex.h. The curves are in kex_x25519.c and kex_p256.c. Called by the SSH engine; touches memory only.
 */
#include "crypto/kex.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
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
