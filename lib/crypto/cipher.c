/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher: see cipher.h. Bulk data passes through here; nothing is copied and nothing is allocated
 * per packet.
 *
 * AES-GCM (gcm.c) and ChaCha20-Poly1305 are OpenSSL's, the library that gRPC brings along: they are
 * most of what proxyd does. libsodium takes two and a half times as long for either, mbedTLS sixteen
 * times for GCM (its GHASH goes block by block).
 */
#include "crypto/cipher.h"

#include <mbedtls/aes.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/gcm.h"

enum { KIND_GCM, KIND_CHACHA, KIND_CTR };
enum { KIND_SHA256, KIND_SHA512 };
enum { CHACHA_TAG = 16, CHACHA_HALF = 32, AES_BLOCK = 16 };

static const struct cipher_alg ciphers[] = {
	{ "aes256-gcm@openssh.com", KIND_GCM, 32, 12, 16, true },
	{ "chacha20-poly1305@openssh.com", KIND_CHACHA, 64, 0, 8, true },
	{ "aes256-ctr", KIND_CTR, 32, 16, 16, false },
	{ "aes128-ctr", KIND_CTR, 16, 16, 16, false },
};

static const struct mac_alg macs[] = {
	{ "hmac-sha2-256-etm@openssh.com", KIND_SHA256, 32, true },
	{ "hmac-sha2-512-etm@openssh.com", KIND_SHA512, 64, true },
	{ "hmac-sha2-256", KIND_SHA256, 32, false },
	{ "hmac-sha2-512", KIND_SHA512, 64, false },
};

struct gcm_state {
	struct gcm *gcm;
	uint8_t iv[GCM_IV];
};

struct chacha_state {
	EVP_CIPHER_CTX *ctx; /* keyed for the payload */
	uint8_t length_key[CHACHA_HALF];
};

/* Keyed anew for each packet, so one does for all of them. */
static _Thread_local EVP_MAC_CTX *poly1305_ctx;

struct ctr_state {
	mbedtls_aes_context aes;
	uint8_t counter[AES_BLOCK], stream[AES_BLOCK];
	size_t used; /* bytes of stream that are used up */
	union {      /* keyed, ready to be copied for each packet */
		crypto_auth_hmacsha256_state sha256;
		crypto_auth_hmacsha512_state sha512;
	} mac;
};

struct cipher {
	const struct cipher_alg *alg;
	const struct mac_alg *mac; /* NULL for AEAD */
	size_t size;               /* of this allocation, to wipe it */
	union {
		struct gcm_state gcm;
		struct chacha_state chacha;
		struct ctr_state ctr;
	} u;
};

const struct cipher_alg *
cipher_find(struct span name)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (span_is(name, ciphers[i].name)) {
			if (ciphers[i].kind == KIND_GCM && !crypto_aead_aes256gcm_is_available())
				return NULL;
			return &ciphers[i];
		}
	return NULL;
}

const struct mac_alg *
mac_find(struct span name)
{
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
		if (span_is(name, macs[i].name))
			return &macs[i];
	return NULL;
}

const char *
cipher_default_list(void)
{
	if (crypto_aead_aes256gcm_is_available())
		return "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";
	return "chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";
}

const char *
mac_default_list(void)
{
	return "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";
}

static size_t
state_size(const struct cipher_alg *alg)
{
	size_t head = offsetof(struct cipher, u);

	switch (alg->kind) {
	case KIND_GCM:
		return head + sizeof(struct gcm_state);
	case KIND_CHACHA:
		return head + sizeof(struct chacha_state);
	default:
		return head + sizeof(struct ctr_state);
	}
}

static int
ctr_init(struct ctr_state *s, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	mbedtls_aes_init(&s->aes);
	if (mbedtls_aes_setkey_enc(&s->aes, keys->key, alg->key_len * 8u) != 0)
		return -1;
	memcpy(s->counter, keys->iv, sizeof(s->counter));
	s->used = 0;
	if (mac->kind == KIND_SHA256)
		crypto_auth_hmacsha256_init(&s->mac.sha256, keys->mac_key, mac->key_len);
	else
		crypto_auth_hmacsha512_init(&s->mac.sha512, keys->mac_key, mac->key_len);
	return 0;
}

static int
gcm_init(struct gcm_state *s, const struct cipher_keys *keys)
{
	memcpy(s->iv, keys->iv, sizeof(s->iv));
	return gcm_new(&s->gcm, keys->key, GCM_BY_BEST);
}

static int
chacha_init(struct chacha_state *s, const struct cipher_keys *keys)
{
	if (!poly1305_ctx) {
		EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);

		poly1305_ctx = EVP_MAC_CTX_new(mac);
		EVP_MAC_free(mac);
	}
	memcpy(s->length_key, keys->key + CHACHA_HALF, CHACHA_HALF);
	s->ctx = EVP_CIPHER_CTX_new();
	if (!poly1305_ctx || !s->ctx)
		return -1;
	return EVP_CipherInit_ex(s->ctx, EVP_chacha20(), NULL, keys->key, NULL, 1) == 1 ? 0 : -1;
}

int
cipher_new(struct cipher **ret, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	size_t size = state_size(alg);
	struct cipher *c;
	int r = 0;

	*ret = NULL;
	if (alg->aead != (mac == NULL))
		return -1;
	c = calloc(1, size);
	if (!c)
		return -1;
	c->alg = alg;
	c->mac = mac;
	c->size = size;
	if (alg->kind == KIND_GCM) {
		r = gcm_init(&c->u.gcm, keys);
	} else if (alg->kind == KIND_CHACHA) {
		r = chacha_init(&c->u.chacha, keys);
	} else {
		r = ctr_init(&c->u.ctr, alg, mac, keys);
	}
	if (r < 0) {
		cipher_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void
cipher_free(struct cipher *c)
{
	if (!c)
		return;
	if (c->alg->kind == KIND_GCM)
		gcm_free(c->u.gcm.gcm);
	else if (c->alg->kind == KIND_CHACHA)
		EVP_CIPHER_CTX_free(c->u.chacha.ctx); /* zeroes what it frees */
	sodium_memzero(c, c->size);
	free(c);
}

size_t
cipher_tag_len(const struct cipher *c)
{
	return c->mac ? c->mac->key_len : GCM_TAG;
}

size_t
cipher_block(const struct cipher *c)
{
	return c->alg->block;
}

bool
cipher_length_apart(const struct cipher *c)
{
	return c->alg->aead || c->mac->etm;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* --- AES-256-GCM ---------------------------------------------------------- */

/* The last eight bytes count packets (RFC 5647 section 7.1). */
static void
gcm_next_iv(uint8_t iv[12])
{
	for (int i = 11; i >= 4; i--)
		if (++iv[i] != 0)
			return;
}

static void
gcm_packet_seal(struct gcm_state *s, uint8_t *p, size_t n, size_t at, struct span body)
{
	gcm_seal(s->gcm, s->iv, p, n, at, body);
	gcm_next_iv(s->iv);
}

static int
gcm_packet_open(struct gcm_state *s, uint8_t *p, size_t n)
{
	int r = gcm_open(s->gcm, s->iv, p, n);

	gcm_next_iv(s->iv);
	return r;
}

/* --- ChaCha20-Poly1305 ---------------------------------------------------- */

/* The length field has a key of its own; four bytes are not worth a context of OpenSSL's. */
static void
chacha_length(const struct chacha_state *s, uint32_t seq, uint8_t p[4])
{
	uint8_t nonce[8] = { 0 };

	put_be32(nonce + 4, seq);
	crypto_stream_chacha20_xor_ic(p, p, 4, nonce, 0, s->length_key);
}

/* Begins a packet: the first block of the key stream is Poly1305's key, the payload's begins after it. */
static bool
chacha_begin(struct chacha_state *s, uint32_t seq, uint8_t key[64])
{
	uint8_t iv[16] = { 0 }; /* block counter, then the sequence number, eight bytes each */
	int done;

	put_be32(iv + 12, seq);
	memset(key, 0, 64);
	return EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, iv, 1) == 1 &&
	    EVP_CipherUpdate(s->ctx, key, &done, key, 64) == 1;
}

static bool
poly1305(const uint8_t *p, size_t n, const uint8_t key[32], uint8_t tag[CHACHA_TAG])
{
	size_t len;

	return EVP_MAC_init(poly1305_ctx, key, 32, NULL) == 1 &&
	    EVP_MAC_update(poly1305_ctx, p, n) == 1 &&
	    EVP_MAC_final(poly1305_ctx, tag, &len, CHACHA_TAG) == 1;
}

static void
chacha_seal(struct chacha_state *s, uint32_t seq, uint8_t *p, size_t n)
{
	uint8_t key[64];
	int done;

	chacha_length(s, seq, p);
	if (!chacha_begin(s, seq, key) ||
	    EVP_CipherUpdate(s->ctx, p + 4, &done, p + 4, (int)(n - 4)) != 1 ||
	    !poly1305(p, n, key, p + n))
		memset(p + 4, 0,
		    n - 4 + CHACHA_TAG); /* cannot be; the connection breaks and shows nothing */
	sodium_memzero(key, sizeof(key));
}

static int
chacha_open(struct chacha_state *s, uint32_t seq, uint8_t *p, size_t n)
{
	uint8_t key[64], tag[CHACHA_TAG];
	bool ok = chacha_begin(s, seq, key) && poly1305(p, n, key, tag) &&
	    sodium_memcmp(tag, p + n, sizeof(tag)) == 0;
	int done;

	sodium_memzero(key, sizeof(key));
	if (!ok)
		return -1;
	chacha_length(s, seq, p);
	return EVP_CipherUpdate(s->ctx, p + 4, &done, p + 4, (int)(n - 4)) == 1 ? 0 : -1;
}

/* --- AES-CTR with HMAC ------------------------------------------------------ */

static void
ctr_crypt(struct ctr_state *s, uint8_t *p, size_t n)
{
	mbedtls_aes_crypt_ctr(&s->aes, n, &s->used, s->counter, s->stream, p, p);
}

static void
ctr_mac(const struct cipher *c, uint32_t seq, const uint8_t *p, size_t n, uint8_t *tag)
{
	uint8_t count[4];

	put_be32(count, seq);
	if (c->mac->kind == KIND_SHA256) {
		crypto_auth_hmacsha256_state st = c->u.ctr.mac.sha256;

		crypto_auth_hmacsha256_update(&st, count, sizeof(count));
		crypto_auth_hmacsha256_update(&st, p, n);
		crypto_auth_hmacsha256_final(&st, tag);
	} else {
		crypto_auth_hmacsha512_state st = c->u.ctr.mac.sha512;

		crypto_auth_hmacsha512_update(&st, count, sizeof(count));
		crypto_auth_hmacsha512_update(&st, p, n);
		crypto_auth_hmacsha512_final(&st, tag);
	}
}

static void
ctr_seal(struct cipher *c, uint32_t seq, uint8_t *p, size_t n)
{
	if (c->mac->etm) {
		ctr_crypt(&c->u.ctr, p + 4, n - 4);
		ctr_mac(c, seq, p, n, p + n);
	} else {
		ctr_mac(c, seq, p, n, p + n);
		ctr_crypt(&c->u.ctr, p, n);
	}
}

static int
ctr_open(struct cipher *c, uint32_t seq, uint8_t *p, size_t n)
{
	uint8_t tag[CIPHER_TAG_MAX];

	if (!c->mac->etm) /* the first block was decrypted by cipher_peek */
		ctr_crypt(&c->u.ctr, p + AES_BLOCK, n - AES_BLOCK);
	ctr_mac(c, seq, p, n, tag);
	if (sodium_memcmp(tag, p + n, c->mac->key_len) != 0)
		return -1;
	if (c->mac->etm)
		ctr_crypt(&c->u.ctr, p + 4, n - 4);
	return 0;
}

/* -------------------------------------------------------------------------- */

void
cipher_seal_body(struct cipher *c, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	if (c->alg->kind == KIND_GCM) {
		gcm_packet_seal(&c->u.gcm, p, n, at, body);
		return;
	}
	if (body.n)
		memcpy(p + at, body.p, body.n);
	if (c->alg->kind == KIND_CHACHA)
		chacha_seal(&c->u.chacha, seq, p, n);
	else
		ctr_seal(c, seq, p, n);
}

void
cipher_seal(struct cipher *c, uint32_t seq, uint8_t *p, size_t n)
{
	cipher_seal_body(c, seq, p, n, 4, (struct span){ NULL, 0 });
}

size_t
cipher_peek_len(const struct cipher *c)
{
	return c->mac && !c->mac->etm ? AES_BLOCK : 4;
}

uint32_t
cipher_peek(struct cipher *c, uint32_t seq, uint8_t *p)
{
	if (c->alg->kind == KIND_CHACHA) {
		uint8_t len[4];

		memcpy(len, p, sizeof(len));
		chacha_length(&c->u.chacha, seq, len);
		return be32(len);
	}
	if (c->mac && !c->mac->etm)
		ctr_crypt(&c->u.ctr, p, AES_BLOCK);
	return be32(p);
}

int
cipher_open(struct cipher *c, uint32_t seq, uint8_t *p, size_t n)
{
	if (c->alg->kind == KIND_GCM)
		return gcm_packet_open(&c->u.gcm, p, n);
	if (c->alg->kind == KIND_CHACHA)
		return chacha_open(&c->u.chacha, seq, p, n);
	return ctr_open(c, seq, p, n);
}
