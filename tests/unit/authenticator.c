/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticator: see authenticator.h. Keys and signatures by libcrypto, CBOR by hand.
 */
#include "authenticator.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/b64.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

enum { ES256 = -7, EDDSA = -8, RS256 = -257, ID_BYTES = 32, PRESENT = 0x01, CREDENTIAL = 0x40 };

struct authenticator {
	int algorithm;
	EVP_PKEY *key;
	uint8_t id[ID_BYTES];
	struct buf client, auth, signature;
};

static EVP_PKEY *
make_key(int algorithm)
{
	switch (algorithm) {
	case ES256:
		return EVP_EC_gen("P-256");
	case EDDSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case RS256:
		return EVP_RSA_gen(2048);
	}
	return NULL;
}

struct authenticator *
authenticator_new(int algorithm)
{
	struct authenticator *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	buf_init(&a->client, 65536);
	buf_init(&a->auth, 65536);
	buf_init(&a->signature, 65536);
	a->algorithm = algorithm;
	a->key = make_key(algorithm);
	rand_bytes(a->id, sizeof(a->id));
	if (a->key)
		return a;
	authenticator_free(a);
	return NULL;
}

void
authenticator_free(struct authenticator *a)
{
	if (!a)
		return;
	EVP_PKEY_free(a->key);
	buf_done(&a->client);
	buf_done(&a->auth);
	buf_done(&a->signature);
	free(a);
}

struct span
authenticator_id(const struct authenticator *a)
{
	return (struct span){ a->id, sizeof(a->id) };
}

/* --- what is signed ------------------------------------------------------------------- */

static void
put_client(struct authenticator *a, const struct ceremony *c, const char *type)
{
	char challenge[64];

	buf_reset(&a->client);
	(void)b64_encode(challenge, sizeof(challenge),
	    (struct span){ c->challenge, WEBAUTHN_CHALLENGE_BYTES }, B64_URL);
	buf_printf(&a->client, "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}",
	    c->type ? c->type : type, challenge, c->origin, c->more ? c->more : "");
}

static void
put_head(struct authenticator *a, const struct ceremony *c, uint8_t flags)
{
	uint8_t hash[SHA256_BYTES];
	uint8_t rest[5] = { c->flags ? c->flags : flags, (uint8_t)(c->counter >> 24),
		(uint8_t)(c->counter >> 16), (uint8_t)(c->counter >> 8), (uint8_t)c->counter };

	buf_reset(&a->auth);
	sha256_of(span_str(c->rp_id), hash);
	buf_put(&a->auth, hash, sizeof(hash));
	buf_put(&a->auth, rest, sizeof(rest));
}

/* RFC 9052: maps of a key's type, algorithm and numbers. */
static void
put_key(struct authenticator *a)
{
	uint8_t n[512];
	size_t len = 0;
	BIGNUM *modulus = NULL;

	switch (a->algorithm) {
	case ES256:
		(void)EVP_PKEY_get_octet_string_param(a->key, OSSL_PKEY_PARAM_PUB_KEY, n, sizeof(n),
		    &len);
		buf_put(&a->auth, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10);
		buf_put(&a->auth, n + 1, 32);
		buf_put(&a->auth, "\x22\x58\x20", 3);
		buf_put(&a->auth, n + 33, 32);
		break;
	case EDDSA:
		len = sizeof(n);
		(void)EVP_PKEY_get_raw_public_key(a->key, n, &len);
		buf_put(&a->auth, "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10);
		buf_put(&a->auth, n, 32);
		break;
	case RS256:
		(void)EVP_PKEY_get_bn_param(a->key, OSSL_PKEY_PARAM_RSA_N, &modulus);
		(void)BN_bn2binpad(modulus, n, 256);
		BN_free(modulus);
		buf_put(&a->auth, "\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00", 11);
		buf_put(&a->auth, n, 256);
		buf_put(&a->auth, "\x21\x43\x01\x00\x01", 5);
		break;
	}
}

struct webauthn_answer
authenticator_create(struct authenticator *a, const struct ceremony *c)
{
	static const uint8_t aaguid[16];

	put_client(a, c, "webauthn.create");
	put_head(a, c, PRESENT | CREDENTIAL);
	buf_put(&a->auth, aaguid, sizeof(aaguid));
	buf_put(&a->auth, "\0\x20", 2);
	buf_put(&a->auth, a->id, sizeof(a->id));
	put_key(a);
	return (struct webauthn_answer){ .client_data = buf_span(&a->client),
		.auth_data = buf_span(&a->auth) };
}

struct webauthn_answer
authenticator_get(struct authenticator *a, const struct ceremony *c)
{
	struct buf m;
	uint8_t hash[SHA256_BYTES];
	size_t n = 512;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	put_client(a, c, "webauthn.get");
	put_head(a, c, PRESENT);
	buf_init(&m, 65536);
	buf_put(&m, buf_head(&a->auth), a->auth.len);
	sha256_of(buf_span(&a->client), hash);
	buf_put(&m, hash, sizeof(hash));
	buf_reset(&a->signature);
	if (EVP_DigestSignInit(md, NULL, a->algorithm == EDDSA ? NULL : EVP_sha256(), NULL,
		a->key) == 1 &&
	    EVP_DigestSign(md, buf_reserve(&a->signature, n), &n, buf_head(&m), m.len) == 1)
		buf_commit(&a->signature, n);
	EVP_MD_CTX_free(md);
	buf_done(&m);
	return (struct webauthn_answer){ buf_span(&a->client), buf_span(&a->auth),
		buf_span(&a->signature) };
}
