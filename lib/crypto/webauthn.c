/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webauthn: registrations and assertions, by libfido2: it decodes CBOR and COSE, and verifies signatures. What must hold of
 * a registration it looks at only together with an attestation, so that is done beside it.
 */
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <string.h>

#include "crypto/webauthn_priv.h"

const int webauthn_algorithms[] = { COSE_EDDSA, COSE_ES256, COSE_RS256, 0 };

/* --- public keys --------------------------------------------------------------------------- */

/* A key as libfido2 verifies with it; one member is set. */
struct public_key {
	es256_pk_t *es256;
	eddsa_pk_t *eddsa;
	rs256_pk_t *rs256;
};

static void
public_key_done(struct public_key *k)
{
	es256_pk_free(&k->es256);
	eddsa_pk_free(&k->eddsa);
	rs256_pk_free(&k->rs256);
}

/* NULL: it is none, such as a point that is not on the curve. public_key_done in any case. */
static const void *
public_key_read(struct public_key *k, const struct webauthn_credential *c)
{
	EVP_PKEY *usable = NULL;
	const void *ret = NULL;

	switch (c->algorithm) {
	case COSE_ES256:
		k->es256 = es256_pk_new();
		if (k->es256 && es256_pk_from_ptr(k->es256, c->key, c->n_key) == FIDO_OK)
			usable = es256_pk_to_EVP_PKEY(k->es256);
		ret = k->es256;
		break;
	case COSE_EDDSA:
		k->eddsa = eddsa_pk_new();
		if (k->eddsa && eddsa_pk_from_ptr(k->eddsa, c->key, c->n_key) == FIDO_OK)
			usable = eddsa_pk_to_EVP_PKEY(k->eddsa);
		ret = k->eddsa;
		break;
	case COSE_RS256:
		k->rs256 = rs256_pk_new();
		if (k->rs256 && rs256_pk_from_ptr(k->rs256, c->key, c->n_key) == FIDO_OK)
			usable = rs256_pk_to_EVP_PKEY(k->rs256);
		ret = k->rs256;
		break;
	}
	ret = usable ? ret : NULL;
	EVP_PKEY_free(usable);
	return ret;
}

/* --- registration ------------------------------------------------------------------------- */

static bool
take(uint8_t *dst, size_t size, size_t *n, const unsigned char *p, size_t len)
{
	if (!p || len == 0 || len > size)
		return false;
	memcpy(dst, p, len);
	*n = len;
	return true;
}

/* libfido2 wants to know the algorithm before it decodes a key. */
static bool
decode_as(struct span data, int algorithm, struct webauthn_credential *ret)
{
	fido_cred_t *cred = fido_cred_new();
	bool ok = cred && fido_cred_set_type(cred, algorithm) == FIDO_OK &&
	    fido_cred_set_authdata_raw(cred, data.p, data.n) == FIDO_OK &&
	    take(ret->id, sizeof(ret->id), &ret->n_id, fido_cred_id_ptr(cred),
		fido_cred_id_len(cred)) &&
	    take(ret->key, sizeof(ret->key), &ret->n_key, fido_cred_pubkey_ptr(cred),
		fido_cred_pubkey_len(cred));

	if (ok) {
		ret->algorithm = algorithm;
		ret->counter = fido_cred_sigcount(cred);
	}
	fido_cred_free(&cred);
	return ok;
}

static int
decode(struct span data, struct webauthn_credential *ret, struct err *e)
{
	struct public_key key = { 0 };
	bool ok = false;

	for (const int *a = webauthn_algorithms; *a && !ok; a++)
		ok = decode_as(data, *a, ret);
	ok = ok && public_key_read(&key, ret);
	public_key_done(&key);
	return ok
	    ? 0
	    : err_set(e, "the security key made no credential of a kind that is understood here");
}

int
webauthn_register(const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], const struct webauthn_answer *answer,
    struct webauthn_credential *ret, struct err *e)
{
	*ret = (struct webauthn_credential){ 0 };
	if (webauthn_client_check(answer->client_data, "webauthn.create", site, challenge, e) < 0 ||
	    webauthn_data_check(answer->auth_data, site->rp_id, true, e) < 0)
		return -1;
	return decode(answer->auth_data, ret, e);
}

/* --- assertion ----------------------------------------------------------------------------- */

static int
verify_signature(const struct webauthn_site *site, const struct webauthn_answer *a,
    const struct webauthn_credential *c, uint32_t *ret)
{
	struct public_key key = { 0 };
	const void *pk = public_key_read(&key, c);
	fido_assert_t *as = fido_assert_new();
	bool ok = pk && as && fido_assert_set_count(as, 1) == FIDO_OK &&
	    fido_assert_set_rp(as, site->rp_id) == FIDO_OK &&
	    fido_assert_set_clientdata(as, a->client_data.p, a->client_data.n) == FIDO_OK &&
	    fido_assert_set_up(as, FIDO_OPT_TRUE) == FIDO_OK &&
	    fido_assert_set_authdata_raw(as, 0, a->auth_data.p, a->auth_data.n) == FIDO_OK &&
	    fido_assert_set_sig(as, 0, a->signature.p, a->signature.n) == FIDO_OK &&
	    fido_assert_verify(as, 0, c->algorithm, pk) == FIDO_OK;

	if (ok)
		*ret = fido_assert_sigcount(as, 0);
	fido_assert_free(&as);
	public_key_done(&key);
	return ok ? 0 : -1;
}

int
webauthn_verify(const struct webauthn_site *site, const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES],
    const struct webauthn_answer *answer, const struct webauthn_credential *credential,
    uint32_t *ret, struct err *e)
{
	if (webauthn_client_check(answer->client_data, "webauthn.get", site, challenge, e) < 0 ||
	    webauthn_data_check(answer->auth_data, site->rp_id, false, e) < 0)
		return -1;
	if (answer->signature.n > WEBAUTHN_SIGNATURE_MAX ||
	    verify_signature(site, answer, credential, ret) < 0)
		return err_set(e, "the signature is not by this security key");
	/* Section 7.2, step 21. Many do not count, and say 0 for ever; one that did must go on. */
	if ((*ret != 0 || credential->counter != 0) && *ret <= credential->counter)
		return WEBAUTHN_E_CLONE;
	return 0;
}
