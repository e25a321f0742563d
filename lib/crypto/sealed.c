/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed: secrets at rest. Called by authd (one-time password secrets) and its signer (CA keys).
 * Pure but for the nonce.
 *
 * magic 8 bytes, nonce 24 bytes, XChaCha20-Poly1305 of the plaintext with the label as additional
 * data.
 */
#include "crypto/sealed.h"

#include <sodium.h>
#include <string.h>

static const char magic[8] = { 'S', 'A', 'L', 'L', 'Y', 'S', '1', '\n' };
enum {
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	HEAD = sizeof magic + NONCE,
};
_Static_assert(SEALED_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key fits");

int
sealed_close(const struct secret *key, const char *label, struct span plain, struct buf *ret)
{
	struct span l = span_str(label);
	uint8_t nonce[NONCE], *dst;
	unsigned long long n;

	if (key->n != SEALED_KEY_BYTES || plain.n > SEALED_MAX)
		return -1;
	/* 24 random bytes do not come twice, so no counter has to be kept beside the key. */
	randombytes_buf(nonce, sizeof nonce);
	buf_put(ret, magic, sizeof magic);
	buf_put(ret, nonce, sizeof nonce);
	dst = buf_reserve(ret, plain.n + TAG);
	if (!dst || !buf_ok(ret))
		return -1;
	/* The label is bound in: one sealed secret put in the place of another does not open. */
	crypto_aead_xchacha20poly1305_ietf_encrypt(dst, &n, plain.p, plain.n, l.p, l.n, NULL, nonce,
	    key->p);
	buf_commit(ret, (size_t)n);
	return 0;
}

int
sealed_open(const struct secret *key, const char *label, struct span sealed, struct secret **ret)
{
	struct span l = span_str(label);
	struct secret *s;

	*ret = NULL;
	/* An empty plaintext is never sealed by us, and guarded memory of no size cannot be had. */
	if (key->n != SEALED_KEY_BYTES || sealed.n <= HEAD + TAG ||
	    sealed.n > SEALED_MAX + HEAD + TAG || memcmp(sealed.p, magic, sizeof magic) != 0)
		return -1;
	s = secret_new(sealed.n - HEAD - TAG);
	if (!s)
		return -1;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(s->p, NULL, NULL, sealed.p + HEAD,
		sealed.n - HEAD, l.p, l.n, sealed.p + sizeof magic, key->p) != 0) {
		secret_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}
