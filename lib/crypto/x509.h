/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: ECDSA P-256 keys and certificates (RFC 5280), by mbedTLS: made by authd's signer, checked
 * by everybody.
 *
 * A certificate's subject is a fixed text; who it speaks for stands in a URI SAN
 * (crypto/identity.h), so a name can never smuggle a part into a distinguished name. CAs take
 * public keys, never requests of strangers.
 */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/identity.h"

enum {
	X509_PEM_MAX = 256 * 1024,
	X509_NAMES_MAX = 64,
	X509_SPKI_MAX = 256,
	X509_SIGNATURE_MAX = 80
};
enum { X509_SERVER = 1, X509_CLIENT = 2 };

/* --- keys ---------------------------------------------------------------------- */
struct x509_key; /* a P-256 private key */

int x509_key_generate(struct x509_key **ret);
/* "EC PRIVATE KEY" or "PRIVATE KEY" PEM without password. Negative: malformed or not P-256. */
int x509_key_from_pem(struct x509_key **ret, const char *pem, struct err *e);
/* Appends PEM text (use buf_wipe on the buffer afterwards). */
int x509_key_to_pem(const struct x509_key *key, struct buf *ret);
/* Appends the public half as SubjectPublicKeyInfo, DER. */
int x509_key_spki(const struct x509_key *key, struct buf *ret);
void x509_key_free(struct x509_key *key); /* zeroes; NULL is fine */

/* True when spki is the DER SubjectPublicKeyInfo of a P-256 key and nothing else. */
bool x509_spki_ok(struct span spki);

/* --- certificates ------------------------------------------------------------------ */
struct x509_cert; /* one certificate with the chain that followed it */

/* PEM text with one certificate or more, the leaf first. Every block must parse. */
int x509_cert_from_pem(struct x509_cert **ret, const char *pem, struct err *e);
int x509_cert_from_der(struct x509_cert **ret, struct span der, struct err *e);
void x509_cert_free(struct x509_cert *cert);
size_t x509_cert_count(const struct x509_cert *cert);
/* Of the leaf: seconds since 1970 UTC. */
int64_t x509_cert_not_before(const struct x509_cert *cert);
int64_t x509_cert_not_after(const struct x509_cert *cert);
bool x509_cert_is_ca(const struct x509_cert *cert);
/* The leaf's one sallyport URI; negative when it has none or more than one. */
int x509_cert_identity(const struct x509_cert *cert, struct identity *ret);
/* Exact comparison (DNS without case); no wildcards. ip as text. */
bool x509_cert_has_dns(const struct x509_cert *cert, const char *name);
bool x509_cert_has_ip(const struct x509_cert *cert, const char *ip);
/* Appends the leaf's SubjectPublicKeyInfo, DER; its DER; its PEM. */
int x509_cert_spki(const struct x509_cert *cert, struct buf *ret);
int x509_cert_pem(const struct x509_cert *cert, struct buf *ret);
/* The leaf was made for this key. */
bool x509_cert_fits_key(const struct x509_cert *cert, const struct x509_key *key);

/* --- believing ---------------------------------------------------------------------- */
/* The chain leads to one of roots (PEM certificates in one parsed struct), each link is valid now
 * by the system's clock, and the leaf may be used as asked (X509_SERVER, X509_CLIENT or both).
 * Names are the caller's matter. */
int
x509_verify(const struct x509_cert *chain, const struct x509_cert *roots, int usage, struct err *e);
/* The one rule of who speaks for whom: a chain to host_roots may name every kind but a user, a
 * chain to user_roots only a user; the cluster must be the given one (NULL: any). Either root may
 * be NULL. Fills ret. */
int x509_identify(const struct x509_cert *chain, const struct x509_cert *host_roots,
    const struct x509_cert *user_roots, const char *cluster, struct identity *ret, struct err *e);

/* --- making ------------------------------------------------------------------------- */
struct x509_request {
	struct span spki; /* public key to certify, DER */
	const struct identity *identity;
	const char *const *dns;
	size_t n_dns;
	const char *const *ip; /* as text */
	size_t n_ip;
	int64_t not_before_s, not_after_s;
	int usage; /* X509_SERVER | X509_CLIENT */
};
/* A self-signed CA for key. purpose ("host", "user") goes into the subject with the key's
 * fingerprint. Appends PEM. */
int x509_ca_new(const struct x509_key *key, const char *purpose, int64_t not_before_s,
    int64_t not_after_s, struct buf *ret_pem, struct err *e);
/* A certificate signed by ca with its key. Appends PEM, the leaf alone. */
int x509_issue(const struct x509_request *q, const struct x509_cert *ca,
    const struct x509_key *ca_key, struct buf *ret_pem, struct err *e);

/* --- data -------------------------------------------------------------------------- */
/* ECDSA with SHA-256 over data; the signature, DER, is appended. */
int x509_sign_data(const struct x509_key *key, struct span data, struct buf *ret_sig);
/* 0 when the key of the certificate (the leaf) made sig over data. */
int x509_verify_data(const struct x509_cert *cert, struct span data, struct span sig);

#endif
