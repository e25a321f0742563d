/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_box: see sealed_box.h. Called by lib/backup. Pure but for the key that every box has of its own.
 */
#include "crypto/sealed_box.h"

#include <sodium.h>

_Static_assert(SEALED_BOX_KEY_BYTES == crypto_box_PUBLICKEYBYTES &&
	SEALED_BOX_KEY_BYTES == crypto_box_SECRETKEYBYTES,
    "the keys fit");

int
sealed_box_public(const struct secret *key, uint8_t ret[SEALED_BOX_KEY_BYTES])
{
	if (key->n != SEALED_BOX_KEY_BYTES)
		return -1;
	return crypto_scalarmult_base(ret, key->p);
}

int
sealed_box_close(const uint8_t public[SEALED_BOX_KEY_BYTES], struct span plain, struct buf *ret)
{
	uint8_t *dst = buf_reserve(ret, plain.n + crypto_box_SEALBYTES);

	if (!dst || crypto_box_seal(dst, plain.p, plain.n, public) != 0)
		return -1;
	buf_commit(ret, plain.n + crypto_box_SEALBYTES);
	return 0;
}

int
sealed_box_open(const struct secret *key, struct span sealed, struct secret **ret)
{
	uint8_t public[SEALED_BOX_KEY_BYTES];
	struct secret *s;

	*ret = NULL;
	/* Guarded memory of no size cannot be had, and nobody seals nothing. */
	if (sealed.n <= crypto_box_SEALBYTES || sealed_box_public(key, public) < 0)
		return -1;
	s = secret_new(sealed.n - crypto_box_SEALBYTES);
	if (!s)
		return -1;
	if (crypto_box_seal_open(s->p, sealed.p, sealed.n, public, key->p) != 0) {
		secret_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}
