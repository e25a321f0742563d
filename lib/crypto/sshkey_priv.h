/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_priv: what a key is made of, for the files of sshkey and of certificates. No library stands here: each has its
 * file (sshkey_ed25519.c, sshkey_ecdsa.c, sshkey_rsa.c) behind struct sshkey_alg.
 */
#ifndef CRYPTO_SSHKEY_PRIV_H
#define CRYPTO_SSHKEY_PRIV_H

#include "base/wire.h"
#include "crypto/secret.h"
#include "crypto/sshkey.h"

enum {
	SSHKEY_BLOB_MAX = 16 * 1024, /* an 8192 bit RSA key needs 1100 bytes */
	SSHKEY_APPLICATION_MAX = 1024,
	SSHKEY_SEED_LEN = 32,
	SSHKEY_PUBLIC_LEN = 32,    /* Ed25519 */
	SSHKEY_SECRET_LEN = 64,    /* Ed25519: the seed, then the public key, as in key files */
	SSHKEY_SIGNATURE_LEN = 64, /* Ed25519 */
};

struct sshkey {
	const struct sshkey_kind *kind;
	struct buf blob;
	struct secret *secret; /* SSHKEY_SECRET_LEN bytes; NULL: public only */
};

/* A family of signatures. Pure; keys are taken as they stand in the blob, since the time to read one is nothing against
 * that of a signature. */
struct sshkey_alg {
	/* The fields behind the type's name are a key that we take. */
	bool (*check)(struct span fields);
	/* raw: the signature without its name. Negative: not by this key over data. alg is one that fits the type. */
	int (*verify)(struct span fields, struct span alg, struct span raw, struct span data);
};
extern const struct sshkey_alg sshkey_ed25519, sshkey_ecdsa, sshkey_rsa;

/* The types. The tables of a build are in suite_keys.c. */
struct sshkey_kind {
	enum sshkey_type type;
	const char *name;
	const char *cert_name;
	int fields; /* strings after the name in the wire form */
	bool token; /* sk-: the last field is the application, what the token signs for ("ssh:") */
	const struct sshkey_alg *alg;
};
const struct sshkey_kind *sshkey_kind_cert_named(struct span name);
/* What stands behind the type's name, without the application of a token. */
struct span sshkey_fields(const struct sshkey *key);
/* Of a token's key. */
struct span sshkey_application(const struct sshkey *key);

/* sshkey_ed25519.c */
void sshkey_ed25519_pair(const uint8_t seed[SSHKEY_SEED_LEN], uint8_t public[SSHKEY_PUBLIC_LEN],
    uint8_t secret[SSHKEY_SECRET_LEN]);
void sshkey_ed25519_sign(const uint8_t secret[SSHKEY_SECRET_LEN], struct span data,
    uint8_t sig[SSHKEY_SIGNATURE_LEN]);

#endif
