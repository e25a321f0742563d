/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates at their limits: names, dates and sizes by one on both sides, malformed DER and PEM, and what is well
 * made (by OpenSSL) but not by the rules of our CAs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/x509.h"

enum { DNS_MAX = 253, NAMES = X509_NAMES_MAX + 1 };

static char dir[64];
static struct x509_key *ca_key;
static struct x509_cert *ca;
static struct buf ca_spki;
static int64_t now;

static void
save(const char *name, struct span content)
{
	char path[128];
	struct err e;

	assert_true(str_format(path, sizeof path, "%s/%s", dir, name));
	assert_int_equal(file_write(path, 0600, content.p, content.n, &e), 0);
}

/* The content of a file that the command makes; the caller frees it. */
static char *
made_by(const char *cmd, const char *name, size_t *n)
{
	char line[1024], path[128], *text;
	struct err e;

	assert_true(str_format(line, sizeof line, "cd %s && { %s; } > log 2>&1", dir, cmd));
	assert_int_equal(system(line), 0);
	assert_true(str_format(path, sizeof path, "%s/%s", dir, name));
	assert_int_equal(file_read(path, 1 << 20, &text, n, &e), 0);
	return text;
}

static int
setup(void **state)
{
	struct buf pem;
	struct err e;

	(void)state;
	if (crypto_init() < 0)
		return -1;
	now = time(NULL);
	str_copy(dir, sizeof dir, "/tmp/x509-limits-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	buf_init(&pem, X509_PEM_MAX);
	buf_init(&ca_spki, 1024);
	assert_int_equal(x509_key_generate(&ca_key), 0);
	assert_int_equal(x509_key_spki(ca_key, &ca_spki), 0);
	assert_int_equal(x509_key_to_pem(ca_key, &pem), 0);
	save("ca.key", buf_span(&pem));
	buf_reset(&pem);
	assert_int_equal(x509_ca_new(ca_key, "host", now - 60, now + 86400, &pem, &e), 0);
	save("ca.pem", buf_span(&pem));
	buf_put(&pem, "", 1);
	assert_int_equal(x509_cert_from_pem(&ca, (char *)buf_head(&pem), &e), 0);
	buf_done(&pem);
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	x509_key_free(ca_key);
	x509_cert_free(ca);
	buf_done(&ca_spki);
	str_format(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd);
}

/* --- issuing ---------------------------------------------------------------------- */

static struct x509_request
request(void)
{
	static struct identity id;

	assert_true(identity_set(&id, "c.example.com", IDENTITY_NODE, "n"));
	return (struct x509_request){ .spki = buf_span(&ca_spki),
		.identity = &id,
		.not_before_s = now - 60,
		.not_after_s = now + 3600,
		.usage = X509_CLIENT };
}

/* The certificate, or NULL and why in e; the PEM goes to pem when that is wanted. */
static struct x509_cert *
issue(const struct x509_request *q, struct buf *pem, struct err *e)
{
	struct x509_cert *cert = NULL;
	struct buf text;

	buf_init(&text, X509_PEM_MAX);
	e->text[0] = '\0';
	if (x509_issue(q, ca, ca_key, &text, e) == 0) {
		if (pem)
			assert_true(buf_put(pem, buf_head(&text), text.len));
		buf_put(&text, "", 1);
		if (x509_cert_from_pem(&cert, (char *)buf_head(&text), e) < 0)
			fail_msg("%s", e->text);
	}
	buf_done(&text);
	return cert;
}

static bool
is_issued(const struct x509_request *q)
{
	struct err e;
	struct x509_cert *cert = issue(q, NULL, &e);

	assert_true(cert || e.text[0]);
	x509_cert_free(cert);
	return cert != NULL;
}

static void
a_name_has_at_most_253_characters(void **state)
{
	char name[DNS_MAX + 2];
	const char *const dns[] = { name };
	struct x509_request q = request();
	struct x509_cert *cert;
	struct err e;

	(void)state;
	memset(name, 'a', sizeof name);
	name[DNS_MAX + 1] = '\0';
	q.dns = dns;
	q.n_dns = 1;
	assert_null(issue(&q, NULL, &e));
	assert_non_null(strstr(e.text, "could not be made"));
	name[DNS_MAX] = '\0';
	cert = issue(&q, NULL, &e);
	assert_non_null(cert);
	assert_true(x509_cert_has_dns(cert, name));
	x509_cert_free(cert);
}

static void
names_and_uses_are_counted(void **state)
{
	const char *dns[NAMES], *ip[NAMES];
	struct x509_request q = request();
	struct err e;

	(void)state;
	for (int i = 0; i < NAMES; i++) {
		dns[i] = "a";
		ip[i] = "10.0.0.1";
	}
	q.dns = dns;
	q.ip = ip;
	q.n_dns = q.n_ip = X509_NAMES_MAX;
	assert_true(is_issued(&q));
	q.n_dns = X509_NAMES_MAX + 1;
	assert_null(issue(&q, NULL, &e));
	assert_non_null(strstr(e.text, "at most 64 names"));
	q.n_ip = 0;
	assert_false(is_issued(&q));
	q.n_dns = 0;
	q.n_ip = X509_NAMES_MAX + 1;
	assert_false(is_issued(&q));
	q.n_ip = X509_NAMES_MAX;
	assert_true(is_issued(&q));
	q.usage = 0;
	assert_null(issue(&q, NULL, &e));
	assert_non_null(strstr(e.text, "needs a use"));
	q.usage = X509_SERVER << 4;
	assert_false(is_issued(&q));
}

/* All together they have 8 KiB: 31 of the longest, 256 bytes each with their length, and the identity. */
static void
names_that_are_too_long_together_are_refused(void **state)
{
	char name[DNS_MAX + 1];
	const char *dns[32];
	struct x509_request q = request();

	(void)state;
	memset(name, 'a', DNS_MAX);
	name[DNS_MAX] = '\0';
	for (int i = 0; i < 32; i++)
		dns[i] = name;
	q.dns = dns;
	q.n_dns = 31;
	assert_true(is_issued(&q));
	q.n_dns = 32;
	assert_false(is_issued(&q));
}

static void
dates_are_from_1970_to_9999(void **state)
{
	static const int64_t last = 253402300799;
	struct x509_request q = request();
	struct x509_cert *cert;
	struct err e;

	(void)state;
	q.not_before_s = 0;
	q.not_after_s = last;
	cert = issue(&q, NULL, &e);
	assert_non_null(cert);
	assert_int_equal(x509_cert_not_before(cert), 0);
	assert_int_equal(x509_cert_not_after(cert), last);
	x509_cert_free(cert);
	q.not_before_s = -1;
	assert_false(is_issued(&q));
	q.not_before_s = 0;
	q.not_after_s = last + 1;
	assert_false(is_issued(&q));
	q.not_after_s = 0;
	assert_false(is_issued(&q));
	q.not_after_s = 1;
	assert_true(is_issued(&q));
}

static void
a_ca_has_a_plain_purpose(void **state)
{
	struct buf pem;
	struct err e = { "" };

	(void)state;
	buf_init(&pem, X509_PEM_MAX);
	assert_true(x509_ca_new(ca_key, "host,CN=x", now, now + 60, &pem, &e) < 0);
	assert_non_null(strstr(e.text, "could not be named"));
	assert_int_equal(pem.len, 0);
	assert_true(x509_ca_new(ca_key, "host", now, now, &pem, &e) < 0);
	assert_non_null(strstr(e.text, "could not be made"));
	assert_int_equal(x509_ca_new(ca_key, "host2", now, now + 1, &pem, &e), 0);
	buf_done(&pem);
}

/* --- reading ------------------------------------------------------------------------ */

static void
pem_has_a_size_and_only_whole_blocks(void **state)
{
	static char text[X509_PEM_MAX + 2];
	struct x509_request q = request();
	struct x509_cert *cert;
	struct buf pem;
	struct err e;

	(void)state;
	buf_init(&pem, X509_PEM_MAX);
	x509_cert_free(issue(&q, &pem, &e));
	memset(text, '\n', sizeof text);
	memcpy(text, buf_head(&pem), pem.len);
	text[X509_PEM_MAX + 1] = '\0';
	assert_true(x509_cert_from_pem(&cert, text, &e) < 0);
	assert_non_null(strstr(e.text, "too large"));
	assert_null(cert);
	text[X509_PEM_MAX] = '\0';
	assert_int_equal(x509_cert_from_pem(&cert, text, &e), 0);
	x509_cert_free(cert);
	/* One more block, whose first bytes are not those of a certificate. */
	memcpy(text + pem.len, buf_head(&pem), pem.len);
	memcpy(text + pem.len + strlen("-----BEGIN CERTIFICATE-----\n"), "AAAA", 4);
	text[2 * pem.len] = '\0';
	assert_true(x509_cert_from_pem(&cert, text, &e) < 0);
	assert_non_null(strstr(e.text, "1 of the certificates do not parse"));
	assert_true(x509_cert_from_pem(&cert, text + pem.len, &e) < 0);
	assert_non_null(strstr(e.text, "the certificate does not parse"));
	assert_null(cert);
	assert_true(x509_cert_from_pem(&cert, "", &e) < 0);
	buf_done(&pem);
}

static void
der_is_read_whole_or_not_at_all(void **state)
{
	struct x509_cert *cert;
	struct err e;
	size_t n;
	char *der = made_by("openssl x509 -in ca.pem -outform der -out ca.der", "ca.der", &n);

	(void)state;
	assert_int_equal(x509_cert_from_der(&cert, (struct span){ (uint8_t *)der, n }, &e), 0);
	assert_int_equal(x509_cert_count(cert), 1);
	assert_true(x509_cert_is_ca(cert));
	assert_true(x509_cert_fits_key(cert, ca_key));
	x509_cert_free(cert);
	for (size_t i = 0; i < n; i++) {
		e.text[0] = '\0';
		assert_true(x509_cert_from_der(&cert, (struct span){ (uint8_t *)der, i }, &e) < 0);
		assert_null(cert);
		assert_non_null(strstr(e.text, "does not parse: "));
	}
	free(der);
}

static void
names_are_compared_whole(void **state)
{
	static const char *const dns[] = { "authd.example.com" }, *const ip[] = { "10.0.0.1" };
	struct x509_request q = request();
	struct x509_cert *cert;
	struct err e;

	(void)state;
	q.dns = dns;
	q.ip = ip;
	q.n_dns = q.n_ip = 1;
	cert = issue(&q, NULL, &e);
	assert_non_null(cert);
	assert_true(x509_cert_has_dns(cert, "authd.example.com"));
	assert_false(x509_cert_has_dns(cert, ""));
	assert_false(x509_cert_has_dns(cert, "authd"));
	assert_false(x509_cert_has_dns(cert, "xuthd.example.com"));
	assert_false(x509_cert_has_dns(cert, "authd.example.comx"));
	assert_false(x509_cert_has_dns(cert, "sallyport://c.example.com/node/n"));
	assert_true(x509_cert_has_ip(cert, "10.0.0.1"));
	assert_false(x509_cert_has_ip(cert, ""));
	assert_false(x509_cert_has_ip(cert, "authd.example.com"));
	assert_false(x509_cert_has_ip(cert, "::ffff:10.0.0.1"));
	x509_cert_free(cert);
}

/* --- what others made ---------------------------------------------------------------- */

/* A certificate over a new key of the curve (foreign.key), signed by our CA's key. */
static struct x509_cert *
foreign(const char *curve, const char *digest, const char *extensions)
{
	struct x509_cert *cert;
	char cmd[768], *text;
	struct err e;
	size_t n;

	save("ext", span_str(extensions));
	assert_true(str_format(cmd, sizeof cmd,
	    "openssl ecparam -name %s -genkey -noout -out foreign.key && "
	    "openssl req -new -key foreign.key -subj /CN=x -out csr && "
	    "openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 1 -%s "
	    "-extfile ext -out foreign.pem",
	    curve, digest));
	text = made_by(cmd, "foreign.pem", &n);
	if (x509_cert_from_pem(&cert, text, &e) < 0)
		fail_msg("%s", e.text);
	free(text);
	return cert;
}

static void
an_identity_stands_alone(void **state)
{
	static const char *const bad[] = {
		"extendedKeyUsage=clientAuth\n",
		"subjectAltName=URI:http://c/user/a\n",
		"subjectAltName=URI:sallyport://c/user/a,URI:sallyport://c/user/b\n",
		"subjectAltName=URI:sallyport://c/user/a,URI:http://c/user/a\n",
		"subjectAltName=DNS:sallyport.c.user.a\n",
	};
	struct identity id;
	struct x509_cert *cert;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cert = foreign("prime256v1", "sha256", bad[i]);
		if (x509_cert_identity(cert, &id) != -1)
			fail_msg("took %s", bad[i]);
		assert_true(x509_identify(cert, ca, ca, NULL, &id, &e) < 0);
		assert_non_null(strstr(e.text, "names no identity"));
		x509_cert_free(cert);
	}
	cert = foreign("prime256v1", "sha256", "subjectAltName=URI:sallyport://c/user/a\n");
	assert_int_equal(x509_cert_identity(cert, &id), 0);
	x509_cert_free(cert);
}

static void
without_a_purpose_a_certificate_is_for_nothing(void **state)
{
	struct x509_cert *cert = foreign("prime256v1", "sha256", "basicConstraints=CA:FALSE\n");
	struct err e;

	(void)state;
	assert_int_equal(x509_verify(cert, ca, 0, &e), 0);
	assert_true(x509_verify(cert, ca, X509_CLIENT, &e) < 0);
	assert_non_null(strstr(e.text, "not made for this use"));
	assert_true(x509_verify(cert, ca, X509_SERVER, &e) < 0);
	assert_true(x509_verify(cert, ca, X509_SERVER | X509_CLIENT, &e) < 0);
	x509_cert_free(cert);
}

static void
other_algorithms_are_not_acceptable(void **state)
{
	static const char client[] = "extendedKeyUsage=clientAuth\n";
	struct x509_cert *digest = foreign("prime256v1", "sha384", client);
	struct x509_cert *curve = foreign("secp384r1", "sha256", client);
	struct x509_cert *good = foreign("prime256v1", "sha256", client);
	struct err e;

	(void)state;
	assert_int_equal(x509_verify(good, ca, X509_CLIENT, &e), 0);
	assert_true(x509_verify(digest, ca, X509_CLIENT, &e) < 0);
	assert_non_null(strstr(e.text, "is not acceptable (flags"));
	assert_true(x509_verify(curve, ca, X509_CLIENT, &e) < 0);
	assert_non_null(strstr(e.text, "is not acceptable (flags"));
	x509_cert_free(digest);
	x509_cert_free(curve);
	x509_cert_free(good);
}

static void
a_refusal_says_which(void **state)
{
	struct x509_request q = request();
	struct x509_cert *cert,
	    *stranger = foreign("prime256v1", "sha256", "basicConstraints=CA:FALSE\n");
	struct err e;

	(void)state;
	q.not_after_s = now - 1;
	cert = issue(&q, NULL, &e);
	assert_true(x509_verify(cert, ca, X509_CLIENT, &e) < 0);
	assert_string_equal(e.text, "the certificate has expired");
	x509_cert_free(cert);
	q.not_before_s = now + 1000;
	q.not_after_s = now + 2000;
	cert = issue(&q, NULL, &e);
	assert_true(x509_verify(cert, ca, X509_CLIENT, &e) < 0);
	assert_non_null(strstr(e.text, "not valid yet"));
	x509_cert_free(cert);
	q = request();
	cert = issue(&q, NULL, &e);
	assert_int_equal(x509_verify(cert, ca, X509_CLIENT, &e), 0);
	assert_true(x509_verify(cert, stranger, X509_CLIENT, &e) < 0);
	assert_non_null(strstr(e.text, "a CA that is not trusted"));
	assert_true(x509_verify(ca, ca, 0, &e) < 0);
	assert_non_null(strstr(e.text, "not an identity"));
	x509_cert_free(cert);
	x509_cert_free(stranger);
}

/* --- keys and signatures -------------------------------------------------------------- */

/* One form of a key: a length in two bytes, where one does, is another, and so is anything behind it. */
static void
a_public_key_has_one_form(void **state)
{
	struct x509_cert *other = foreign("secp256k1", "sha256", "basicConstraints=CA:FALSE\n");
	uint8_t longer[X509_SPKI_MAX + 2] = { 0x30, 0x81 };
	struct buf spki;

	(void)state;
	assert_true(x509_spki_ok(buf_span(&ca_spki)));
	assert_false(x509_spki_ok((struct span){ NULL, 0 }));
	memcpy(longer + 2, buf_head(&ca_spki) + 1, ca_spki.len - 1);
	assert_false(x509_spki_ok((struct span){ longer, ca_spki.len + 1 }));
	memset(longer, 0, sizeof longer);
	memcpy(longer, buf_head(&ca_spki), ca_spki.len);
	for (size_t n = ca_spki.len + 1; n <= sizeof longer; n++)
		assert_false(x509_spki_ok((struct span){ longer, n }));
	buf_init(&spki, 1024);
	assert_int_equal(x509_cert_spki(other, &spki), 0);
	assert_false(x509_spki_ok(buf_span(&spki)));
	buf_done(&spki);
	x509_cert_free(other);
}

static void
only_p256_keys_sign_data(void **state)
{
	struct x509_cert *cert;
	char *sig;
	size_t n;

	(void)state;
	save("data", span_str("bundle"));
	cert = foreign("prime256v1", "sha256", "basicConstraints=CA:FALSE\n");
	sig = made_by("openssl dgst -sha256 -sign foreign.key -out sig data", "sig", &n);
	assert_int_equal(x509_verify_data(cert, span_str("bundle"),
			     (struct span){ (uint8_t *)sig, n }),
	    0);
	free(sig);
	x509_cert_free(cert);
	cert = foreign("secp256k1", "sha256", "basicConstraints=CA:FALSE\n");
	sig = made_by("openssl dgst -sha256 -sign foreign.key -out sig data", "sig", &n);
	assert_int_equal(x509_verify_data(cert, span_str("bundle"),
			     (struct span){ (uint8_t *)sig, n }),
	    -1);
	free(sig);
	x509_cert_free(cert);
}

/* mbedTLS takes zeroes in front of a number, so that a signature can be of any length: 80 bytes are enough. */
static void
a_signature_has_at_most_80_bytes(void **state)
{
	uint8_t padded[X509_SIGNATURE_MAX + 1];
	struct buf sig;

	(void)state;
	buf_init(&sig, 256);
	assert_int_equal(x509_sign_data(ca_key, span_str("bundle"), &sig), 0);
	for (size_t n = X509_SIGNATURE_MAX; n <= X509_SIGNATURE_MAX + 1; n++) {
		size_t zeroes = n - sig.len;
		const uint8_t *s = buf_head(&sig);

		memset(padded, 0, sizeof padded);
		memcpy(padded, s, 4); /* sequence, integer */
		padded[1] = (uint8_t)(s[1] + zeroes);
		padded[3] = (uint8_t)(s[3] + zeroes);
		memcpy(padded + 4 + zeroes, s + 4, sig.len - 4);
		assert_int_equal(x509_verify_data(ca, span_str("bundle"),
				     (struct span){ padded, n }),
		    n <= X509_SIGNATURE_MAX ? 0 : -1);
	}
	buf_done(&sig);
}

static void
a_private_key_that_is_none_says_so(void **state)
{
	struct x509_key *key = ca_key;
	struct err e = { "" };

	(void)state;
	assert_true(x509_key_from_pem(&key, "no key", &e) < 0);
	assert_null(key);
	assert_non_null(strstr(e.text, "the private key does not parse: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_at_most_253_characters),
		cmocka_unit_test(names_and_uses_are_counted),
		cmocka_unit_test(names_that_are_too_long_together_are_refused),
		cmocka_unit_test(dates_are_from_1970_to_9999),
		cmocka_unit_test(a_ca_has_a_plain_purpose),
		cmocka_unit_test(pem_has_a_size_and_only_whole_blocks),
		cmocka_unit_test(der_is_read_whole_or_not_at_all),
		cmocka_unit_test(names_are_compared_whole),
		cmocka_unit_test(an_identity_stands_alone),
		cmocka_unit_test(without_a_purpose_a_certificate_is_for_nothing),
		cmocka_unit_test(other_algorithms_are_not_acceptable),
		cmocka_unit_test(a_refusal_says_which),
		cmocka_unit_test(a_public_key_has_one_form),
		cmocka_unit_test(only_p256_keys_sign_data),
		cmocka_unit_test(a_signature_has_at_most_80_bytes),
		cmocka_unit_test(a_private_key_that_is_none_says_so),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
