/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates when memory runs out, sooner or later: an error that says so, nothing half made, and nothing
 * left behind. The C library's calls for memory are defined here, in front of the real ones; a sanitizer
 * has its own in that place, so there these tests only run through.
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

/* How many allocations succeed before all fail; negative: all succeed. And how many pieces are not given back. */
static long allowed = -1, live;

#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
enum { CAN_FAIL = 1 };

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

static bool
refused(void)
{
	if (allowed < 0 || allowed-- > 0)
		return false;
	allowed = 0;
	errno = ENOMEM;
	return true;
}

static void *
counted(void *p)
{
	live += p != NULL;
	return p;
}

void *
malloc(size_t n)
{
	return refused() ? NULL : counted(__libc_malloc(n));
}

void *
calloc(size_t count, size_t n)
{
	return refused() ? NULL : counted(__libc_calloc(count, n));
}

void *
realloc(void *p, size_t n)
{
	if (refused())
		return NULL;
	return p ? __libc_realloc(p, n) : counted(__libc_realloc(p, n));
}

void
free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
#else
enum { CAN_FAIL = 0 };
#endif

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

/* Each does its work and gives everything back; 0, or negative. */
typedef int work(struct err *e);

static int
generates(struct err *e)
{
	struct x509_key *made = key;
	int rc = x509_key_generate(&made);

	err_set(e, "has no text"); /* the one way to fail */
	assert_true((rc == 0) == (made != NULL));
	x509_key_free(made);
	return rc;
}

static int
reads_key(struct err *e)
{
	struct x509_key *made = key;
	int rc = x509_key_from_pem(&made, (char *)buf_head(&key_pem), e);

	assert_true((rc == 0) == (made != NULL));
	x509_key_free(made);
	return rc;
}

static int
reads_pem(struct err *e)
{
	struct x509_cert *made = cert;
	int rc = x509_cert_from_pem(&made, (char *)buf_head(&cert_pem), e);

	assert_true((rc == 0) == (made != NULL));
	x509_cert_free(made);
	return rc;
}

static int
reads_der(struct err *e)
{
	struct span der = { cert->crt.raw.p, cert->crt.raw.len };
	struct x509_cert *made = cert;
	int rc = x509_cert_from_der(&made, der, e);

	assert_true((rc == 0) == (made != NULL));
	x509_cert_free(made);
	return rc;
}

static int
makes_a_ca(struct err *e)
{
	int64_t now = time(NULL);
	struct buf pem;
	int rc;

	buf_init(&pem, X509_PEM_MAX);
	rc = x509_ca_new(key, "host", now, now + 60, &pem, e);
	assert_true((rc == 0) == (pem.len > 0));
	buf_done(&pem);
	return rc;
}

static int
issues(struct err *e)
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

	assert_true(identity_set(&id, "c", IDENTITY_NODE, "n"));
	buf_init(&pem, X509_PEM_MAX);
	rc = x509_issue(&q, cert, key, &pem, e);
	assert_true((rc == 0) == (pem.len > 0));
	buf_done(&pem);
	return rc;
}

static int
signs(struct err *e)
{
	struct buf made;
	int rc;

	err_set(e, "has no text");
	buf_init(&made, 1024);
	rc = x509_sign_data(key, span_str("data"), &made);
	assert_true((rc == 0) == (made.len > 0));
	buf_done(&made);
	return rc;
}

static int
verifies(struct err *e)
{
	err_set(e, "has no text");
	return x509_verify_data(cert, span_str("data"), buf_span(&sig));
}

static int
takes_a_key(struct err *e)
{
	err_set(e, "has no text");
	return x509_spki_ok(buf_span(&spki)) ? 0 : -1;
}

static int
fits(struct err *e)
{
	err_set(e, "has no text");
	return x509_cert_fits_key(cert, key) ? 0 : -1;
}

static int
writes(struct err *e)
{
	struct buf made;
	int rc;

	err_set(e, "has no text");
	buf_init(&made, X509_PEM_MAX);
	rc = x509_cert_pem(cert, &made);
	if (rc == 0)
		rc = x509_key_to_pem(key, &made);
	buf_done(&made);
	return rc;
}

static void
runs_out(work *fn)
{
	struct err e;
	long before;
	int rc = -1;

	assert_int_equal(fn(&e), 0);
	before = live;
	for (long n = 0; rc < 0; n += 1 + n / 16) { /* a signature takes thousands */
		e.text[0] = '\0';
		allowed = CAN_FAIL ? n : -1;
		rc = fn(&e);
		allowed = -1;
		assert_true(rc == 0 || (rc < 0 && e.text[0]));
		assert_int_equal(live, before);
		assert_true(n > 0 || rc < 0 || !CAN_FAIL); /* each needs memory */
	}
}

static void
lack_of_memory_is_an_error_and_leaves_nothing(void **state)
{
	static work *const works[] = { generates, reads_key, reads_pem, reads_der, makes_a_ca,
		issues, signs, verifies, takes_a_key, fits, writes };

	(void)state;
	for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
		runs_out(works[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lack_of_memory_is_an_error_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
