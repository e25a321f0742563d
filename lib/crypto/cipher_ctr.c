/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher_ctr: aes128-ctr and aes256-ctr (RFC 4344) by mbedTLS, with an HMAC (hmac.c). For old clients. Called by
 * cipher.c.
 */
#include <mbedtls/aes.h>
#include <string.h>

#include "crypto/cipher_priv.h"
#include "crypto/secret.h"

enum { BLOCK = CIPHER_AES_BLOCK };

struct state {
	const struct mac_alg *alg;
	struct hmac mac;
	mbedtls_aes_context aes;
	uint8_t counter[BLOCK], stream[BLOCK];
	size_t used; /* bytes of stream that are used up */
};

static int
init(void *state, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	struct state *s = state;

	mbedtls_aes_init(&s->aes);
	if (mbedtls_aes_setkey_enc(&s->aes, keys->key, alg->key_len * 8u) != 0)
		return -1;
	memcpy(s->counter, keys->iv, sizeof(s->counter));
	s->used = 0;
	s->alg = mac;
	hmac_init(&s->mac, mac->hash, (struct span){ keys->mac_key, mac->key_len });
	return 0;
}

static void
done(void *state)
{
	mbedtls_aes_free(&((struct state *)state)->aes);
}

/* The key stream goes on from packet to packet (RFC 4344 section 4): every byte must pass here
 * exactly once, in order. */
static void
crypt_bytes(struct state *s, uint8_t *p, size_t n)
{
	mbedtls_aes_crypt_ctr(&s->aes, n, &s->used, s->counter, s->stream, p, p);
}

static void
tag_of(const struct state *s, uint32_t seq, const uint8_t *p, size_t n, uint8_t *tag)
{
	uint8_t count[4];
	const struct span parts[] = { { count, sizeof(count) }, { p, n } };

	cipher_put_be32(count, seq);
	hmac_tag(&s->mac, parts, 2, tag);
}

static void
seal(void *state, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	struct state *s = state;

	if (body.n)
		memcpy(p + at, body.p, body.n);
	/* Encrypt-then-MAC leaves the length in the clear and the tag covers the ciphertext; the
	 * older way tags the plaintext (RFC 4253 section 6.4). */
	if (s->alg->etm) {
		crypt_bytes(s, p + 4, n - 4);
		tag_of(s, seq, p, n, p + n);
	} else {
		tag_of(s, seq, p, n, p + n);
		crypt_bytes(s, p, n);
	}
}

static uint32_t
peek(void *state, uint32_t seq, uint8_t *p)
{
	struct state *s = state;

	(void)seq;
	if (!s->alg->etm)
		crypt_bytes(s, p, BLOCK);
	return cipher_be32(p);
}

static int
open_packet(void *state, uint32_t seq, uint8_t *p, size_t n)
{
	struct state *s = state;
	uint8_t tag[CIPHER_TAG_MAX];
	size_t len = s->alg->key_len;

	if (!s->alg->etm) /* the first block was decrypted by peek */
		crypt_bytes(s, p + BLOCK, n - BLOCK);
	tag_of(s, seq, p, n, tag);
	if (!secret_equal((struct span){ tag, len }, (struct span){ p + n, len }))
		return -1;
	if (s->alg->etm)
		crypt_bytes(s, p + 4, n - 4);
	return 0;
}

const struct cipher_ops cipher_ctr = { NULL, sizeof(struct state), init, done, seal, peek,
	open_packet };
