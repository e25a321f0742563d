/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmac: by libsodium, whose state can be copied. Called by cipher_ctr.c. Pure; its owner wipes it.
 */
#include "crypto/hmac.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_auth_hmacsha256_state) <= sizeof(((struct hmac *)0)->state),
    "the state fits");
_Static_assert(sizeof(crypto_auth_hmacsha512_state) <= sizeof(((struct hmac *)0)->state),
    "the state fits");

/* The key goes into the state once; each tag begins with a copy of that, and saves two blocks of
 * hashing a packet. The copy is wiped by libsodium at the tag's end. */
void
hmac_init(struct hmac *h, enum hmac_hash hash, struct span key)
{
	h->hash = hash;
	if (hash == HMAC_SHA256)
		crypto_auth_hmacsha256_init((void *)h->state, key.p, key.n);
	else
		crypto_auth_hmacsha512_init((void *)h->state, key.p, key.n);
}

void
hmac_tag(const struct hmac *h, const struct span *parts, size_t n, uint8_t *ret)
{
	if (h->hash == HMAC_SHA256) {
		crypto_auth_hmacsha256_state st;

		memcpy(&st, h->state, sizeof st);
		for (size_t i = 0; i < n; i++)
			crypto_auth_hmacsha256_update(&st, parts[i].p, parts[i].n);
		crypto_auth_hmacsha256_final(&st, ret);
	} else {
		crypto_auth_hmacsha512_state st;

		memcpy(&st, h->state, sizeof st);
		for (size_t i = 0; i < n; i++)
			crypto_auth_hmacsha512_update(&st, parts[i].p, parts[i].n);
		crypto_auth_hmacsha512_final(&st, ret);
	}
}
