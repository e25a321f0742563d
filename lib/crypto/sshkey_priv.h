/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_impl: what a key is made of, for the files of sshkey only.
 */
#ifndef CRYPTO_SSHKEY_PRIV_H
#define CRYPTO_SSHKEY_PRIV_H

#include <mbedtls/ecp.h>
#include <mbedtls/rsa.h>
#include <sodium.h>

#include "crypto/sshkey.h"

enum {
	SSHKEY_BLOB_MAX = 16 * 1024, /* an 8192 bit RSA key needs 1100 bytes */
	SSHKEY_APPLICATION_MAX = 1024,
	SSHKEY_RSA_MIN_BITS = 2048,
	SSHKEY_RSA_MAX_BITS = 8192,
	SSHKEY_RSA_E_MAX =
	    8, /* bytes of the public exponent: a huge one is a way to burn our time */
};

struct sshkey {
	enum sshkey_type type;
	struct buf blob;
	uint8_t ed_public[crypto_sign_PUBLICKEYBYTES];
	uint8_t *ed_secret; /* crypto_sign_SECRETKEYBYTES of guarded memory; NULL: public only */
	mbedtls_ecp_group *group; /* ECDSA */
	mbedtls_ecp_point point;
	mbedtls_rsa_context *rsa;
	char *application; /* sk- types: what the token signs for, "ssh:" */
};

/* The fields of the types, in one place. */
struct sshkey_kind {
	enum sshkey_type type;
	const char *name;
	const char *cert_name;
	int fields; /* strings after the name in the wire form */
};
const struct sshkey_kind *sshkey_kind_of(enum sshkey_type type);
/* By plain name or by certificate name; NULL: not a type we take. */
const struct sshkey_kind *sshkey_kind_named(struct span name);
const struct sshkey_kind *sshkey_kind_cert_named(struct span name);

#endif
