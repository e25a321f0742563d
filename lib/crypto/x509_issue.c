/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509_issue: making certificates. Called by authd's signer, which has checked who may get what,
 * and by tests. Pure but for serial numbers.
 */
#include <ctype.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "crypto/x509_priv.h"

enum { CERT_PEM_MAX = 16 * 1024, SAN_MAX = 8 * 1024 };

/* --- extensions by hand: mbedTLS 2.28 has no writer for them. DER is written backwards: *p moves
 * down. ---------- */

/* As all put functions here: the number of bytes written, or mbedTLS's code. */
static int
put_tagged(unsigned char **p, unsigned char *start, int tag, const void *value, size_t n)
{
	int ret, len = 0; /* MBEDTLS_ASN1_CHK_ADD wants a local called ret */

	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_raw_buffer(p, start, value, n));
	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, n));
	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_tag(p, start, (unsigned char)tag));
	return len;
}

static int
close_sequence(unsigned char **p, unsigned char *start, int len)
{
	int ret;

	MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
	MBEDTLS_ASN1_CHK_ADD(len,
	    mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
	return len;
}

/* What may stand in a certificate as a name; it was configured by whoever runs the host. */
static bool
dns_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 253 || name[0] == '.' || name[0] == '-' || name[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}

static int
put_names(unsigned char **p, unsigned char *start, const struct x509_request *q)
{
	char uri[IDENTITY_URI_MAX];
	uint8_t ip[16];
	int ret, len = 0;
	size_t n;

	for (size_t i = q->n_ip; i-- > 0;) {
		n = x509_ip_bytes(q->ip[i], ip);
		if (!n)
			return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
		MBEDTLS_ASN1_CHK_ADD(len, put_tagged(p, start, X509_SAN_IP, ip, n));
	}
	for (size_t i = q->n_dns; i-- > 0;) {
		if (!dns_ok(q->dns[i]))
			return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
		MBEDTLS_ASN1_CHK_ADD(len,
		    put_tagged(p, start, X509_SAN_DNS, q->dns[i], strlen(q->dns[i])));
	}
	if (!identity_format(q->identity, uri, sizeof uri))
		return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
	MBEDTLS_ASN1_CHK_ADD(len, put_tagged(p, start, X509_SAN_URI, uri, strlen(uri)));
	return close_sequence(p, start, len);
}

static int
set_names(mbedtls_x509write_cert *crt, const struct x509_request *q)
{
	unsigned char der[SAN_MAX], *p = der + sizeof der;
	int len = put_names(&p, der, q);

	return len < 0 ? len
		       : mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
			     MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, p, (size_t)len);
}

static int
put_usage(unsigned char **p, unsigned char *start, int usage)
{
	int ret, len = 0;

	if (usage & X509_CLIENT)
		MBEDTLS_ASN1_CHK_ADD(len,
		    mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_CLIENT_AUTH,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)));
	if (usage & X509_SERVER)
		MBEDTLS_ASN1_CHK_ADD(len,
		    mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_SERVER_AUTH,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)));
	return close_sequence(p, start, len);
}

static int
set_usage(mbedtls_x509write_cert *crt, int usage)
{
	unsigned char der[64], *p = der + sizeof der;
	int len = put_usage(&p, der, usage);

	return len < 0 ? len
		       : mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
			     MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, p, (size_t)len);
}

/* --- the parts that all certificates have ---------------------------------------------- */

static int
set_serial(mbedtls_x509write_cert *crt)
{
	uint8_t bytes[16];

	/* Random: nothing has to be kept, and whoever asks for a certificate cannot choose all of
	 * what is signed. */
	rand_bytes(bytes, sizeof bytes);
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always of one length */
	return mbed_crt_set_serial(crt, bytes, sizeof bytes);
}

static bool
date_text(int64_t s, char dst[16])
{
	time_t t = (time_t)s;
	struct tm tm;

	/* Four digits of a year is what the format has. */
	return gmtime_r(&t, &tm) && tm.tm_year >= 70 && tm.tm_year < 8100 &&
	    strftime(dst, 16, "%Y%m%d%H%M%S", &tm) == 14;
}

static int
set_validity(mbedtls_x509write_cert *crt, int64_t from_s, int64_t to_s)
{
	char from[16], to[16];

	if (from_s >= to_s || !date_text(from_s, from) || !date_text(to_s, to))
		return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
	return mbedtls_x509write_crt_set_validity(crt, from, to);
}

static int
set_common(mbedtls_x509write_cert *crt, mbedtls_pk_context *subject, mbedtls_pk_context *issuer,
    bool ca)
{
	unsigned usage = ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
			    : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	int rc;

	mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(crt, subject);
	mbedtls_x509write_crt_set_issuer_key(crt, issuer);
	if ((rc = set_serial(crt)) != 0 ||
	    (rc = mbedtls_x509write_crt_set_basic_constraints(crt, ca, ca ? 0 : -1)) != 0 ||
	    (rc = mbedtls_x509write_crt_set_subject_key_identifier(crt)) != 0 ||
	    (rc = mbedtls_x509write_crt_set_authority_key_identifier(crt)) != 0)
		return rc;
	return mbedtls_x509write_crt_set_key_usage(crt, usage);
}

static int
write_pem(mbedtls_x509write_cert *crt, struct buf *ret)
{
	unsigned char pem[CERT_PEM_MAX];
	int rc = mbedtls_x509write_crt_pem(crt, pem, sizeof pem, rand_mbedtls, NULL);

	if (rc == 0 && !buf_put(ret, pem, strlen((char *)pem)))
		rc = MBEDTLS_ERR_X509_ALLOC_FAILED;
	return rc;
}

/* --- a CA ------------------------------------------------------------------------------------ */

/* The key's fingerprint makes CAs before and after a rotation tell apart by name. */
static bool
ca_name(const struct x509_key *key, const char *purpose, char *dst, size_t size)
{
	uint8_t digest[SHA256_BYTES];
	char hex[17];
	struct buf spki;
	bool ok;

	for (const char *p = purpose; *p; p++)
		if (!isalnum((unsigned char)*p))
			return false;
	buf_init(&spki, 2 * X509_SPKI_MAX);
	ok = x509_key_spki(key, &spki) == 0;
	if (ok) {
		sha256_of(buf_span(&spki), digest);
		str_hex(hex, digest, 8);
		ok = str_format(dst, size, "O=Sallyport,CN=%s CA %s", purpose, hex);
	}
	buf_done(&spki);
	return ok;
}

int
x509_ca_new(const struct x509_key *key, const char *purpose, int64_t not_before_s,
    int64_t not_after_s, struct buf *ret_pem, struct err *e)
{
	mbedtls_pk_context *pk = (mbedtls_pk_context *)&key->pk;
	mbedtls_x509write_cert crt;
	char name[128];
	int rc;

	if (!ca_name(key, purpose, name, sizeof name))
		return err_set(e, "the CA could not be named");
	mbedtls_x509write_crt_init(&crt);
	if ((rc = set_common(&crt, pk, pk, true)) == 0 &&
	    (rc = set_validity(&crt, not_before_s, not_after_s)) == 0 &&
	    (rc = mbedtls_x509write_crt_set_subject_name(&crt, name)) == 0 &&
	    (rc = mbedtls_x509write_crt_set_issuer_name(&crt, name)) == 0)
		rc = write_pem(&crt, ret_pem);
	mbedtls_x509write_crt_free(&crt);
	return rc ? x509_err(e, rc, "the CA certificate could not be made") : 0;
}

/* --- a leaf ----------------------------------------------------------------------------------- */

static int
issue(mbedtls_x509write_cert *crt, const struct x509_request *q, const struct x509_cert *ca,
    struct buf *ret)
{
	char issuer[256];
	int rc;

	/* Our own CA's name: made by ca_name, so it survives the way through text. */
	rc = mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->crt.subject);
	if (rc < 0)
		return rc;
	if ((rc = set_validity(crt, q->not_before_s, q->not_after_s)) != 0 ||
	    (rc = mbedtls_x509write_crt_set_subject_name(crt, "CN=sallyport")) != 0 ||
	    (rc = mbedtls_x509write_crt_set_issuer_name(crt, issuer)) != 0 ||
	    (rc = set_usage(crt, q->usage)) != 0 || (rc = set_names(crt, q)) != 0)
		return rc;
	return write_pem(crt, ret);
}

int
x509_issue(const struct x509_request *q, const struct x509_cert *ca, const struct x509_key *ca_key,
    struct buf *ret_pem, struct err *e)
{
	mbedtls_x509write_cert crt;
	mbedtls_pk_context subject;
	int rc;

	if (!(q->usage & (X509_SERVER | X509_CLIENT)) || q->n_dns > X509_NAMES_MAX ||
	    q->n_ip > X509_NAMES_MAX)
		return err_set(e, "a certificate needs a use, and at most %d names",
		    X509_NAMES_MAX);
	if (!mbed_crt_is_ca(&ca->crt) || !x509_cert_fits_key(ca, ca_key))
		return err_set(e, "the CA's key and certificate do not belong together");
	mbedtls_pk_init(&subject);
	mbedtls_x509write_crt_init(&crt);
	if (x509_pk_from_spki(&subject, q->spki) < 0) {
		rc = err_set(e, "the public key is not a P-256 key");
	} else {
		rc = set_common(&crt, &subject, (mbedtls_pk_context *)&ca_key->pk, false);
		if (rc == 0)
			rc = issue(&crt, q, ca, ret_pem);
		if (rc != 0)
			x509_err(e, rc, "the certificate could not be made");
	}
	mbedtls_x509write_crt_free(&crt);
	mbedtls_pk_free(&subject);
	return rc ? -1 : 0;
}
