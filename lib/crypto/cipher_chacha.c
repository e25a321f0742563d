/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher_chacha: chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305) by OpenSSL's libcrypto. Called by
 * cipher.c.
 */
#include <openssl/evp.h>
#include <string.h>

#include "crypto/chacha20.h"
#include "crypto/cipher_priv.h"
#include "crypto/secret.h"

enum { TAG = CIPHER_AEAD_TAG, HALF = 32 };

struct state {
	EVP_CIPHER_CTX *ctx; /* keyed for the payload */
	uint8_t length_key[HALF];
};

/* Keyed anew for each packet, so one does for all of them. */
static _Thread_local EVP_MAC_CTX *poly1305_ctx;

static int
init(void *state, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	struct state *s = state;

	(void)alg, (void)mac;
	if (!poly1305_ctx) {
		EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);

		poly1305_ctx = EVP_MAC_CTX_new(poly1305);
		EVP_MAC_free(poly1305);
	}
	/* K_1 of the specification: the second half, for lengths only. */
	memcpy(s->length_key, keys->key + HALF, HALF);
	s->ctx = EVP_CIPHER_CTX_new();
	if (!poly1305_ctx || !s->ctx)
		return -1;
	return EVP_CipherInit_ex(s->ctx, EVP_chacha20(), NULL, keys->key, NULL, 1) == 1 ? 0 : -1;
}

static void
done(void *state)
{
	EVP_CIPHER_CTX_free(((struct state *)state)->ctx); /* zeroes what it frees */
}

/* The length field has a key of its own; four bytes are not worth a context of OpenSSL's. */
static void
crypt_length(const struct state *s, uint32_t seq, uint8_t p[4])
{
	uint8_t nonce[8] = { 0 };

	cipher_put_be32(nonce + 4, seq);
	chacha20_xor(s->length_key, nonce, p, 4);
}

/* Begins a packet: the first block of the key stream is Poly1305's key, the payload's begins after it. */
static bool
begin(struct state *s, uint32_t seq, uint8_t key[64])
{
	uint8_t iv[16] = { 0 }; /* block counter, then the sequence number, eight bytes each */
	int len;

	cipher_put_be32(iv + 12, seq);
	memset(key, 0, 64);
	return EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, iv, 1) == 1 &&
	    EVP_CipherUpdate(s->ctx, key, &len, key, 64) == 1;
}

static bool
poly1305(const uint8_t *p, size_t n, const uint8_t key[32], uint8_t tag[TAG])
{
	size_t len;

	return EVP_MAC_init(poly1305_ctx, key, 32, NULL) == 1 &&
	    EVP_MAC_update(poly1305_ctx, p, n) == 1 &&
	    EVP_MAC_final(poly1305_ctx, tag, &len, TAG) == 1;
}

static void
seal(void *state, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	struct state *s = state;
	uint8_t key[64];
	int len;

	if (body.n)
		memcpy(p + at, body.p, body.n);
	crypt_length(s, seq, p);
	if (!begin(s, seq, key) ||
	    EVP_CipherUpdate(s->ctx, p + 4, &len, p + 4, (int)(n - 4)) != 1 ||
	    !poly1305(p, n, key, p + n))
		memset(p + 4, 0,
		    n - 4 + TAG); /* cannot be; the connection breaks and shows nothing */
	secret_zero(key, sizeof(key));
}

static uint32_t
peek(void *state, uint32_t seq, uint8_t *p)
{
	uint8_t len[4];

	/* On a copy: the tag is over the encrypted length, which open_packet still needs. */
	memcpy(len, p, sizeof(len));
	crypt_length(state, seq, len);
	return cipher_be32(len);
}

static int
open_packet(void *state, uint32_t seq, uint8_t *p, size_t n)
{
	struct state *s = state;
	uint8_t key[64], tag[TAG];
	/* The tag first: nothing is decrypted that was not written by the peer. */
	bool ok = begin(s, seq, key) && poly1305(p, n, key, tag) &&
	    secret_equal((struct span){ tag, TAG }, (struct span){ p + n, TAG });
	int len;

	secret_zero(key, sizeof(key));
	if (!ok)
		return -1;
	crypt_length(s, seq, p);
	return EVP_CipherUpdate(s->ctx, p + 4, &len, p + 4, (int)(n - 4)) == 1 ? 0 : -1;
}

const struct cipher_ops cipher_chacha = { NULL, sizeof(struct state), init, done, seal, peek,
	open_packet };
