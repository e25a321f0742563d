/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey: SSH public and private keys and the signatures they make
 * (RFC 4253 6.6, RFC 8709 Ed25519, RFC 5656 ECDSA P-256, RFC 8332 rsa-sha2,
 * OpenSSH PROTOCOL.u2f for the sk- types).
 *
 * We only ever sign with Ed25519; the other types belong to users and are verified.
 */
#ifndef CRYPTO_SSHKEY_H
#define CRYPTO_SSHKEY_H

#include "base/buf.h"
#include "base/err.h"

enum sshkey_type {
	SSHKEY_ED25519,
	SSHKEY_ECDSA_P256,
	SSHKEY_RSA, /* 2048 to 8192 bits */
	SSHKEY_SK_ED25519,
	SSHKEY_SK_ECDSA,
};

struct sshkey;

/* A fresh Ed25519 key pair; the secret half lives in locked memory. */
int sshkey_generate(struct sshkey **ret);
/* From a 32-byte seed (Ed25519). */
int sshkey_from_seed(struct sshkey **ret, const uint8_t seed[32]);
/* This build reads keys of the type, named as on the wire: "ssh-ed25519", "ssh-rsa". */
bool sshkey_type_available(const char *name);
/* A public key from its wire form ("string type, ..."); plain types only, not certificates.
 * Negative: malformed or a type, curve or RSA size we do not take. */
int sshkey_from_blob(struct sshkey **ret, struct span blob);
void sshkey_free(struct sshkey *key); /* zeroes; NULL is fine */

enum sshkey_type sshkey_type(const struct sshkey *key);
/* "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "sk-ssh-ed25519@openssh.com", ... */
const char *sshkey_type_name(const struct sshkey *key);
bool sshkey_is_private(const struct sshkey *key);
/* The public key's wire form. Valid as long as the key. */
struct span sshkey_blob(const struct sshkey *key);
bool sshkey_equal(const struct sshkey *a, const struct sshkey *b); /* public halves */

/* Appends the signature blob ("string alg, string sig") over data. Ed25519 private keys only;
 * negative otherwise. */
int sshkey_sign(const struct sshkey *key, struct span data, struct buf *ret_sig);
/* 0 when sig (a signature blob) was made by key over data with algorithm alg ("rsa-sha2-512", ...);
 * alg must fit the key and be what the blob names. Negative otherwise. SHA-1 (ssh-rsa) is never
 * accepted. For sk- keys the user-presence flag must be set. */
int sshkey_verify(const struct sshkey *key, struct span alg, struct span sig, struct span data);

/* OpenSSH private key file ("openssh-key-v1", no passphrase) as PEM text, and back. */
int sshkey_to_file_text(const struct sshkey *key, const char *comment, struct buf *ret);
int sshkey_from_file_text(struct sshkey **ret, const char *text, struct err *e);
int sshkey_save(const struct sshkey *key, const char *path, const char *comment,
    struct err *e); /* 0600 */
int sshkey_load(struct sshkey **ret, const char *path, struct err *e);
/* "type base64 comment" of a key or certificate blob, as in *.pub files; and the blob of such a
 * line. */
int sshkey_blob_to_line(struct span blob, const char *comment, struct buf *ret);
int sshkey_line_to_blob(const char *line, struct buf *ret_blob);

#endif
