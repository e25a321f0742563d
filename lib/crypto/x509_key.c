/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509_key: P-256 keys, their PEM and SubjectPublicKeyInfo, and signatures over data. Called by
 * authd's signer, by daemons that join and by tsh. Touches memory only.
 */
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "crypto/x509_priv.h"

enum { KEY_PEM_MAX = 2048 };

int
x509_err(struct err *e, int rc, const char *text)
{
	char why[160];

	mbedtls_strerror(rc, why, sizeof why);
	return err_set(e, "%s: %s", text, why);
}

static struct x509_key *
key_new(void)
{
	struct x509_key *key = calloc(1, sizeof *key);

	if (key)
		mbedtls_pk_init(&key->pk);
	return key;
}

void
x509_key_free(struct x509_key *key)
{
	if (!key)
		return;
	mbedtls_pk_free(&key->pk); /* zeroes the number */
	free(key);
}

int
x509_key_generate(struct x509_key **ret)
{
	struct x509_key *key = key_new();

	*ret = NULL;
	if (!key)
		return -1;
	if (mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) != 0 ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key->pk), rand_mbedtls,
		NULL) != 0) {
		x509_key_free(key);
		return -1;
	}
	*ret = key;
	return 0;
}

int
x509_key_from_pem(struct x509_key **ret, const char *pem, struct err *e)
{
	struct x509_key *key = key_new();
	int rc;

	*ret = NULL;
	if (!key)
		return err_memory(e);
	rc = mbed_pk_parse_pem(&key->pk, pem);
	/* One kind of key everywhere: what we never make we need not understand. */
	if (rc == 0 && mbed_pk_is_p256(&key->pk)) {
		*ret = key;
		return 0;
	}
	x509_key_free(key);
	return rc ? x509_err(e, rc, "the private key does not parse")
		  : err_set(e, "the private key is not a P-256 key");
}

int
x509_key_to_pem(const struct x509_key *key, struct buf *ret)
{
	char pem[KEY_PEM_MAX];
	int rc = mbedtls_pk_write_key_pem((mbedtls_pk_context *)&key->pk, (unsigned char *)pem,
	    sizeof pem);

	if (rc == 0 && !buf_put(ret, pem, strlen(pem)))
		rc = -1;
	mbedtls_platform_zeroize(pem, sizeof pem);
	return rc ? -1 : 0;
}

/* Appends the SubjectPublicKeyInfo. */
static int
x509_pk_spki(mbedtls_pk_context *pk, struct buf *ret)
{
	uint8_t der[X509_SPKI_MAX + 1024]; /* roots of others may be RSA */
	int n = mbedtls_pk_write_pubkey_der(pk, der, sizeof der);

	if (n <= 0)
		return -1;
	return buf_put(ret, der + sizeof der - n, (size_t)n) ? 0 : -1;
}

int
x509_key_spki(const struct x509_key *key, struct buf *ret)
{
	return x509_pk_spki((mbedtls_pk_context *)&key->pk, ret);
}

/* What is accepted is written again and must be the same: one form of a key, nothing behind it. */
int
x509_pk_from_spki(mbedtls_pk_context *pk, struct span spki)
{
	struct buf again;
	int rc = -1;

	if (!spki.n || spki.n > X509_SPKI_MAX)
		return -1;
	buf_init(&again, 2 * X509_SPKI_MAX);
	if (mbedtls_pk_parse_public_key(pk, spki.p, spki.n) == 0 && mbed_pk_is_p256(pk) &&
	    mbed_pk_is_on_curve(pk) && x509_pk_spki(pk, &again) == 0 &&
	    span_eq(buf_span(&again), spki))
		rc = 0;
	buf_done(&again);
	return rc;
}

bool
x509_spki_ok(struct span spki)
{
	mbedtls_pk_context pk;
	bool ok;

	mbedtls_pk_init(&pk);
	ok = x509_pk_from_spki(&pk, spki) == 0;
	mbedtls_pk_free(&pk);
	return ok;
}

/* --- data ---------------------------------------------------------------------- */

int
x509_sign_data(const struct x509_key *key, struct span data, struct buf *ret_sig)
{
	uint8_t digest[SHA256_BYTES], sig[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t n;

	sha256_of(data, digest);
	if (mbed_pk_sign_sha256(&key->pk, digest, sig, &n) != 0)
		return -1;
	return buf_put(ret_sig, sig, n) ? 0 : -1;
}

int
x509_verify_data(const struct x509_cert *cert, struct span data, struct span sig)
{
	mbedtls_pk_context *pk = (mbedtls_pk_context *)&cert->crt.pk;
	uint8_t digest[SHA256_BYTES];

	if (!mbed_pk_is_p256(pk) || !sig.n || sig.n > X509_SIGNATURE_MAX)
		return -1;
	sha256_of(data, digest);
	return mbedtls_pk_verify(pk, MBEDTLS_MD_SHA256, digest, sizeof digest, sig.p, sig.n) == 0
	    ? 0
	    : -1;
}
