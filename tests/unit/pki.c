/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_pki: see rpc_pki.h. Certificates by mbedTLS, without our own lib/crypto, so that the two check each other.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include "crypto/mbed.h"
#include "pki.h"

struct pki_ca {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context rng;
	mbedtls_pk_context key;
	char name[64];
	char pem[PKI_PEM_MAX];
};

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "test certificates: %s failed\n", what);
	abort();
}

static void
new_key(mbedtls_pk_context *key, mbedtls_ctr_drbg_context *rng)
{
	mbedtls_pk_init(key);
	must(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0, "pk_setup");
	must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
		 mbedtls_ctr_drbg_random, rng) == 0,
	    "ecp_gen_key");
}

/* GeneralNames, backwards from the end of buf; returns the first byte. */
static unsigned char *
put_san(unsigned char *start, unsigned char *end, const char *uri, const char *dns)
{
	const struct {
		const char *text;
		unsigned char tag;
	} names[] = { { dns, 2 }, { uri, 6 } };
	unsigned char *p = end;

	for (int i = 0; i < 2; i++) {
		if (!names[i].text)
			continue;
		must(mbedtls_asn1_write_raw_buffer(&p, start, (const unsigned char *)names[i].text,
			 strlen(names[i].text)) >= 0,
		    "san");
		must(mbedtls_asn1_write_len(&p, start, strlen(names[i].text)) >= 0, "san");
		must(mbedtls_asn1_write_tag(&p, start,
			 MBEDTLS_ASN1_CONTEXT_SPECIFIC | names[i].tag) >= 0,
		    "san");
	}
	must(mbedtls_asn1_write_len(&p, start, (size_t)(end - p)) >= 0, "san");
	must(mbedtls_asn1_write_tag(&p, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) >=
		0,
	    "san");
	return p;
}

static void
set_serial_and_dates(mbedtls_x509write_cert *crt, mbedtls_ctr_drbg_context *rng, int64_t from_s,
    int64_t to_s)
{
	time_t from = time(NULL) + (time_t)from_s, to = time(NULL) + (time_t)to_s;
	char from_text[16], to_text[16];
	unsigned char sn[16];
	struct tm tm;

	must(mbedtls_ctr_drbg_random(rng, sn, sizeof sn) == 0, "random");
	sn[0] = 0x41;
	must(mbed_crt_set_serial(crt, sn, sizeof sn) == 0, "serial");
	strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &tm));
	strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &tm));
	must(mbedtls_x509write_crt_set_validity(crt, from_text, to_text) == 0, "validity");
}

/* Extended key usage: client and server, as our daemons have. */
static void
set_usage(mbedtls_x509write_cert *crt)
{
	unsigned char buf[64], *end = buf + sizeof buf, *p = end;

	must(mbedtls_asn1_write_oid(&p, buf, MBEDTLS_OID_CLIENT_AUTH,
		 MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) >= 0,
	    "usage");
	must(mbedtls_asn1_write_oid(&p, buf, MBEDTLS_OID_SERVER_AUTH,
		 MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) >= 0,
	    "usage");
	must(mbedtls_asn1_write_len(&p, buf, (size_t)(end - p)) >= 0, "usage");
	must(mbedtls_asn1_write_tag(&p, buf, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) >= 0,
	    "usage");
	must(mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
		 MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, p, (size_t)(end - p)) == 0,
	    "usage");
}

static void
finish(struct pki_ca *ca, mbedtls_x509write_cert *crt, const char *subject, bool is_ca, char *pem)
{
	char issuer[80];

	snprintf(issuer, sizeof issuer, "CN=%s", ca->name);
	mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_version(crt, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_issuer_key(crt, &ca->key);
	must(mbedtls_x509write_crt_set_issuer_name(crt, issuer) == 0, "issuer");
	must(mbedtls_x509write_crt_set_subject_name(crt, subject) == 0, "subject");
	must(mbedtls_x509write_crt_set_basic_constraints(crt, is_ca, is_ca ? 0 : -1) == 0,
	    "constraints");
	must(mbedtls_x509write_crt_set_subject_key_identifier(crt) == 0, "key id");
	must(mbedtls_x509write_crt_set_authority_key_identifier(crt) == 0, "key id");
	must(mbedtls_x509write_crt_pem(crt, (unsigned char *)pem, PKI_PEM_MAX,
		 mbedtls_ctr_drbg_random, &ca->rng) == 0,
	    "signing");
	mbedtls_x509write_crt_free(crt);
}

struct pki_ca *
pki_ca_new(const char *name)
{
	struct pki_ca *ca = calloc(1, sizeof *ca);
	mbedtls_x509write_cert crt;
	char subject[80];

	must(ca != NULL, "memory");
	snprintf(ca->name, sizeof ca->name, "%s", name);
	mbedtls_entropy_init(&ca->entropy);
	mbedtls_ctr_drbg_init(&ca->rng);
	must(mbedtls_ctr_drbg_seed(&ca->rng, mbedtls_entropy_func, &ca->entropy, NULL, 0) == 0,
	    "seed");
	new_key(&ca->key, &ca->rng);
	mbedtls_x509write_crt_init(&crt);
	mbedtls_x509write_crt_set_subject_key(&crt, &ca->key);
	set_serial_and_dates(&crt, &ca->rng, -86400, 864000);
	must(mbedtls_x509write_crt_set_key_usage(&crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0,
	    "usage");
	snprintf(subject, sizeof subject, "CN=%s", name);
	finish(ca, &crt, subject, true, ca->pem);
	return ca;
}

void
pki_ca_free(struct pki_ca *ca)
{
	mbedtls_pk_free(&ca->key);
	mbedtls_ctr_drbg_free(&ca->rng);
	mbedtls_entropy_free(&ca->entropy);
	free(ca);
}

const char *
pki_ca_pem(const struct pki_ca *ca)
{
	return ca->pem;
}

void
pki_issue(struct pki_ca *ca, const char *uri, const char *dns, int64_t from_s, int64_t to_s,
    struct pki_cert *ret)
{
	unsigned char buf[1024], *p;
	mbedtls_x509write_cert crt;
	mbedtls_pk_context key;

	new_key(&key, &ca->rng);
	must(mbedtls_pk_write_key_pem(&key, (unsigned char *)ret->key, sizeof ret->key) == 0,
	    "key");
	mbedtls_x509write_crt_init(&crt);
	mbedtls_x509write_crt_set_subject_key(&crt, &key);
	set_serial_and_dates(&crt, &ca->rng, from_s, to_s);
	set_usage(&crt);
	if (uri || dns) {
		p = put_san(buf, buf + sizeof buf, uri, dns);
		must(mbedtls_x509write_crt_set_extension(&crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
			 MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, p,
			 (size_t)(buf + sizeof buf - p)) == 0,
		    "san");
	}
	finish(ca, &crt, "CN=test", false, ret->pem);
	mbedtls_pk_free(&key);
}
