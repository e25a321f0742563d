/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey: making keys, reading public keys from the wire, and signing. Verification is in sshkey_verify.c, files and
 * text lines in sshkey_file.c; the mathematics in sshkey_ed25519.c, sshkey_ecdsa.c and sshkey_rsa.c.
 *
 * Called by the SSH engine, the certificate code and whoever holds a key. Touches memory only.
 */
#include "crypto/sshkey.h"

#include <stdlib.h>

#include "crypto/rand.h"
#include "crypto/sshkey_priv.h"
#include "crypto/suite.h"

/* By plain name or by certificate name; NULL: not a type we take. */
static const struct sshkey_kind *
sshkey_kind_named(struct span name)
{
	for (size_t i = 0; i < suite_n_keys; i++)
		if (span_is(name, suite_keys[i].name))
			return &suite_keys[i];
	return NULL;
}

const struct sshkey_kind *
sshkey_kind_cert_named(struct span name)
{
	for (size_t i = 0; i < suite_n_keys; i++)
		if (span_is(name, suite_keys[i].cert_name))
			return &suite_keys[i];
	return NULL;
}

bool
sshkey_type_available(const char *name)
{
	return sshkey_kind_named(span_str(name)) != NULL;
}

static struct sshkey *
key_new(const struct sshkey_kind *kind)
{
	struct sshkey *key = calloc(1, sizeof *key);

	if (!key)
		return NULL;
	key->kind = kind;
	buf_init(&key->blob, SSHKEY_BLOB_MAX);
	return key;
}

void
sshkey_free(struct sshkey *key)
{
	if (!key)
		return;
	secret_free(key->secret); /* zeroes */
	buf_done(&key->blob);
	free(key);
}

/* --- making ---------------------------------------------------------------- */

int
sshkey_from_seed(struct sshkey **ret, const uint8_t seed[32])
{
	const struct sshkey_kind *kind = sshkey_kind_named(span_str("ssh-ed25519"));
	struct sshkey *key = kind ? key_new(kind) : NULL;
	uint8_t public[SSHKEY_PUBLIC_LEN];

	*ret = NULL;
	if (!key)
		return -1;
	key->secret = secret_new(SSHKEY_SECRET_LEN);
	if (!key->secret)
		goto fail;
	sshkey_ed25519_pair(seed, public, key->secret->p);
	wire_put_text(&key->blob, kind->name);
	wire_put_string(&key->blob, (struct span){ public, sizeof public });
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
	uint8_t seed[SSHKEY_SEED_LEN];
	int rc;

	rand_bytes(seed, sizeof seed);
	rc = sshkey_from_seed(ret, seed);
	secret_zero(seed, sizeof seed);
	return rc;
}

/* --- reading ----------------------------------------------------------------- */

struct span
sshkey_fields(const struct sshkey *key)
{
	struct wire w = wire_from(buf_span(&key->blob));
	const uint8_t *from;

	wire_string(&w);
	from = w.p;
	/* A token's last field is its application, which is no part of the key. */
	for (int i = key->kind->token ? 1 : 0; i < key->kind->fields; i++)
		wire_string(&w);
	return (struct span){ from, (size_t)(w.p - from) };
}

struct span
sshkey_application(const struct sshkey *key)
{
	struct wire w = wire_from(buf_span(&key->blob));

	for (int i = 0; i < key->kind->fields; i++)
		wire_string(&w);
	return wire_string(&w);
}

/* The blob has the fields that the type has, and they are a key. */
static bool
blob_ok(const struct sshkey *key)
{
	struct wire w = wire_from(buf_span(&key->blob));
	struct span last = { NULL, 0 };

	for (int i = 0; i < key->kind->fields + 1; i++)
		last = wire_string(&w);
	if (!wire_end(&w) || (key->kind->token && last.n > SSHKEY_APPLICATION_MAX))
		return false;
	return key->kind->alg->check(sshkey_fields(key));
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
	key = key_new(kind);
	if (!key)
		return -1;
	if (!buf_put(&key->blob, blob.p, blob.n) || !blob_ok(key)) {
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
	return key->kind->type;
}

const char *
sshkey_type_name(const struct sshkey *key)
{
	return key->kind->name;
}

bool
sshkey_is_private(const struct sshkey *key)
{
	return key->secret != NULL;
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

int
sshkey_sign(const struct sshkey *key, struct span data, struct buf *ret_sig)
{
	uint8_t sig[SSHKEY_SIGNATURE_LEN];

	if (!key->secret)
		return -1;
	sshkey_ed25519_sign(key->secret->p, data, sig);
	wire_put_text(ret_sig, key->kind->name);
	wire_put_string(ret_sig, (struct span){ sig, sizeof sig });
	return buf_ok(ret_sig) ? 0 : -1;
}
