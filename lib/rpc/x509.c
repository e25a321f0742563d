/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: see x509.h.
 */
#include <string.h>
#include <time.h>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "rpc/x509.h"

static int
parse(mbedtls_x509_crt *crt, const char *pem)
{
	mbedtls_x509_crt_init(crt);
	return mbedtls_x509_crt_parse(crt, (const unsigned char *)pem, strlen(pem) + 1);
}

static int64_t
seconds_of(const mbedtls_x509_time *t)
{
	struct tm tm = { .tm_year = t->year - 1900, .tm_mon = t->mon - 1, .tm_mday = t->day, .tm_hour = t->hour,
		.tm_min = t->min, .tm_sec = t->sec };

	return (int64_t)timegm(&tm);
}

int
rpc_x509_facts(const char *chain, struct rpc_x509_facts *ret, struct err *e)
{
	mbedtls_x509_crt crt;
	int r = parse(&crt, chain);

	if (r == 0) {
		ret->not_before_s = seconds_of(&crt.valid_from);
		ret->not_after_s = seconds_of(&crt.valid_to);
	} else {
		err_set(e, "the certificate cannot be read");
	}
	mbedtls_x509_crt_free(&crt);
	return r == 0 ? 0 : -1;
}

int
rpc_x509_check_roots(const char *roots, struct err *e)
{
	mbedtls_x509_crt crt;
	int r = parse(&crt, roots);

	mbedtls_x509_crt_free(&crt);
	return r == 0 ? 0 : err_set(e, "a certificate cannot be read");
}

int
rpc_x509_check_pair(const char *chain, const char *key, struct err *e)
{
	mbedtls_x509_crt crt;
	mbedtls_pk_context pk;
	int r = parse(&crt, chain);

	mbedtls_pk_init(&pk);
	if (r != 0)
		err_set(e, "the certificate cannot be read");
	else if ((r = mbedtls_pk_parse_key(&pk, (const unsigned char *)key, strlen(key) + 1, NULL, 0)) != 0)
		err_set(e, "the private key cannot be read");
	else if ((r = mbedtls_pk_check_pair(&crt.pk, &pk)) != 0)
		err_set(e, "the private key is not that of the certificate");
	mbedtls_pk_free(&pk);
	mbedtls_x509_crt_free(&crt);
	return r == 0 ? 0 : -1;
}

bool
rpc_x509_signed_by(const char *leaf, const char *roots)
{
	mbedtls_x509_crt crt, ca;
	uint32_t flags = 0;
	bool yes;

	mbedtls_x509_crt_init(&ca);
	yes = parse(&crt, leaf) == 0 && parse(&ca, roots) == 0 &&
	    mbedtls_x509_crt_verify(&crt, &ca, NULL, NULL, &flags, NULL, NULL) == 0;
	mbedtls_x509_crt_free(&crt);
	mbedtls_x509_crt_free(&ca);
	return yes;
}
