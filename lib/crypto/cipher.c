/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher: see cipher.h. Bulk data passes through here; nothing is copied and nothing is allocated
 * per packet.
 *
 * cipher_gcm.c, cipher_chacha.c and cipher_ctr.c do the work, over the libraries that do it fastest: AES-GCM (gcm.c)
 * and ChaCha20-Poly1305 are most of what proxyd does. libsodium takes two and a half times as long as OpenSSL for
 * either, mbedTLS sixteen times for GCM (its GHASH goes block by block).
 */
#include "crypto/cipher.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/suite.h"

static const struct mac_alg macs[] = {
	{ "hmac-sha2-256-etm@openssh.com", HMAC_SHA256, 32, true },
	{ "hmac-sha2-512-etm@openssh.com", HMAC_SHA512, 64, true },
	{ "hmac-sha2-256", HMAC_SHA256, 32, false },
	{ "hmac-sha2-512", HMAC_SHA512, 64, false },
};

struct cipher {
	const struct cipher_alg *alg;
	const struct cipher_ops *ops; /* alg's */
	const struct mac_alg *mac;    /* NULL for AEAD */
	_Alignas(16) uint8_t state[];
};

/* AES-GCM is not, without instructions for it: see gcm_available. */
static bool
is_available(const struct cipher_alg *alg)
{
	return !alg->ops->available || alg->ops->available();
}

/* NULL: unknown, or not with this processor. Such a cipher is not in cipher_default_list either,
 * but a configured list may still name it. */
const struct cipher_alg *
cipher_find(struct span name)
{
	for (size_t i = 0; i < suite_n_ciphers; i++)
		if (span_is(name, suite_ciphers[i].name))
			return is_available(&suite_ciphers[i]) ? &suite_ciphers[i] : NULL;
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

/* Made once; the processor does not change. */
const char *
cipher_default_list(void)
{
	static char list[256];
	size_t len = 0;

	if (list[0])
		return list;
	for (size_t i = 0; i < suite_n_ciphers; i++) {
		const char *name = suite_ciphers[i].name;
		size_t n = strlen(name);

		if (!is_available(&suite_ciphers[i]) || len + n + 2 > sizeof(list))
			continue;
		if (len > 0)
			list[len++] = ',';
		memcpy(list + len, name, n + 1);
		len += n;
	}
	return list;
}

const char *
mac_default_list(void)
{
	return "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";
}

int
cipher_new(struct cipher **ret, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	struct cipher *c;

	*ret = NULL;
	/* A cipher that authenticates nothing itself must not be had without a MAC, by whatever
	 * mistake above. */
	if (alg->aead != (mac == NULL))
		return -1;
	c = calloc(1, sizeof(*c) + alg->ops->state_size);
	if (!c)
		return -1;
	c->alg = alg;
	c->ops = alg->ops;
	c->mac = mac;
	if (c->ops->init(c->state, alg, mac, keys) < 0) {
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
	if (c->ops->done)
		c->ops->done(c->state);
	/* Keys and counters; what a library has allocated for itself it has wiped in done. */
	secret_zero(c->state, c->ops->state_size);
	free(c);
}

size_t
cipher_tag_len(const struct cipher *c)
{
	return c->mac ? c->mac->key_len : CIPHER_AEAD_TAG;
}

size_t
cipher_block(const struct cipher *c)
{
	return c->alg->block;
}

bool
cipher_length_apart(const struct cipher *c)
{
	/* Then the length is not part of what is padded to whole blocks (RFC 5647 section 7.2;
	 * OpenSSH PROTOCOL section 1.5). */
	return c->alg->aead || c->mac->etm;
}

void
cipher_seal_body(struct cipher *c, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	c->ops->seal(c->state, seq, p, n, at, body);
}

size_t
cipher_peek_len(const struct cipher *c)
{
	/* RFC 4253 section 6: the length is encrypted with the rest, and the first block is the
	 * least that can be decrypted. */
	return c->mac && !c->mac->etm ? CIPHER_AES_BLOCK : 4;
}

uint32_t
cipher_peek(struct cipher *c, uint32_t seq, uint8_t *p)
{
	return c->ops->peek(c->state, seq, p);
}

int
cipher_open(struct cipher *c, uint32_t seq, uint8_t *p, size_t n)
{
	return c->ops->open(c->state, seq, p, n);
}
