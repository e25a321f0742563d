/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cipher_gcm: aes256-gcm@openssh.com (RFC 5647) over gcm.h. Called by cipher.c.
 */
#include <string.h>

#include "crypto/cipher_priv.h"
#include "crypto/gcm.h"

struct state {
	struct gcm *gcm;
	uint8_t iv[GCM_IV];
};

static int
init(void *state, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	struct state *s = state;

	(void)alg, (void)mac;
	memcpy(s->iv, keys->iv, sizeof(s->iv));
	return gcm_new(&s->gcm, keys->key, GCM_BY_BEST);
}

static void
done(void *state)
{
	gcm_free(((struct state *)state)->gcm);
}

/* The last eight bytes count packets (RFC 5647 section 7.1). */
static void
next_iv(uint8_t iv[GCM_IV])
{
	for (int i = GCM_IV - 1; i >= 4; i--)
		if (++iv[i] != 0)
			return;
}

static void
seal(void *state, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	struct state *s = state;

	(void)seq;
	gcm_seal(s->gcm, s->iv, p, n, at, body);
	next_iv(s->iv);
}

/* The length travels in the clear. */
static uint32_t
peek(void *state, uint32_t seq, uint8_t *p)
{
	(void)state, (void)seq;
	return cipher_be32(p);
}

static int
open_packet(void *state, uint32_t seq, uint8_t *p, size_t n)
{
	struct state *s = state;
	int r = gcm_open(s->gcm, s->iv, p, n);

	(void)seq;
	next_iv(s->iv);
	return r;
}

const struct cipher_ops cipher_gcm = { gcm_available, sizeof(struct state), init, done, seal, peek,
	open_packet };
