/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509_impl: the structs behind x509.h, for its files only.
 */
#ifndef CRYPTO_X509_PRIV_H
#define CRYPTO_X509_PRIV_H

#include "crypto/mbed.h"
#include "crypto/x509.h"

struct x509_key {
	mbedtls_pk_context pk;
};

struct x509_cert {
	mbedtls_x509_crt crt; /* with ->next: the rest of the chain, or further roots */
};

enum { X509_SAN_DNS = 0x82, X509_SAN_URI = 0x86, X509_SAN_IP = 0x87 };

/* Text or numbers of an IP address; 0 when it is none. */
size_t x509_ip_bytes(const char *text, uint8_t dst[16]);
/* Parses DER into pk (initialised); only P-256 passes. */
int x509_pk_from_spki(mbedtls_pk_context *pk, struct span spki);
/* "text: what mbedTLS says"; returns -1. */
int x509_err(struct err *e, int rc, const char *text);

#endif
