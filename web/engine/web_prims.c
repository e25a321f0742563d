/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_prims: lib/crypto's primitives over functions that the worker brings (sodium.mjs): random bytes, SHA-256, X25519,
 * Ed25519, chacha20-poly1305@openssh.com. Stands for the files of lib/crypto that know a library (rand.c, secret.c, sha256.c,
 * kex_x25519.c, sshkey_ed25519.c, cipher_chacha.c); called by the others.
 *
 * Security: secrets pass through the memory of engine.wasm and of libsodium, which are the worker's own; no page has them.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/cipher_priv.h"
#include "crypto/kex_priv.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/sshkey_priv.h"

#define PRIM(name) __attribute__((import_module("prims"), import_name(name)))

enum { CHACHA_KEY = 64, CHACHA_TAG = CIPHER_AEAD_TAG };

PRIM("random") void prim_random(void *p, size_t n);
/* state: a struct sha256, which has more room than libsodium needs. */
PRIM("sha256_init") void prim_sha256_init(void *state);
PRIM("sha256_add") void prim_sha256_add(void *state, const void *p, size_t n);
PRIM("sha256_end") void prim_sha256_end(void *state, uint8_t digest[SHA256_BYTES]);
/* Negative: the point is of low order. peer NULL: the base point. */
PRIM("x25519")
int prim_x25519(uint8_t ret[32], const uint8_t secret[32], const uint8_t *peer);
PRIM("ed25519_pair")
void prim_ed25519_pair(const uint8_t seed[32], uint8_t public[32], uint8_t secret[64]);
PRIM("ed25519_sign")
void prim_ed25519_sign(const uint8_t secret[64], const uint8_t *p, size_t n, uint8_t sig[64]);
PRIM("ed25519_verify")
int
prim_ed25519_verify(const uint8_t public[32], const uint8_t *p, size_t n, const uint8_t sig[64]);
/* Of a packet p[0..n) with its tag behind; key as in OpenSSH PROTOCOL.chacha20poly1305. open: negative when forged. */
PRIM("chacha_length")
void prim_chacha_length(const uint8_t key[CHACHA_KEY], uint32_t seq, uint8_t p[4]);
PRIM("chacha_seal")
void prim_chacha_seal(const uint8_t key[CHACHA_KEY], uint32_t seq, uint8_t *p, size_t n);
PRIM("chacha_open")
int prim_chacha_open(const uint8_t key[CHACHA_KEY], uint32_t seq, uint8_t *p, size_t n);

/* --- rand, secret ----------------------------------------------------------------------------- */

void
rand_bytes(void *dst, size_t n)
{
	prim_random(dst, n);
}

/* Pages of WebAssembly can be neither locked nor guarded; nothing that a page has can. */
struct secret *
secret_new(size_t n)
{
	struct secret *s = n ? malloc(sizeof *s) : NULL;

	if (!s)
		return NULL;
	*s = (struct secret){ .p = calloc(1, n), .n = n };
	if (s->p)
		return s;
	free(s);
	return NULL;
}

void
secret_free(struct secret *s)
{
	if (!s)
		return;
	secret_zero(s->p, s->n);
	free(s->p);
	free(s);
}

void
secret_zero(void *p, size_t n)
{
	explicit_bzero(p, n);
}

/* --- sha256 --------------------------------------------------------------------------------------- */

void
sha256_init(struct sha256 *h)
{
	prim_sha256_init(h->state);
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	prim_sha256_add(h->state, p, n);
}

void
sha256_end(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
	prim_sha256_end(h->state, digest);
}

void
sha256_of(struct span data, uint8_t digest[SHA256_BYTES])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, data.p, data.n);
	sha256_end(&h, digest);
}

/* --- kex_x25519 ------------------------------------------------------------------------------------- */

static int
x25519_generate(uint8_t secret[KEX_PRIVATE_LEN])
{
	prim_random(secret, KEX_PRIVATE_LEN);
	return 0;
}

static int
x25519_derive(const uint8_t secret[KEX_PRIVATE_LEN], uint8_t *public)
{
	return prim_x25519(public, secret, NULL);
}

static int
x25519_agree(const uint8_t secret[KEX_PRIVATE_LEN], struct span peer, uint8_t ret[KEX_SECRET_LEN])
{
	return peer.n == 32 ? prim_x25519(ret, secret, peer.p) : -1;
}

const struct kex_alg kex_x25519 = { 32, x25519_generate, x25519_derive, x25519_agree };

/* --- sshkey_ed25519 ----------------------------------------------------------------------------------- */

void
sshkey_ed25519_pair(const uint8_t seed[SSHKEY_SEED_LEN], uint8_t public[SSHKEY_PUBLIC_LEN],
    uint8_t secret[SSHKEY_SECRET_LEN])
{
	prim_ed25519_pair(seed, public, secret);
}

void
sshkey_ed25519_sign(const uint8_t secret[SSHKEY_SECRET_LEN], struct span data,
    uint8_t sig[SSHKEY_SIGNATURE_LEN])
{
	prim_ed25519_sign(secret, data.p, data.n, sig);
}

/* string public */
static struct span
ed25519_public_of(struct span fields)
{
	struct wire w = wire_from(fields);
	struct span p = wire_string(&w);

	return wire_end(&w) && p.n == SSHKEY_PUBLIC_LEN ? p : (struct span){ NULL, 0 };
}

static bool
ed25519_check(struct span fields)
{
	return ed25519_public_of(fields).n > 0;
}

static int
ed25519_verify(struct span fields, struct span alg, struct span raw, struct span data)
{
	struct span public = ed25519_public_of(fields);

	(void)alg;
	if (!public.n || raw.n != SSHKEY_SIGNATURE_LEN)
		return -1;
	return prim_ed25519_verify(public.p, data.p, data.n, raw.p);
}

const struct sshkey_alg sshkey_ed25519 = { ed25519_check, ed25519_verify };

/* --- sshkey_ecdsa: carried, never verified ------------------------------------------------------------- */

/* string "nistp256", string point: the key of a user whose browser makes no Ed25519. It signs outside (page_sign). */
static bool
ecdsa_check(struct span fields)
{
	struct wire w = wire_from(fields);
	struct span curve = wire_string(&w), q = wire_string(&w);

	return wire_end(&w) && span_is(curve, "nistp256") && q.n == 65 && q.p[0] == 4;
}

/* Our authorities and hosts have Ed25519. */
static int
ecdsa_verify(struct span fields, struct span alg, struct span raw, struct span data)
{
	(void)fields, (void)alg, (void)raw, (void)data;
	return -1;
}

const struct sshkey_alg sshkey_ecdsa = { ecdsa_check, ecdsa_verify };

/* --- cipher_chacha --------------------------------------------------------------------------------------- */

static int
chacha_init(void *state, const struct cipher_alg *alg, const struct mac_alg *mac,
    const struct cipher_keys *keys)
{
	(void)alg, (void)mac;
	memcpy(state, keys->key, CHACHA_KEY);
	return 0;
}

static void
chacha_seal(void *state, uint32_t seq, uint8_t *p, size_t n, size_t at, struct span body)
{
	if (body.n)
		memcpy(p + at, body.p, body.n);
	prim_chacha_seal(state, seq, p, n);
}

static uint32_t
chacha_peek(void *state, uint32_t seq, uint8_t *p)
{
	uint8_t len[4];

	/* On a copy: the tag is over the encrypted length, which chacha_open still needs. */
	memcpy(len, p, sizeof len);
	prim_chacha_length(state, seq, len);
	return cipher_be32(len);
}

static int
chacha_open(void *state, uint32_t seq, uint8_t *p, size_t n)
{
	return prim_chacha_open(state, seq, p, n);
}

const struct cipher_ops cipher_chacha = { NULL, CHACHA_KEY, chacha_init, NULL, chacha_seal,
	chacha_peek, chacha_open };
