/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshcert: reading certificates (OpenSSH PROTOCOL.certkeys). What they are believed for is in
 * sshcert_check.c, making them in sshcert_sign.c.
 *
 * Called by the SSH engine with bytes of strangers, before any authentication. Touches memory only.
 */
#include "crypto/sshcert.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/sshcert_priv.h"
#include "crypto/sshkey_priv.h"

bool
sshcert_text_ok(struct span s)
{
	return s.n <= SSHCERT_TEXT_MAX && (s.n == 0 || str_is_printable((const char *)s.p, s.n));
}

bool
sshcert_principal_ok(struct span s)
{
	if (!s.n || !sshcert_text_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		/* A comma would be two principals, and a star many, for programs that read them as lists of
		 * patterns. */
		if (strchr(",*? ", s.p[i]))
			return false;
	return true;
}

bool
sshcert_name_ok(struct span s)
{
	if (!s.n || s.n > 256)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == ',')
			return false;
	return true;
}

bool
sshcert_is_cert(struct span blob)
{
	static const char suffix[] = "-cert-v01@openssh.com";
	struct wire w = wire_from(blob);
	struct span name = wire_string(&w);
	size_t n = sizeof suffix - 1;

	return !w.bad && name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0;
}

static void
options_free(struct sshcert_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(options[i].name);
		free(options[i].value);
	}
	free(options);
}

void
sshcert_free(struct sshcert *cert)
{
	if (!cert)
		return;
	sshkey_free(cert->key);
	free(cert->key_id);
	for (size_t i = 0; i < cert->n_principals; i++)
		free(cert->principals[i]);
	free(cert->principals);
	options_free(cert->critical, cert->n_critical);
	options_free(cert->extensions, cert->n_extensions);
	buf_done(&cert->ca_blob);
	buf_done(&cert->blob);
	free(cert);
}

/* --- the parts ----------------------------------------------------------------- */

/* The certified key: the certificate holds its fields without the plain type name. */
static int
read_key(struct sshcert *cert, const struct sshkey_kind *kind, struct wire *w)
{
	const uint8_t *from = w->p;
	struct buf plain;
	int rc = -1;

	for (int i = 0; i < kind->fields; i++)
		wire_string(w);
	if (w->bad)
		return -1;
	buf_init(&plain, SSHKEY_BLOB_MAX);
	wire_put_text(&plain, kind->name);
	buf_put(&plain, from, (size_t)(w->p - from));
	if (buf_ok(&plain))
		rc = sshkey_from_blob(&cert->key, buf_span(&plain));
	buf_done(&plain);
	return rc;
}

/* Counted one by one, so that sshcert_free frees what was read before a fault. */
static int
read_principals(struct sshcert *cert, struct span list, struct err *e)
{
	struct wire w = wire_from(list);

	cert->principals = calloc(SSHCERT_PRINCIPALS_MAX, sizeof *cert->principals);
	if (!cert->principals)
		return err_memory(e);
	while (w.left) {
		struct span s = wire_string(&w);

		if (w.bad || !sshcert_principal_ok(s))
			return err_set(e, "the certificate holds a malformed principal");
		if (cert->n_principals == SSHCERT_PRINCIPALS_MAX)
			return err_set(e, "the certificate holds too many principals");
		cert->principals[cert->n_principals] = span_dup(s);
		if (!cert->principals[cert->n_principals])
			return err_memory(e);
		cert->n_principals++;
	}
	return 0;
}

/* An option's data is empty, or one string inside the string. */
static bool
option_text(struct span data, struct span *ret)
{
	struct wire w = wire_from(data);

	*ret = (struct span){ (const uint8_t *)"", 0 };
	if (!data.n)
		return true;
	*ret = wire_string(&w);
	return wire_end(&w) && sshcert_text_ok(*ret);
}

/* Strictly ascending, as PROTOCOL.certkeys asks: so each name stands once. */
static bool
ascends(const char *before, const char *name)
{
	return !before || strcmp(before, name) < 0;
}

static int
read_options(struct sshcert_option **ret, size_t *ret_n, struct span list, struct err *e)
{
	struct wire w = wire_from(list);
	const char *before = NULL;

	*ret = calloc(SSHCERT_OPTIONS_MAX, sizeof **ret);
	if (!*ret)
		return err_memory(e);
	while (w.left) {
		struct span name = wire_string(&w), data = wire_string(&w), text;
		struct sshcert_option *o = *ret + *ret_n;

		if (w.bad || !sshcert_name_ok(name) || !option_text(data, &text))
			return err_set(e, "the certificate holds a malformed option");
		if (*ret_n == SSHCERT_OPTIONS_MAX)
			return err_set(e, "the certificate holds too many options");
		(*ret_n)++; /* counted first, so that a half-filled one is freed */
		o->name = span_dup(name);
		o->value = text.n ? span_dup(text) : calloc(1, 1);
		if (!o->name || !o->value)
			return err_memory(e);
		if (!ascends(before, o->name))
			return err_set(e, "the certificate's options are unsorted or doubled");
		before = o->name;
	}
	return 0;
}

static int
read_fields(struct sshcert *cert, struct wire *w, struct err *e)
{
	struct span key_id, principals, critical, extensions, ca;

	cert->serial = wire_u64(w);
	cert->type = wire_u32(w);
	key_id = wire_string(w);
	principals = wire_string(w);
	cert->valid_after = wire_u64(w);
	cert->valid_before = wire_u64(w);
	critical = wire_string(w);
	extensions = wire_string(w);
	wire_string(w); /* reserved */
	ca = wire_string(w);
	if (w->bad || (cert->type != SSHCERT_USER && cert->type != SSHCERT_HOST) ||
	    !sshcert_text_ok(key_id))
		return err_set(e, "the certificate is malformed");
	cert->key_id = key_id.n ? span_dup(key_id) : calloc(1, 1);
	if (!cert->key_id || !buf_put(&cert->ca_blob, ca.p, ca.n))
		return err_memory(e);
	if (read_principals(cert, principals, e) < 0 ||
	    read_options(&cert->critical, &cert->n_critical, critical, e) < 0)
		return -1;
	return read_options(&cert->extensions, &cert->n_extensions, extensions, e);
}

/* sig over everything in front of it, by the key that the certificate names; who that is,
 * sshcert_check asks. */
static int
check_signature(const struct sshcert *cert, struct span signed_part, struct span sig, struct err *e)
{
	struct wire w = wire_from(sig);
	struct span alg = wire_string(&w);
	struct sshkey *ca;
	int rc;

	if (sshkey_from_blob(&ca, buf_span(&cert->ca_blob)) < 0)
		return err_set(e,
		    "the certificate was signed by a key of a kind that is not accepted");
	rc = sshkey_verify(ca, alg, sig, signed_part);
	sshkey_free(ca);
	return rc < 0 ? err_set(e, "the certificate's signature is wrong") : 0;
}

static int
parse(struct sshcert *cert, struct span blob, struct err *e)
{
	struct wire w = wire_from(blob);
	const struct sshkey_kind *kind = sshkey_kind_cert_named(wire_string(&w));
	struct span signed_part = { blob.p, 0 }, sig;

	if (w.bad || !kind)
		return err_set(e, "the certificate's type is not supported");
	wire_string(&w); /* nonce */
	if (read_key(cert, kind, &w) < 0)
		return err_set(e,
		    "the certified key is malformed or of a size that is not accepted");
	if (read_fields(cert, &w, e) < 0)
		return -1;
	/* Everything that was read so far: the signature must cover each field that is believed. */
	signed_part.n = blob.n - w.left;
	sig = wire_string(&w);
	if (!wire_end(&w))
		return err_set(e, "the certificate is malformed");
	if (!buf_put(&cert->blob, blob.p, blob.n))
		return err_memory(e);
	return check_signature(cert, signed_part, sig, e);
}

int
sshcert_parse(struct sshcert **ret, struct span blob, struct err *e)
{
	struct sshcert *cert;

	*ret = NULL;
	if (blob.n > SSHCERT_BLOB_MAX)
		return err_set(e, "the certificate is too large");
	cert = calloc(1, sizeof *cert);
	if (!cert)
		return err_memory(e);
	buf_init(&cert->ca_blob, SSHKEY_BLOB_MAX);
	buf_init(&cert->blob, SSHCERT_BLOB_MAX);
	if (parse(cert, blob, e) < 0) {
		sshcert_free(cert);
		return -1;
	}
	*ret = cert;
	return 0;
}
