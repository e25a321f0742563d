/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher: one direction of an encrypted SSH packet stream, in place.
 *
 * A packet here is "uint32 length, length bytes" (RFC 4253 section 6), followed
 * by cipher_tag_len() bytes that authenticate it. The caller does framing,
 * padding and sequence numbers; lib/ssh is the only caller.
 *
 * aes256-gcm@openssh.com        RFC 5647, cipher_gcm.c
 * chacha20-poly1305@openssh.com OpenSSH PROTOCOL.chacha20poly1305, cipher_chacha.c
 * aes128-ctr, aes256-ctr        RFC 4344, cipher_ctr.c, with hmac-sha2-256 or -512
 *                               (RFC 6668), plain or encrypt-then-mac
 */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include "base/buf.h"

enum { CIPHER_KEY_MAX = 64, CIPHER_IV_MAX = 16, CIPHER_TAG_MAX = 64, CIPHER_PEEK_MAX = 16 };

struct cipher_ops; /* cipher_priv.h */

struct cipher_alg {
	const char *name;
	const struct cipher_ops *ops;
	uint8_t key_len; /* bytes */
	uint8_t iv_len;
	uint8_t block; /* packets are padded to a multiple of this */
	bool aead;     /* needs no MAC */
};

struct mac_alg; /* cipher_priv.h */

/* By name; NULL when unknown, or when this CPU has no hardware for it (aes256-gcm without AES-NI: a
 * table-based AES would leak through the cache and crawl). */
const struct cipher_alg *cipher_find(struct span name);
const struct mac_alg *mac_find(struct span name);
/* What to propose, best first, as comma lists. */
const char *cipher_default_list(void);
const char *mac_default_list(void);

struct cipher;

/* Keys as derived by RFC 4253 section 7.2: key_len bytes of key, iv_len of iv, the MAC's key_len of
 * mac_key. */
struct cipher_keys {
	const uint8_t *key, *iv, *mac_key;
};

/* mac is NULL exactly when alg->aead. Negative: no memory or no such combination. */
int cipher_new(struct cipher **ret, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys);
void cipher_free(struct cipher *c); /* zeroes; NULL is fine */

size_t cipher_tag_len(const struct cipher *c);
/* What padding must round up to, and whether the length field is left out of that count (AEAD,
 * etm). */
size_t cipher_block(const struct cipher *c);
bool cipher_length_apart(const struct cipher *c);

/* The same, but the bytes p[at..at + body.n) of the packet are still elsewhere, in body: they are encrypted on their way
 * instead of being copied first. 4 <= at, at + body.n <= n. */
void
cipher_seal_body(struct cipher *c, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body);

/* How many bytes cipher_peek needs to tell a packet's length. */
size_t cipher_peek_len(const struct cipher *c);
/* The packet's length field. To be called exactly once a packet, before cipher_open: it may decrypt
 * in place. */
uint32_t cipher_peek(struct cipher *c, uint32_t seq, uint8_t *p);
/* Checks the tag behind p[0..n) and decrypts in place. Negative: forged or damaged, nothing may be
 * believed. */
int cipher_open(struct cipher *c, uint32_t seq, uint8_t *p, size_t n);

#endif
