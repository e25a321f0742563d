/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_ed25519: Ed25519 (RFC 8032, RFC 8709) by libsodium, which refuses small-order points and signatures that
 * could be written otherwise. Called by the files of sshkey. Pure.
 */
#include <sodium.h>

#include "crypto/sshkey_priv.h"

_Static_assert(SSHKEY_SEED_LEN == crypto_sign_SEEDBYTES, "the seed fits");
_Static_assert(SSHKEY_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "the public key fits");
_Static_assert(SSHKEY_SECRET_LEN == crypto_sign_SECRETKEYBYTES, "the secret key fits");
_Static_assert(SSHKEY_SIGNATURE_LEN == crypto_sign_BYTES, "the signature fits");

void
sshkey_ed25519_pair(const uint8_t seed[SSHKEY_SEED_LEN], uint8_t public[SSHKEY_PUBLIC_LEN],
    uint8_t secret[SSHKEY_SECRET_LEN])
{
	crypto_sign_seed_keypair(public, secret, seed); /* cannot fail */
}

void
sshkey_ed25519_sign(const uint8_t secret[SSHKEY_SECRET_LEN], struct span data,
    uint8_t sig[SSHKEY_SIGNATURE_LEN])
{
	crypto_sign_detached(sig, NULL, data.p, data.n, secret); /* cannot fail */
}

/* string public */
static struct span
public_of(struct span fields)
{
	struct wire w = wire_from(fields);
	struct span p = wire_string(&w);

	return wire_end(&w) && p.n == SSHKEY_PUBLIC_LEN ? p : (struct span){ NULL, 0 };
}

static bool
check(struct span fields)
{
	return public_of(fields).n > 0;
}

static int
verify(struct span fields, struct span alg, struct span raw, struct span data)
{
	struct span public = public_of(fields);

	(void)alg;
	if (!public.n || raw.n != SSHKEY_SIGNATURE_LEN)
		return -1;
	return crypto_sign_verify_detached(raw.p, data.p, data.n, public.p) == 0 ? 0 : -1;
}

const struct sshkey_alg sshkey_ed25519 = { check, verify };
