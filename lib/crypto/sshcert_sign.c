/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshcert_sign: making certificates. Called by authd's signer and by tests. Pure but for the nonce.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshcert_priv.h"
#include "crypto/sshkey_priv.h"

static int
by_name(const void *a, const void *b)
{
	const struct sshcert_option *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
check_options(struct sshcert_option *options, size_t n, struct err *e)
{
	if (n > SSHCERT_OPTIONS_MAX)
		return err_set(e, "too many certificate options");
	/* The format asks for this order (PROTOCOL.certkeys), and our own reader refuses
	 * another. */
	if (n > 1)
		qsort(options, n, sizeof *options, by_name);
	for (size_t i = 0; i < n; i++) {
		if (!sshcert_name_ok(span_str(options[i].name)) ||
		    !sshcert_text_ok(span_str(options[i].value)))
			return err_set(e,
			    "a certificate option has characters that are not allowed");
		if (i && strcmp(options[i - 1].name, options[i].name) == 0)
			return err_set(e, "the certificate option %s stands twice",
			    options[i].name);
	}
	return 0;
}

static int
check_fields(struct sshcert *cert, struct err *e)
{
	if (!cert->key || (cert->type != SSHCERT_USER && cert->type != SSHCERT_HOST))
		return err_set(e, "a certificate needs a key and a type");
	/* What a reader would refuse is not signed: a mistake shows here, to whoever made it, and
	 * not at the login of somebody else. */
	if (cert->valid_after >= cert->valid_before)
		return err_set(e, "the certificate would never be valid");
	if (!cert->key_id || !sshcert_text_ok(span_str(cert->key_id)))
		return err_set(e, "the certificate's key id has characters that are not allowed");
	if (!cert->n_principals || cert->n_principals > SSHCERT_PRINCIPALS_MAX)
		return err_set(e, "a certificate needs between 1 and %d principals",
		    SSHCERT_PRINCIPALS_MAX);
	for (size_t i = 0; i < cert->n_principals; i++)
		if (!sshcert_principal_ok(span_str(cert->principals[i])))
			return err_set(e,
			    "a principal of the certificate has characters that are not allowed");
	if (check_options(cert->critical, cert->n_critical, e) < 0)
		return -1;
	return check_options(cert->extensions, cert->n_extensions, e);
}

static void
put_options(struct buf *b, const struct sshcert_option *options, size_t n)
{
	size_t list = wire_put_open(b);

	for (size_t i = 0; i < n; i++) {
		size_t data;

		wire_put_text(b, options[i].name);
		data = wire_put_open(b);
		if (options[i].value && *options[i].value)
			wire_put_text(b, options[i].value);
		wire_put_close(b, data);
	}
	wire_put_close(b, list);
}

static void
put_body(struct buf *b, const struct sshcert *cert)
{
	const struct sshkey_kind *kind = cert->key->kind;
	struct wire key = wire_from(sshkey_blob(cert->key));
	struct span fields;
	uint8_t nonce[32];
	size_t list;

	wire_string(&key);
	/* A certificate holds the key's fields without the name of its type. */
	fields = wire_rest(&key);
	/* PROTOCOL.certkeys: early in what is signed, so that nobody who asks for certificates can
	 * work towards a collision of hashes. */
	rand_bytes(nonce, sizeof nonce);
	wire_put_text(b, kind->cert_name);
	wire_put_string(b, (struct span){ nonce, sizeof nonce });
	buf_put(b, fields.p, fields.n);
	wire_put_u64(b, cert->serial);
	wire_put_u32(b, cert->type);
	wire_put_text(b, cert->key_id);
	list = wire_put_open(b);
	for (size_t i = 0; i < cert->n_principals; i++)
		wire_put_text(b, cert->principals[i]);
	wire_put_close(b, list);
	wire_put_u64(b, cert->valid_after);
	wire_put_u64(b, cert->valid_before);
	put_options(b, cert->critical, cert->n_critical);
	put_options(b, cert->extensions, cert->n_extensions);
	wire_put_text(b, ""); /* reserved */
	wire_put_string(b, buf_span(&cert->ca_blob));
}

int
sshcert_sign(struct sshcert *cert, const struct sshkey *ca, struct err *e)
{
	struct buf sig;
	int rc = -1;

	if (check_fields(cert, e) < 0)
		return -1;
	buf_done(&cert->ca_blob);
	buf_done(&cert->blob);
	buf_init(&cert->ca_blob, SSHKEY_BLOB_MAX);
	buf_init(&cert->blob, SSHCERT_BLOB_MAX);
	buf_init(&sig, 1024);
	buf_put(&cert->ca_blob, sshkey_blob(ca).p, sshkey_blob(ca).n);
	put_body(&cert->blob, cert);
	if (!buf_ok(&cert->ca_blob) || !buf_ok(&cert->blob)) {
		err_set(e, "the certificate would be too large");
	} else if (sshkey_sign(ca, buf_span(&cert->blob), &sig) < 0) {
		err_set(e, "the CA key cannot sign");
	} else {
		wire_put_string(&cert->blob, buf_span(&sig));
		rc = buf_ok(&cert->blob) ? 0 : err_set(e, "the certificate would be too large");
	}
	buf_done(&sig);
	return rc;
}
