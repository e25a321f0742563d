/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher_priv: one family of ciphers behind cipher.c; each in a file of its own, by the library that does it.
 */
#ifndef CRYPTO_CIPHER_PRIV_H
#define CRYPTO_CIPHER_PRIV_H

#include "crypto/cipher.h"
#include "crypto/hmac.h"

enum { CIPHER_AEAD_TAG = 16, CIPHER_AES_BLOCK = 16 };

struct mac_alg {
	const char *name;
	enum hmac_hash hash;
	uint8_t key_len; /* bytes; the tag is as long */
	bool etm;        /* authenticates what is sent, length in the clear */
};

/* What cipher.h says of seal, peek and open, for one direction's state. */
struct cipher_ops {
	bool (*available)(void); /* with this processor; NULL: always */
	size_t state_size;
	int (*init)(void *state, const struct cipher_alg *alg, const struct mac_alg *mac,
	    const struct cipher_keys *keys);
	void (*done)(void *
		state); /* what init took, also half-way; the state is wiped behind it. May be NULL */
	void (*seal)(void *state, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body);
	uint32_t (*peek)(void *state, uint32_t seq, uint8_t *p);
	int (*open)(void *state, uint32_t seq, uint8_t *p, size_t n);
};
extern const struct cipher_ops cipher_gcm, cipher_chacha, cipher_ctr;

/* Numbers as SSH writes them. */
static inline uint32_t
cipher_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
cipher_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

#endif
