/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_rsa: RSA signatures with SHA-2 (RFC 8332) by mbedTLS; users have such keys, we have none. Called by the files
 * of sshkey. Pure.
 *
 * Security: a stranger chooses the numbers before he is anybody. Sizes are looked at before a number is computed with.
 */
#include <mbedtls/md.h>
#include <string.h>

#include "crypto/mbed.h"
#include "crypto/sshkey_priv.h"

enum {
	MIN_BITS = 2048,
	MAX_BITS = 8192,
	EXPONENT_MAX = 8, /* bytes: a huge one is a way to burn our time */
	HASH_MAX = 64,
};

/* number is not empty and does not begin with a zero byte: key_read looks at that first. */
static size_t
bits_of(struct span number)
{
	size_t bits = number.n * 8;

	for (uint8_t top = number.p[0]; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/* mpint e, mpint n. False: not a key that we take. To be freed either way. */
static bool
key_read(mbedtls_rsa_context *rsa, struct span fields)
{
	struct wire w = wire_from(fields);
	struct span e = wire_mpint(&w), n = wire_mpint(&w);

	mbed_rsa_init(rsa);
	if (!wire_end(&w) || !e.n || !n.n || e.n > EXPONENT_MAX || n.n > MAX_BITS / 8 || !n.p[0] ||
	    bits_of(n) < MIN_BITS)
		return false;
	return mbedtls_rsa_import_raw(rsa, n.p, n.n, NULL, 0, NULL, 0, NULL, 0, e.p, e.n) == 0 &&
	    mbedtls_rsa_complete(rsa) == 0 && mbedtls_rsa_check_pubkey(rsa) == 0;
}

static bool
check(struct span fields)
{
	mbedtls_rsa_context rsa;
	bool ok = key_read(&rsa, fields);

	mbedtls_rsa_free(&rsa);
	return ok;
}

/* RFC 8332 section 3: the signature is the number; some write it without its leading zeroes. */
static bool
verify_with(mbedtls_rsa_context *rsa, mbedtls_md_type_t md, struct span raw, struct span data)
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);
	uint8_t hash[HASH_MAX], sig[MAX_BITS / 8] = { 0 };
	size_t size = mbedtls_rsa_get_len(rsa);

	if (!info || !raw.n || raw.n > size || size > sizeof sig)
		return false;
	memcpy(sig + (size - raw.n), raw.p, raw.n);
	return mbedtls_md(info, data.p, data.n, hash) == 0 &&
	    mbed_rsa_verify(rsa, md, hash, mbedtls_md_get_size(info), sig) == 0;
}

static int
verify(struct span fields, struct span alg, struct span raw, struct span data)
{
	bool big = span_is(alg, "rsa-sha2-512");
	mbedtls_rsa_context rsa;
	bool ok = key_read(&rsa, fields) &&
	    verify_with(&rsa, big ? MBEDTLS_MD_SHA512 : MBEDTLS_MD_SHA256, raw, data);

	mbedtls_rsa_free(&rsa);
	return ok ? 0 : -1;
}

const struct sshkey_alg sshkey_rsa = { check, verify };
