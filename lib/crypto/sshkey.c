/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey: making keys, reading public keys from the wire, and signing. Verification is in
 * sshkey_verify.c, files and text lines in sshkey_file.c.
 *
 * Called by the SSH engine, the certificate code and whoever holds a key. Touches memory only.
 */
#include "crypto/sshkey.h"

#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "crypto/sshkey_priv.h"

static const struct sshkey_kind kinds[] = {
	{ SSHKEY_ED25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1 },
	{ SSHKEY_ECDSA_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2 },
	{ SSHKEY_RSA, "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", 2 },
	{ SSHKEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
	    2 },
	{ SSHKEY_SK_ECDSA, "sk-ecdsa-sha2-nistp256@openssh.com",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3 },
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

const struct sshkey_kind *
sshkey_kind_of(enum sshkey_type type)
{
	return &kinds[type];
}

const struct sshkey_kind *
sshkey_kind_named(struct span name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (span_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

const struct sshkey_kind *
sshkey_kind_cert_named(struct span name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (span_is(name, kinds[i].cert_name))
			return &kinds[i];
	return NULL;
}

int
crypto_init(void)
{
	return sodium_init() < 0 ? -1 : 0;
}

static struct sshkey *
key_new(enum sshkey_type type)
{
	struct sshkey *key = calloc(1, sizeof *key);

	if (!key)
		return NULL;
	key->type = type;
	buf_init(&key->blob, SSHKEY_BLOB_MAX);
	mbedtls_ecp_point_init(&key->point);
	return key;
}

void
sshkey_free(struct sshkey *key)
{
	if (!key)
		return;
	if (key->ed_secret)
		sodium_free(key->ed_secret); /* zeroes */
	mbedtls_ecp_point_free(&key->point);
	if (key->group) {
		mbedtls_ecp_group_free(key->group);
		free(key->group);
	}
	if (key->rsa) {
		mbedtls_rsa_free(key->rsa);
		free(key->rsa);
	}
	free(key->application);
	buf_done(&key->blob);
	sodium_memzero(key, sizeof *key);
	free(key);
}

/* --- making ---------------------------------------------------------------- */

int
sshkey_from_seed(struct sshkey **ret, const uint8_t seed[32])
{
	struct sshkey *key = key_new(SSHKEY_ED25519);

	*ret = NULL;
	if (!key)
		return -1;
	key->ed_secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
	if (!key->ed_secret || crypto_sign_seed_keypair(key->ed_public, key->ed_secret, seed) != 0)
		goto fail;
	wire_put_text(&key->blob, kinds[SSHKEY_ED25519].name);
	wire_put_string(&key->blob, (struct span){ key->ed_public, sizeof key->ed_public });
	if (!buf_ok(&key->blob))
		goto fail;
	*ret = key;
	return 0;
fail:
	sshkey_free(key);
	return -1;
}

int
sshkey_generate(struct sshkey **ret)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	int rc;

	randombytes_buf(seed, sizeof seed);
	rc = sshkey_from_seed(ret, seed);
	sodium_memzero(seed, sizeof seed);
	return rc;
}

/* --- reading ----------------------------------------------------------------- */

static bool
read_ed25519(struct sshkey *key, struct wire *w)
{
	struct span p = wire_string(w);

	if (p.n != sizeof key->ed_public)
		return false;
	memcpy(key->ed_public, p.p, p.n);
	return true;
}

static bool
read_p256(struct sshkey *key, struct wire *w)
{
	struct span curve = wire_string(w), q = wire_string(w);

	/* Uncompressed points only, as RFC 5656 3.1 lets us ask. */
	if (!span_is(curve, "nistp256") || q.n != 65 || q.p[0] != 4)
		return false;
	key->group = calloc(1, sizeof *key->group);
	if (!key->group)
		return false;
	mbedtls_ecp_group_init(key->group);
	return mbedtls_ecp_group_load(key->group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
	    mbedtls_ecp_point_read_binary(key->group, &key->point, q.p, q.n) == 0 &&
	    mbedtls_ecp_check_pubkey(key->group, &key->point) == 0;
}

static bool
read_rsa(struct sshkey *key, struct wire *w)
{
	struct span e = wire_mpint(w), n = wire_mpint(w);
	size_t bits;

	if (w->bad || e.n > SSHKEY_RSA_E_MAX || n.n > SSHKEY_RSA_MAX_BITS / 8 || !e.n || !n.n)
		return false;
	key->rsa = calloc(1, sizeof *key->rsa);
	if (!key->rsa)
		return false;
	mbedtls_rsa_init(key->rsa, MBEDTLS_RSA_PKCS_V15, 0);
	if (mbedtls_rsa_import_raw(key->rsa, n.p, n.n, NULL, 0, NULL, 0, NULL, 0, e.p, e.n) != 0 ||
	    mbedtls_rsa_complete(key->rsa) != 0 || mbedtls_rsa_check_pubkey(key->rsa) != 0)
		return false;
	bits = mbedtls_mpi_bitlen(&key->rsa->N);
	return bits >= SSHKEY_RSA_MIN_BITS && bits <= SSHKEY_RSA_MAX_BITS;
}

static bool
read_application(struct sshkey *key, struct wire *w)
{
	struct span app = wire_string(w);

	if (w->bad || app.n > SSHKEY_APPLICATION_MAX)
		return false;
	key->application = span_dup(app);
	return key->application != NULL;
}

static bool
read_fields(struct sshkey *key, struct wire *w)
{
	switch (key->type) {
	case SSHKEY_ED25519:
		return read_ed25519(key, w);
	case SSHKEY_ECDSA_P256:
		return read_p256(key, w);
	case SSHKEY_RSA:
		return read_rsa(key, w);
	case SSHKEY_SK_ED25519:
		return read_ed25519(key, w) && read_application(key, w);
	case SSHKEY_SK_ECDSA:
		return read_p256(key, w) && read_application(key, w);
	}
	return false;
}

int
sshkey_from_blob(struct sshkey **ret, struct span blob)
{
	struct wire w = wire_from(blob);
	const struct sshkey_kind *kind = sshkey_kind_named(wire_string(&w));
	struct sshkey *key;

	*ret = NULL;
	if (!kind || w.bad)
		return -1;
	key = key_new(kind->type);
	if (!key)
		return -1;
	if (!read_fields(key, &w) || !wire_end(&w) || !buf_put(&key->blob, blob.p, blob.n)) {
		sshkey_free(key);
		return -1;
	}
	*ret = key;
	return 0;
}

/* --- asking ----------------------------------------------------------------- */

enum sshkey_type
sshkey_type(const struct sshkey *key)
{
	return key->type;
}

const char *
sshkey_type_name(const struct sshkey *key)
{
	return kinds[key->type].name;
}

bool
sshkey_is_private(const struct sshkey *key)
{
	return key->ed_secret != NULL;
}

struct span
sshkey_blob(const struct sshkey *key)
{
	return buf_span(&key->blob);
}

bool
sshkey_equal(const struct sshkey *a, const struct sshkey *b)
{
	return span_eq(sshkey_blob(a), sshkey_blob(b));
}

void
sshkey_fingerprint(struct span blob, char *dst, size_t size)
{
	static const char prefix[] = "SHA256:";
	uint8_t hash[crypto_hash_sha256_BYTES];

	if (size < 64) {
		if (size)
			dst[0] = '\0';
		return;
	}
	crypto_hash_sha256(hash, blob.p, blob.n);
	memcpy(dst, prefix, sizeof prefix);
	sodium_bin2base64(dst + sizeof prefix - 1, size - sizeof prefix + 1, hash, sizeof hash,
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

int
sshkey_sign(const struct sshkey *key, struct span data, struct buf *ret_sig)
{
	uint8_t sig[crypto_sign_BYTES];

	if (!key->ed_secret || crypto_sign_detached(sig, NULL, data.p, data.n, key->ed_secret) != 0)
		return -1;
	wire_put_text(ret_sig, kinds[SSHKEY_ED25519].name);
	wire_put_string(ret_sig, (struct span){ sig, sizeof sig });
	return buf_ok(ret_sig) ? 0 : -1;
}
