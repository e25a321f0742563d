/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: reading certificates and believing them. Making them is in x509_issue.c, keys in
 * x509_key.c. Called by every program with certificates of strangers. Touches memory and the
 * system's clock.
 */
#include "crypto/x509.h"

#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "crypto/x509_priv.h"

/* --- parsing -------------------------------------------------------------------- */

static struct x509_cert *
cert_new(void)
{
	struct x509_cert *cert = calloc(1, sizeof *cert);

	if (cert)
		mbedtls_x509_crt_init(&cert->crt);
	return cert;
}

void
x509_cert_free(struct x509_cert *cert)
{
	if (!cert)
		return;
	mbedtls_x509_crt_free(&cert->crt);
	free(cert);
}

int
x509_cert_from_pem(struct x509_cert **ret, const char *pem, struct err *e)
{
	size_t n = strlen(pem);
	struct x509_cert *cert;
	int rc;

	*ret = NULL;
	if (n > X509_PEM_MAX)
		return err_set(e, "the certificates are too large");
	cert = cert_new();
	if (!cert)
		return err_memory(e);
	/* Positive: so many of the blocks did not parse. */
	rc = mbedtls_x509_crt_parse(&cert->crt, (const unsigned char *)pem, n + 1);
	if (rc != 0) {
		x509_cert_free(cert);
		return rc > 0 ? err_set(e, "%d of the certificates do not parse", rc)
			      : x509_err(e, rc, "the certificate does not parse");
	}
	*ret = cert;
	return 0;
}

int
x509_cert_from_der(struct x509_cert **ret, struct span der, struct err *e)
{
	struct x509_cert *cert = cert_new();
	int rc;

	*ret = NULL;
	if (!cert)
		return err_memory(e);
	rc = der.n ? mbedtls_x509_crt_parse_der(&cert->crt, der.p, der.n)
		   : MBEDTLS_ERR_X509_INVALID_FORMAT;
	if (rc != 0) {
		x509_cert_free(cert);
		return x509_err(e, rc, "the certificate does not parse");
	}
	*ret = cert;
	return 0;
}

size_t
x509_cert_count(const struct x509_cert *cert)
{
	size_t n = 0;

	for (const mbedtls_x509_crt *c = &cert->crt; c && c->raw.p; c = c->next)
		n++;
	return n;
}

/* --- asking ------------------------------------------------------------------------ */

/* mbedTLS gives dates in UTC. */
static int64_t
seconds(const mbedtls_x509_time *t)
{
	struct tm tm = { .tm_year = t->year - 1900,
		.tm_mon = t->mon - 1,
		.tm_mday = t->day,
		.tm_hour = t->hour,
		.tm_min = t->min,
		.tm_sec = t->sec };

	return timegm(&tm);
}

int64_t
x509_cert_not_before(const struct x509_cert *cert)
{
	return seconds(&cert->crt.valid_from);
}

int64_t
x509_cert_not_after(const struct x509_cert *cert)
{
	return seconds(&cert->crt.valid_to);
}

bool
x509_cert_is_ca(const struct x509_cert *cert)
{
	return mbed_crt_is_ca(&cert->crt);
}

#define EACH_SAN(var, crt_)                                                                    \
	for (const mbedtls_x509_sequence *var = &(crt_)->subject_alt_names; var && var->buf.p; \
	     var = var->next)

int
x509_cert_identity(const struct x509_cert *cert, struct identity *ret)
{
	int found = 0;

	EACH_SAN(s, &cert->crt)
	{
		if (s->buf.tag != X509_SAN_URI)
			continue;
		/* Two identities would be one for whoever checks and the other for whoever acts. */
		if (++found > 1 || !identity_parse(ret, (struct span){ s->buf.p, s->buf.len }))
			return -1;
	}
	return found == 1 ? 0 : -1;
}

bool
x509_cert_has_dns(const struct x509_cert *cert, const char *name)
{
	size_t n = strlen(name);

	if (!n)
		return false;
	EACH_SAN(s, &cert->crt)
	if (s->buf.tag == X509_SAN_DNS && s->buf.len == n &&
	    strncasecmp((const char *)s->buf.p, name, n) == 0)
		return true;
	return false;
}

size_t
x509_ip_bytes(const char *text, uint8_t dst[16])
{
	if (inet_pton(AF_INET, text, dst) == 1)
		return 4;
	return inet_pton(AF_INET6, text, dst) == 1 ? 16 : 0;
}

bool
x509_cert_has_ip(const struct x509_cert *cert, const char *ip)
{
	uint8_t bytes[16];
	size_t n = x509_ip_bytes(ip, bytes);

	if (!n)
		return false;
	EACH_SAN(s, &cert->crt)
	if (s->buf.tag == X509_SAN_IP && s->buf.len == n && memcmp(s->buf.p, bytes, n) == 0)
		return true;
	return false;
}

int
x509_cert_spki(const struct x509_cert *cert, struct buf *ret)
{
	return buf_put(ret, cert->crt.pk_raw.p, cert->crt.pk_raw.len) ? 0 : -1;
}

int
x509_cert_pem(const struct x509_cert *cert, struct buf *ret)
{
	size_t size = cert->crt.raw.len * 2 + 128, n;
	unsigned char *text = malloc(size);
	int rc = -1;

	if (text &&
	    mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
		cert->crt.raw.p, cert->crt.raw.len, text, size, &n) == 0 &&
	    buf_put(ret, text, strlen((char *)text)))
		rc = 0;
	free(text);
	return rc;
}

bool
x509_cert_fits_key(const struct x509_cert *cert, const struct x509_key *key)
{
	struct buf spki;
	bool fits;

	buf_init(&spki, 2 * X509_SPKI_MAX);
	fits = x509_key_spki(key, &spki) == 0 &&
	    span_eq(buf_span(&spki), (struct span){ cert->crt.pk_raw.p, cert->crt.pk_raw.len });
	buf_done(&spki);
	return fits;
}

/* --- believing --------------------------------------------------------------------------- */

/* P-256 and SHA-256 are all that our CAs use; the web's own certificates are not checked here. */
static const mbedtls_x509_crt_profile our_profile = {
	MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256),
	MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
	MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1),
	0,
};

static int
explain(uint32_t flags, struct err *e)
{
	if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
		return err_set(e, "the certificate has expired");
	if (flags & MBEDTLS_X509_BADCERT_FUTURE)
		return err_set(e, "the certificate is not valid yet; compare the clocks");
	if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		return err_set(e, "the certificate was signed by a CA that is not trusted here");
	return err_set(e, "the certificate is not acceptable (flags 0x%x)", flags);
}

/* The purpose must be named: a certificate without extended key usage is for nothing here. */
static bool
may_be_used(const mbedtls_x509_crt *crt, int usage)
{
	if (!mbed_crt_has(crt, MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE))
		return usage == 0;
	if ((usage & X509_SERVER) &&
	    mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
		return false;
	return !(usage & X509_CLIENT) ||
	    mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_CLIENT_AUTH,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
}

int
x509_verify(const struct x509_cert *chain, const struct x509_cert *roots, int usage, struct err *e)
{
	uint32_t flags = 0;
	int rc;

	if (mbed_crt_is_ca(&chain->crt))
		return err_set(e, "a CA's certificate is not an identity");
	rc = mbedtls_x509_crt_verify_with_profile((mbedtls_x509_crt *)&chain->crt,
	    (mbedtls_x509_crt *)&roots->crt, NULL, &our_profile, NULL, &flags, NULL, NULL);
	if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		return explain(flags, e);
	if (rc != 0)
		return x509_err(e, rc, "the certificate could not be verified");
	if (!may_be_used(&chain->crt, usage))
		return err_set(e, "the certificate is not made for this use");
	return 0;
}

int
x509_identify(const struct x509_cert *chain, const struct x509_cert *host_roots,
    const struct x509_cert *user_roots, const char *cluster, struct identity *ret, struct err *e)
{
	bool user;

	if (x509_cert_identity(chain, ret) < 0)
		return err_set(e, "the certificate names no identity of a cluster");
	/* The kind decides which CA must have signed, before the signature is looked at: the host
	 * CA cannot make people, nor the user CA hosts. */
	user = ret->kind == IDENTITY_USER;
	if (user ? !user_roots : !host_roots)
		return err_set(e, "certificates of kind %s are not accepted here",
		    identity_kind_name(ret->kind));
	if (cluster && strcmp(cluster, ret->cluster) != 0)
		return err_set(e, "the certificate is of the cluster %s, not of %s", ret->cluster,
		    cluster);
	return x509_verify(chain, user ? user_roots : host_roots, X509_CLIENT, e);
}
