/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbed: what differs between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13), under one name. Included by the files of
 * lib/crypto and lib/net that use the library. The half for 2.28 goes when Debian 12 does.
 */
#ifndef CRYPTO_MBED_H
#define CRYPTO_MBED_H

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/rand.h"

#define MBED_3 (MBEDTLS_VERSION_MAJOR >= 3)

/* --- RSA: keys of others only --------------------------------------------------- */

static inline void
mbed_rsa_init(mbedtls_rsa_context *rsa)
{
#if MBED_3
	mbedtls_rsa_init(rsa);
#else
	mbedtls_rsa_init(rsa, MBEDTLS_RSA_PKCS_V15, 0);
#endif
}

/* 0: PKCS #1 v1.5, sig as long as the modulus. */
static inline int
mbed_rsa_verify(mbedtls_rsa_context *rsa, mbedtls_md_type_t md, const uint8_t *hash, size_t n,
    const uint8_t *sig)
{
#if MBED_3
	return mbedtls_rsa_pkcs1_verify(rsa, md, (unsigned)n, hash, sig);
#else
	return mbedtls_rsa_pkcs1_verify(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, md, (unsigned)n, hash,
	    sig);
#endif
}

/* --- keys ------------------------------------------------------------------------ */

static inline bool
mbed_pk_is_p256(const mbedtls_pk_context *pk)
{
	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
		return false;
#if MBED_3
	return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk)) == MBEDTLS_ECP_DP_SECP256R1;
#else
	return mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
#endif
}

/* The public point of an elliptic key is on its curve. */
static inline bool
mbed_pk_is_on_curve(const mbedtls_pk_context *pk)
{
#if MBED_3
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	bool ok;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	ok = mbedtls_ecp_export(mbedtls_pk_ec(*pk), &group, NULL, &point) == 0 &&
	    mbedtls_ecp_check_pubkey(&group, &point) == 0;
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return ok;
#else
	return mbedtls_ecp_check_pubkey(&mbedtls_pk_ec(*pk)->grp, &mbedtls_pk_ec(*pk)->Q) == 0;
#endif
}

/* A private key without passphrase; 0, or mbedTLS's code. */
static inline int
mbed_pk_parse_pem(mbedtls_pk_context *pk, const char *pem)
{
#if MBED_3
	return mbedtls_pk_parse_key(pk, (const unsigned char *)pem, strlen(pem) + 1, NULL, 0,
	    rand_mbedtls, NULL);
#else
	return mbedtls_pk_parse_key(pk, (const unsigned char *)pem, strlen(pem) + 1, NULL, 0);
#endif
}

static inline bool
mbed_pk_fit(const mbedtls_pk_context *public, const mbedtls_pk_context *private)
{
#if MBED_3
	return mbedtls_pk_check_pair(public, private, rand_mbedtls, NULL) == 0;
#else
	return mbedtls_pk_check_pair(public, private) == 0;
#endif
}

/* sig has room for MBEDTLS_PK_SIGNATURE_MAX_SIZE bytes; 0, or mbedTLS's code. */
static inline int
mbed_pk_sign_sha256(const mbedtls_pk_context *pk, const uint8_t digest[32], uint8_t *sig,
    size_t *ret_len)
{
	mbedtls_pk_context *key = (mbedtls_pk_context *)(uintptr_t)pk;

#if MBED_3
	return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, sig,
	    MBEDTLS_PK_SIGNATURE_MAX_SIZE, ret_len, rand_mbedtls, NULL);
#else
	return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, sig, ret_len, rand_mbedtls,
	    NULL);
#endif
}

/* --- certificates ----------------------------------------------------------------- */

static inline bool
mbed_crt_is_ca(const mbedtls_x509_crt *crt)
{
#if MBED_3
	return mbedtls_x509_crt_get_ca_istrue(crt) == 1;
#else
	return crt->ca_istrue != 0;
#endif
}

/* extension: MBEDTLS_X509_EXT_... */
static inline bool
mbed_crt_has(const mbedtls_x509_crt *crt, int extension)
{
#if MBED_3
	return mbedtls_x509_crt_has_ext_type(crt, extension) != 0;
#else
	return (crt->ext_types & extension) != 0;
#endif
}

/* A positive number, most significant byte first; 0, or mbedTLS's code. */
static inline int
mbed_crt_set_serial(mbedtls_x509write_cert *crt, uint8_t *bytes, size_t n)
{
#if MBED_3
	return mbedtls_x509write_crt_set_serial_raw(crt, bytes, n);
#else
	mbedtls_mpi serial;
	int rc;

	mbedtls_mpi_init(&serial);
	rc = mbedtls_mpi_read_binary(&serial, bytes, n);
	if (rc == 0)
		rc = mbedtls_x509write_crt_set_serial(crt, &serial);
	mbedtls_mpi_free(&serial);
	return rc;
#endif
}

#endif
