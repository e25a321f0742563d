/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_verify: is this signature by this key? Called by the SSH engine for host keys and user
 * keys and by the certificate code. Pure.
 *
 * The name inside the signature must be one the key's type has; ssh-rsa (SHA-1) is in no table.
 */
#include "crypto/sha256.h"
#include "crypto/sshkey_priv.h"

enum { SK_USER_PRESENT = 0x01 };

/* What a security key signs (PROTOCOL.u2f): sha256(application), flags, counter, sha256(data). */
static int
verify_token(const struct sshkey *key, struct wire *w, struct span raw, struct span data)
{
	uint8_t flags = wire_u8(w);
	uint32_t counter = wire_u32(w);
	uint8_t hash[SHA256_BYTES];
	struct buf message;
	int rc = -1;

	/* Somebody touched the token. OpenSSH asks for it too, unless a key is marked
	 * no-touch-required. */
	if (!wire_end(w) || !(flags & SK_USER_PRESENT))
		return -1;
	buf_init(&message, 256);
	/* Of the key, and not of the signature: a token's signature for a web site cannot be passed
	 * off as a login. */
	sha256_of(sshkey_application(key), hash);
	buf_put(&message, hash, sizeof hash);
	wire_put_u8(&message, flags);
	wire_put_u32(&message, counter);
	sha256_of(data, hash);
	buf_put(&message, hash, sizeof hash);
	if (buf_ok(&message))
		rc = key->kind->alg->verify(sshkey_fields(key), span_str(key->kind->name), raw,
		    buf_span(&message));
	buf_done(&message);
	return rc;
}

static bool
alg_fits(const struct sshkey *key, struct span alg)
{
	if (key->kind->type == SSHKEY_RSA)
		return span_is(alg, "rsa-sha2-256") || span_is(alg, "rsa-sha2-512");
	return span_is(alg, key->kind->name);
}

int
sshkey_verify(const struct sshkey *key, struct span alg, struct span sig, struct span data)
{
	struct wire w = wire_from(sig);
	struct span named = wire_string(&w), raw = wire_string(&w);

	/* The algorithm stands in three places, and must be one: what was negotiated, what the signature says,
	 * what the key can. */
	if (w.bad || !span_eq(named, alg) || !alg_fits(key, alg))
		return -1;
	if (key->kind->token)
		return verify_token(key, &w, raw, data);
	if (!wire_end(&w))
		return -1;
	return key->kind->alg->verify(sshkey_fields(key), alg, raw, data);
}
