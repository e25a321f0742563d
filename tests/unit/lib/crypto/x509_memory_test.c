/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of TLS when memory runs out, sooner or later: an error that says so, nothing half made, and
 * nothing left behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crypto/rand.h"
#include "crypto/x509_priv.h"
#include "no_memory.h"

static struct x509_key *key;
static struct x509_cert *cert;
static struct buf key_pem, cert_pem, spki, sig;

static int
setup(void **state)
{
	struct err e;
	int64_t now = time(NULL);

	(void)state;
	if (crypto_init() < 0)
		return -1;
	buf_init(&key_pem, 4096);
	buf_init(&cert_pem, X509_PEM_MAX);
	buf_init(&spki, 1024);
	buf_init(&sig, 1024);
	assert_int_equal(x509_key_generate(&key), 0);
	assert_int_equal(x509_key_to_pem(key, &key_pem), 0);
	assert_int_equal(x509_key_spki(key, &spki), 0);
	assert_int_equal(x509_ca_new(key, "host", now - 60, now + 3600, &cert_pem, &e), 0);
	assert_true(buf_put(&key_pem, "", 1) && buf_put(&cert_pem, "", 1));
	assert_int_equal(x509_cert_from_pem(&cert, (char *)buf_head(&cert_pem), &e), 0);
	assert_int_equal(x509_sign_data(key, span_str("data"), &sig), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	x509_key_free(key);
	x509_cert_free(cert);
	buf_done(&key_pem);
	buf_done(&cert_pem);
	buf_done(&spki);
	buf_done(&sig);
	return 0;
}

/* Each does its work and gives everything back; 0, or negative (no_memory.h). */

static int
generates(void *arg, struct err *e)
{
	struct x509_key *made = key;
	int rc = x509_key_generate(&made);

	(void)arg;
	err_set(e, "has no text"); /* the one way to fail */
	assert_true((rc == 0) == (made != NULL));
	x509_key_free(made);
	return rc;
}

static int
reads_key(void *arg, struct err *e)
{
	struct x509_key *made = key;
	int rc = x509_key_from_pem(&made, (char *)buf_head(&key_pem), e);

	(void)arg;
	assert_true((rc == 0) == (made != NULL));
	x509_key_free(made);
	return rc;
}

static int
reads_pem(void *arg, struct err *e)
{
	struct x509_cert *made = cert;
	int rc = x509_cert_from_pem(&made, (char *)buf_head(&cert_pem), e);

	(void)arg;
	assert_true((rc == 0) == (made != NULL));
	x509_cert_free(made);
	return rc;
}

static int
reads_der(void *arg, struct err *e)
{
	struct span der = { cert->crt.raw.p, cert->crt.raw.len };
	struct x509_cert *made = cert;
	int rc = x509_cert_from_der(&made, der, e);

	(void)arg;
	assert_true((rc == 0) == (made != NULL));
	x509_cert_free(made);
	return rc;
}

static int
makes_a_ca(void *arg, struct err *e)
{
	int64_t now = time(NULL);
	struct buf pem;
	int rc;

	(void)arg;
	buf_init(&pem, X509_PEM_MAX);
	rc = x509_ca_new(key, "host", now, now + 60, &pem, e);
	assert_true((rc == 0) == (pem.len > 0));
	buf_done(&pem);
	return rc;
}

static int
issues(void *arg, struct err *e)
{
	static const char *const dns[] = { "a.example.com" }, *const ip[] = { "10.0.0.1" };
	int64_t now = time(NULL);
	struct identity id;
	struct x509_request q = { .spki = buf_span(&spki),
		.identity = &id,
		.dns = dns,
		.n_dns = 1,
		.ip = ip,
		.n_ip = 1,
		.not_before_s = now,
		.not_after_s = now + 60,
		.usage = X509_CLIENT };
	struct buf pem;
	int rc;

	(void)arg;
	assert_true(identity_set(&id, "c", IDENTITY_NODE, "n"));
	buf_init(&pem, X509_PEM_MAX);
	rc = x509_issue(&q, cert, key, &pem, e);
	assert_true((rc == 0) == (pem.len > 0));
	buf_done(&pem);
	return rc;
}

static int
signs(void *arg, struct err *e)
{
	struct buf made;
	int rc;

	(void)arg;
	err_set(e, "has no text");
	buf_init(&made, 1024);
	rc = x509_sign_data(key, span_str("data"), &made);
	assert_true((rc == 0) == (made.len > 0));
	buf_done(&made);
	return rc;
}

static int
verifies(void *arg, struct err *e)
{
	(void)arg;
	err_set(e, "has no text");
	return x509_verify_data(cert, span_str("data"), buf_span(&sig));
}

static int
takes_a_key(void *arg, struct err *e)
{
	(void)arg;
	err_set(e, "has no text");
	return x509_spki_ok(buf_span(&spki)) ? 0 : -1;
}

static int
fits(void *arg, struct err *e)
{
	(void)arg;
	err_set(e, "has no text");
	return x509_cert_fits_key(cert, key) ? 0 : -1;
}

static int
writes(void *arg, struct err *e)
{
	struct buf made;
	int rc;

	(void)arg;
	err_set(e, "has no text");
	buf_init(&made, X509_PEM_MAX);
	rc = x509_cert_pem(cert, &made);
	if (rc == 0)
		rc = x509_key_to_pem(key, &made);
	buf_done(&made);
	return rc;
}

static void
lack_of_memory_is_an_error_and_leaves_nothing(void **state)
{
	static memory_work *const works[] = { generates, reads_key, reads_pem, reads_der,
		makes_a_ca, issues, signs, verifies, takes_a_key, fits, writes };

	(void)state;
	for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
		memory_runs_out(works[i], NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lack_of_memory_is_an_error_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
