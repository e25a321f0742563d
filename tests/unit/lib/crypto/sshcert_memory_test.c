/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates of SSH when memory runs out: an error that says so, nothing half made, and nothing left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "no_memory.h"

static struct sshkey *ca_key, *user_key;
static struct buf blob, file, line, sig;

/* A certificate with every kind of field, one of them empty; all but the blobs are lent. */
static int
makes(struct sshcert *cert, struct err *e)
{
	static char *principals[] = { (char *)"root", (char *)"alice" };
	static struct sshcert_option critical[] = { { (char *)"source-address",
	    (char *)"10.0.0.0/8" } };
	static struct sshcert_option extensions[] = { { (char *)"permit-pty", (char *)"" },
		{ (char *)"roles", (char *)"dev,ops" } };

	*cert = (struct sshcert){ .key = user_key,
		.serial = 7,
		.type = SSHCERT_USER,
		.key_id = (char *)"alice",
		.principals = principals,
		.n_principals = 2,
		.valid_after = 1,
		.valid_before = 2,
		.critical = critical,
		.n_critical = 1,
		.extensions = extensions,
		.n_extensions = 2 };
	return sshcert_sign(cert, ca_key, e);
}

static int
setup(void **state)
{
	struct sshcert cert;
	struct err e;

	(void)state;
	if (crypto_init() < 0 || sshkey_generate(&ca_key) < 0 || sshkey_generate(&user_key) < 0)
		return -1;
	buf_init(&blob, SSHCERT_BLOB_MAX);
	buf_init(&file, 8192);
	buf_init(&line, 8192);
	buf_init(&sig, 1024);
	assert_int_equal(makes(&cert, &e), 0);
	assert_true(buf_put(&blob, cert.blob.data, cert.blob.len));
	buf_done(&cert.blob);
	buf_done(&cert.ca_blob);
	assert_int_equal(sshkey_to_file_text(user_key, "c", &file), 0);
	assert_int_equal(sshkey_blob_to_line(sshkey_blob(user_key), "c", &line), 0);
	assert_int_equal(sshkey_sign(user_key, span_str("data"), &sig), 0);
	assert_true(buf_put(&file, "", 1) && buf_put(&line, "", 1));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sshkey_free(ca_key);
	sshkey_free(user_key);
	buf_done(&blob);
	buf_done(&file);
	buf_done(&line);
	buf_done(&sig);
	return 0;
}

static int
signs_a_cert(void *arg, struct err *e)
{
	struct sshcert cert;
	int rc = makes(&cert, e);

	(void)arg;
	buf_done(&cert.blob);
	buf_done(&cert.ca_blob);
	return rc;
}

static int
reads_a_cert(void *arg, struct err *e)
{
	struct sshcert *cert = (struct sshcert *)&blob;
	int rc = sshcert_parse(&cert, buf_span(&blob), e);

	(void)arg;
	assert_true((rc == 0) == (cert != NULL));
	if (cert)
		assert_int_equal(cert->n_extensions, 2);
	sshcert_free(cert);
	return rc;
}

static int
generates(void *arg, struct err *e)
{
	struct sshkey *key = NULL;
	int rc = sshkey_generate(&key);

	(void)arg;
	err_set(e, "has no text");
	if (rc == 0)
		sshkey_free(key);
	return rc;
}

static int
reads_a_key(void *arg, struct err *e)
{
	struct sshkey *key = NULL;
	int rc = sshkey_from_blob(&key, sshkey_blob(user_key));

	(void)arg;
	err_set(e, "has no text");
	if (rc == 0)
		sshkey_free(key);
	return rc;
}

static int
reads_a_file(void *arg, struct err *e)
{
	struct sshkey *key = NULL;
	int rc = sshkey_from_file_text(&key, (char *)buf_head(&file), e);

	(void)arg;
	if (rc == 0)
		sshkey_free(key);
	return rc;
}

static int
reads_a_line(void *arg, struct err *e)
{
	struct buf made;
	int rc;

	(void)arg;
	err_set(e, "has no text");
	buf_init(&made, SSHCERT_BLOB_MAX);
	rc = sshkey_line_to_blob((char *)buf_head(&line), &made);
	buf_done(&made);
	return rc;
}

static int
writes_a_key(void *arg, struct err *e)
{
	struct buf made;
	int rc;

	(void)arg;
	err_set(e, "has no text");
	buf_init(&made, 8192);
	rc = sshkey_to_file_text(user_key, "c", &made);
	if (rc == 0)
		rc = sshkey_blob_to_line(sshkey_blob(user_key), "c", &made);
	buf_done(&made);
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
	rc = sshkey_sign(user_key, span_str("data"), &made);
	buf_done(&made);
	return rc;
}

static void
lack_of_memory_is_an_error_and_leaves_nothing(void **state)
{
	static memory_work *const works[] = { signs_a_cert, reads_a_cert, generates, reads_a_key,
		reads_a_file, reads_a_line, writes_a_key, signs };

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
