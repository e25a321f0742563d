/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_verify: is this signature by this key? Called by the SSH engine for host keys and user
 * keys and by the certificate code. Pure.
 *
 * The name inside the signature must be one the key's type has; ssh-rsa (SHA-1) is in no table.
 */
#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <string.h>

#include "base/wire.h"
#include "crypto/sshkey_priv.h"

enum { SK_USER_PRESENT = 0x01 };

static int
verify_ed25519(const struct sshkey *key, struct span raw, struct span data)
{
	if (raw.n != crypto_sign_BYTES)
		return -1;
	return crypto_sign_verify_detached(raw.p, data.p, data.n, key->ed_public) == 0 ? 0 : -1;
}

/* raw: mpint r, mpint s (RFC 5656 3.1.2). */
static int
verify_p256(const struct sshkey *key, struct span raw, struct span data)
{
	struct wire w = wire_from(raw);
	struct span r = wire_mpint(&w), s = wire_mpint(&w);
	uint8_t hash[crypto_hash_sha256_BYTES];
	mbedtls_mpi mr, ms;
	int rc = -1;

	if (!wire_end(&w) || r.n > 32 || s.n > 32)
		return -1;
	crypto_hash_sha256(hash, data.p, data.n);
	mbedtls_mpi_init(&mr);
	mbedtls_mpi_init(&ms);
	if (mbedtls_mpi_read_binary(&mr, r.p, r.n) == 0 &&
	    mbedtls_mpi_read_binary(&ms, s.p, s.n) == 0 &&
	    mbedtls_ecdsa_verify(key->group, hash, sizeof hash, &key->point, &mr, &ms) == 0)
		rc = 0;
	mbedtls_mpi_free(&mr);
	mbedtls_mpi_free(&ms);
	return rc;
}

static int
verify_rsa(const struct sshkey *key, struct span alg, struct span raw, struct span data)
{
	bool big = span_is(alg, "rsa-sha2-512");
	uint8_t hash[crypto_hash_sha512_BYTES], sig[SSHKEY_RSA_MAX_BITS / 8] = { 0 };
	size_t size = mbedtls_rsa_get_len(key->rsa);

	/* RFC 8332 section 3: the signature is the number; some write it without its leading
	 * zeroes. */
	if (!raw.n || raw.n > size || size > sizeof sig)
		return -1;
	memcpy(sig + (size - raw.n), raw.p, raw.n);
	if (big)
		crypto_hash_sha512(hash, data.p, data.n);
	else
		crypto_hash_sha256(hash, data.p, data.n);
	return mbedtls_rsa_pkcs1_verify(key->rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC,
		   big ? MBEDTLS_MD_SHA512 : MBEDTLS_MD_SHA256, 0, hash, sig) == 0
	    ? 0
	    : -1;
}

/* What a security key signs (PROTOCOL.u2f): sha256(application), flags, counter, sha256(data). */
static int
verify_sk(const struct sshkey *key, struct wire *w, struct span raw, struct span data)
{
	uint8_t flags = wire_u8(w);
	uint32_t counter = wire_u32(w);
	uint8_t hash[crypto_hash_sha256_BYTES];
	struct span app = span_str(key->application);
	struct buf message;
	int rc = -1;

	if (!wire_end(w) || !(flags & SK_USER_PRESENT))
		return -1;
	buf_init(&message, 256);
	crypto_hash_sha256(hash, app.p, app.n);
	buf_put(&message, hash, sizeof hash);
	wire_put_u8(&message, flags);
	wire_put_u32(&message, counter);
	crypto_hash_sha256(hash, data.p, data.n);
	buf_put(&message, hash, sizeof hash);
	if (buf_ok(&message))
		rc = key->type == SSHKEY_SK_ED25519 ? verify_ed25519(key, raw, buf_span(&message))
						    : verify_p256(key, raw, buf_span(&message));
	buf_done(&message);
	return rc;
}

static bool
alg_fits(const struct sshkey *key, struct span alg)
{
	if (key->type == SSHKEY_RSA)
		return span_is(alg, "rsa-sha2-256") || span_is(alg, "rsa-sha2-512");
	return span_is(alg, sshkey_kind_of(key->type)->name);
}

int
sshkey_verify(const struct sshkey *key, struct span alg, struct span sig, struct span data)
{
	struct wire w = wire_from(sig);
	struct span named = wire_string(&w), raw = wire_string(&w);

	if (w.bad || !span_eq(named, alg) || !alg_fits(key, alg))
		return -1;
	if (key->type == SSHKEY_SK_ED25519 || key->type == SSHKEY_SK_ECDSA)
		return verify_sk(key, &w, raw, data);
	if (!wire_end(&w))
		return -1;
	switch (key->type) {
	case SSHKEY_ED25519:
		return verify_ed25519(key, raw, data);
	case SSHKEY_ECDSA_P256:
		return verify_p256(key, raw, data);
	default:
		return verify_rsa(key, alg, raw, data);
	}
}
