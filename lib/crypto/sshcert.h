/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshcert: OpenSSH certificates (OpenSSH PROTOCOL.certkeys), read, checked and made.
 */
#ifndef CRYPTO_SSHCERT_H
#define CRYPTO_SSHCERT_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/sshkey.h"

enum { SSHCERT_USER = 1, SSHCERT_HOST = 2 };
enum { SSHCERT_PRINCIPALS_MAX = 256, SSHCERT_OPTIONS_MAX = 64, SSHCERT_BLOB_MAX = 65536 };

struct sshcert_option {
	char *name;
	char *value; /* the text inside; "" for flags; binary values are refused at parsing */
};

/* Times are seconds since 1970 UTC; valid_before UINT64_MAX is "forever". */
struct sshcert {
	struct sshkey *key; /* the certified public key */
	uint64_t serial;
	uint32_t type;
	char *key_id;
	char **principals;
	size_t n_principals;
	uint64_t valid_after, valid_before;
	struct sshcert_option *critical, *extensions;
	size_t n_critical, n_extensions;
	struct buf ca_blob; /* the signer's public key, a plain type */
	struct buf blob;    /* the certificate itself, when parsed or signed */
};

/* True when the blob's type name ends in -cert-v01@openssh.com. */
bool sshcert_is_cert(struct span blob);
/* Parses and verifies the CA's signature over it. Refuses: unknown types, principals that are empty
 * or hold ',' '*' '?' blanks or control characters, a CA key that is itself a certificate,
 * duplicate or unsorted options. */
int sshcert_parse(struct sshcert **ret, struct span blob, struct err *e);
void sshcert_free(struct sshcert *cert);

/* What a certificate must satisfy to be believed here and now. */
struct sshcert_rules {
	uint32_t type;         /* SSHCERT_USER or SSHCERT_HOST */
	const struct span *ca; /* trusted CA public key blobs */
	size_t n_ca;
	/* must be listed, of a host in any case of letters; NULL: at least one must be listed, any will do */
	const char *principal;
	const char *source_address; /* peer's address, for the option of that name; NULL: unknown,
				     * the option is refused */
	uint64_t now_s;
};
/* 0 when all hold; otherwise negative with one cause. Unknown critical options are refused. */
int sshcert_check(const struct sshcert *cert, const struct sshcert_rules *rules, struct err *e);
/* The extension's or critical option's value, or NULL when absent. */
const char *sshcert_extension(const struct sshcert *cert, const char *name);
const char *sshcert_critical(const struct sshcert *cert, const char *name);

/* Fills cert->blob, signing with the CA key. key, type, key_id, principals, times, options must be
 * set; options are sorted here. Refuses empty principals and bad characters as sshcert_parse does.
 */
int sshcert_sign(struct sshcert *cert, const struct sshkey *ca, struct err *e);

#endif
