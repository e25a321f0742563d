/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of our CAs: OpenSSL's own verifier accepts them, identities come out as they went
 * in, and what is expired, foreign, for another use or of another kind is not believed.
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
#include "crypto/capin.h"
#include "crypto/rand.h"
#include "crypto/x509.h"

static const char cluster[] = "tele.example.com";
static char dir[64];

struct ca {
	struct x509_key *key;
	struct x509_cert *cert;
	char *pem;
};
static struct ca host_ca, user_ca, other_ca;
static int64_t now;

static char *
text_of(struct buf *b)
{
	char *s = span_dup(buf_span(b));

	assert_non_null(s);
	buf_wipe(b);
	return s;
}

static void
ca_make(struct ca *ca, const char *purpose)
{
	struct buf pem;
	struct err e;

	buf_init(&pem, X509_PEM_MAX);
	assert_int_equal(x509_key_generate(&ca->key), 0);
	if (x509_ca_new(ca->key, purpose, now - 60, now + 10 * 365 * 86400LL, &pem, &e) < 0)
		fail_msg("%s", e.text);
	ca->pem = text_of(&pem);
	assert_int_equal(x509_cert_from_pem(&ca->cert, ca->pem, &e), 0);
	assert_true(x509_cert_is_ca(ca->cert));
}

static void
ca_done(struct ca *ca)
{
	x509_key_free(ca->key);
	x509_cert_free(ca->cert);
	free(ca->pem);
}

static int
setup(void **state)
{
	(void)state;
	if (crypto_init() < 0)
		return -1;
	now = time(NULL);
	str_copy(dir, sizeof(dir), "/tmp/x509-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	ca_make(&host_ca, "host");
	ca_make(&user_ca, "user");
	ca_make(&other_ca, "host");
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	ca_done(&host_ca);
	ca_done(&user_ca);
	ca_done(&other_ca);
	str_format(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd);
}

static void
save(const char *name, const char *text)
{
	char path[128];
	struct err e;

	str_format(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_write(path, 0600, text, strlen(text), &e), 0);
}

static int
shell(const char *cmd)
{
	char line[1024];

	assert_true(str_format(line, sizeof line, "cd %s && { %s; } > out 2>&1", dir, cmd));
	return system(line);
}

static char *
output(void)
{
	char path[128], *text;
	struct err e;
	size_t n;

	str_format(path, sizeof path, "%s/out", dir);
	assert_int_equal(file_read(path, 1 << 20, &text, &n, &e), 0);
	return text;
}

struct leaf {
	struct x509_key *key;
	struct x509_cert *cert;
	char *pem;
};

static int
leaf_try(struct leaf *l, const struct ca *ca, enum identity_kind kind, int usage, int64_t from,
    int64_t to)
{
	static const char *const dns[] = { "authd.tele.example.com", "localhost" },
				 *const ip[] = { "127.0.0.1", "::1" };
	struct x509_request q = { .dns = dns,
		.n_dns = 2,
		.ip = ip,
		.n_ip = 2,
		.usage = usage,
		.not_before_s = from,
		.not_after_s = to };
	struct identity id;
	struct buf spki, pem;
	struct err e;
	int rc;

	memset(l, 0, sizeof *l);
	assert_true(identity_set(&id, cluster, kind, "alice@example.com"));
	q.identity = &id;
	assert_int_equal(x509_key_generate(&l->key), 0);
	buf_init(&spki, 1024);
	buf_init(&pem, X509_PEM_MAX);
	assert_int_equal(x509_key_spki(l->key, &spki), 0);
	q.spki = buf_span(&spki);
	rc = x509_issue(&q, ca->cert, ca->key, &pem, &e);
	buf_done(&spki);
	if (rc == 0) {
		l->pem = text_of(&pem);
		assert_int_equal(x509_cert_from_pem(&l->cert, l->pem, &e), 0);
	} else {
		x509_key_free(l->key);
		buf_done(&pem);
	}
	return rc;
}

static struct leaf
leaf_make(const struct ca *ca, enum identity_kind kind, int usage, int64_t from, int64_t to)
{
	struct leaf l;

	assert_int_equal(leaf_try(&l, ca, kind, usage, from, to), 0);
	return l;
}

static void
leaf_done(struct leaf *l)
{
	x509_key_free(l->key);
	x509_cert_free(l->cert);
	free(l->pem);
}

static void
openssl_agrees(void **state)
{
	struct leaf l = leaf_make(&host_ca, IDENTITY_AUTH, X509_SERVER | X509_CLIENT, now - 60,
	    now + 3600);
	char *text;

	(void)state;
	save("ca.pem", host_ca.pem);
	save("other.pem", other_ca.pem);
	save("leaf.pem", l.pem);
	assert_int_equal(
	    shell(
		"openssl verify -x509_strict -purpose sslserver -verify_hostname authd.tele.example.com "
		"-CAfile ca.pem leaf.pem"),
	    0);
	assert_int_equal(shell("openssl verify -purpose sslclient -CAfile ca.pem leaf.pem"), 0);
	assert_int_not_equal(shell("openssl verify -CAfile other.pem leaf.pem"), 0);
	assert_int_equal(shell("openssl x509 -in leaf.pem -noout -text"), 0);
	text = output();
	assert_non_null(strstr(text, "URI:sallyport://tele.example.com/auth/alice@example.com"));
	assert_non_null(strstr(text, "DNS:authd.tele.example.com, DNS:localhost"));
	assert_non_null(strstr(text, "IP Address:127.0.0.1"));
	assert_non_null(
	    strstr(text, "TLS Web Server Authentication, TLS Web Client Authentication"));
	assert_non_null(strstr(text, "CA:FALSE"));
	assert_true(strstr(text, "Subject: CN = sallyport") || strstr(text, "Subject: CN=sallyport"));
	free(text);
	leaf_done(&l);
}

static void
names_come_back(void **state)
{
	struct leaf l = leaf_make(&user_ca, IDENTITY_USER, X509_CLIENT, now - 60, now + 3600);
	struct identity id;
	struct buf b;
	struct err e;

	(void)state;
	assert_int_equal(x509_cert_identity(l.cert, &id), 0);
	assert_int_equal(id.kind, IDENTITY_USER);
	assert_string_equal(id.name, "alice@example.com");
	assert_string_equal(id.cluster, cluster);
	assert_true(x509_cert_has_dns(l.cert, "AUTHD.tele.example.com"));
	assert_false(x509_cert_has_dns(l.cert, "auditd.tele.example.com"));
	assert_true(x509_cert_has_ip(l.cert, "::1"));
	assert_true(x509_cert_has_ip(l.cert, "127.0.0.1"));
	assert_false(x509_cert_has_ip(l.cert, "127.0.0.2"));
	assert_int_equal(x509_cert_not_before(l.cert), now - 60);
	assert_int_equal(x509_cert_not_after(l.cert), now + 3600);
	assert_true(x509_cert_fits_key(l.cert, l.key));
	assert_false(x509_cert_fits_key(l.cert, user_ca.key));
	assert_int_equal(x509_cert_identity(user_ca.cert, &id), -1);
	buf_init(&b, X509_PEM_MAX);
	assert_int_equal(x509_cert_pem(l.cert, &b), 0);
	assert_int_equal(b.len, strlen(l.pem));
	assert_memory_equal(buf_head(&b), l.pem, b.len);
	buf_put(&b, user_ca.pem, strlen(user_ca.pem) + 1);
	{
		struct x509_cert *both;

		assert_int_equal(x509_cert_from_pem(&both, (char *)buf_head(&b), &e), 0);
		assert_int_equal(x509_cert_count(both), 2);
		x509_cert_free(both);
	}
	buf_done(&b);
	leaf_done(&l);
}

static void
believes_only_what_fits(void **state)
{
	struct leaf user = leaf_make(&user_ca, IDENTITY_USER, X509_CLIENT, now - 60, now + 3600);
	struct leaf node = leaf_make(&host_ca, IDENTITY_NODE, X509_CLIENT | X509_SERVER, now - 60,
	    now + 3600);
	struct leaf past = leaf_make(&host_ca, IDENTITY_NODE, X509_CLIENT, now - 60, now - 1);
	struct leaf future = leaf_make(&host_ca, IDENTITY_NODE, X509_CLIENT, now + 60, now + 3600);
	struct leaf user_by_host = leaf_make(&host_ca, IDENTITY_USER, X509_CLIENT, now - 60,
	    now + 3600);
	struct leaf node_by_user = leaf_make(&user_ca, IDENTITY_NODE, X509_CLIENT, now - 60,
	    now + 3600);
	struct leaf server_only = leaf_make(&host_ca, IDENTITY_NODE, X509_SERVER, now - 60,
	    now + 3600);
	const struct x509_cert *h = host_ca.cert, *u = user_ca.cert;
	struct identity id;
	struct err e;

	(void)state;
	assert_int_equal(x509_identify(user.cert, h, u, cluster, &id, &e), 0);
	assert_int_equal(x509_identify(node.cert, h, u, cluster, &id, &e), 0);
	assert_int_equal(id.kind, IDENTITY_NODE);
	assert_true(x509_identify(user.cert, h, NULL, cluster, &id, &e) < 0);
	assert_true(x509_identify(user.cert, h, u, "other.example.com", &id, &e) < 0);
	assert_int_equal(x509_identify(user.cert, h, u, NULL, &id, &e), 0);
	assert_true(x509_identify(user_by_host.cert, h, u, cluster, &id, &e) < 0);
	assert_true(x509_identify(node_by_user.cert, h, u, cluster, &id, &e) < 0);
	assert_true(x509_identify(node.cert, other_ca.cert, u, cluster, &id, &e) < 0);
	assert_true(x509_identify(past.cert, h, u, cluster, &id, &e) < 0);
	assert_non_null(strstr(e.text, "expired"));
	assert_true(x509_identify(future.cert, h, u, cluster, &id, &e) < 0);
	assert_true(x509_identify(server_only.cert, h, u, cluster, &id, &e) < 0);
	assert_true(x509_identify(host_ca.cert, h, u, cluster, &id, &e) < 0);
	assert_true(x509_verify(host_ca.cert, h, 0, &e) < 0);
	assert_int_equal(x509_verify(server_only.cert, h, X509_SERVER, &e), 0);
	assert_true(x509_verify(user.cert, u, X509_SERVER, &e) < 0);
	leaf_done(&user);
	leaf_done(&node);
	leaf_done(&past);
	leaf_done(&future);
	leaf_done(&user_by_host);
	leaf_done(&node_by_user);
	leaf_done(&server_only);
}

/* While CAs rotate, both are trusted; a leaf is never good as a CA. */
static void
several_roots_and_no_sub_cas(void **state)
{
	struct leaf l = leaf_make(&host_ca, IDENTITY_NODE, X509_CLIENT, now - 60, now + 3600), sub;
	struct ca fake = { l.key, l.cert, l.pem };
	struct x509_cert *roots;
	struct buf pem;
	struct err e;

	(void)state;
	buf_init(&pem, X509_PEM_MAX);
	buf_put(&pem, other_ca.pem, strlen(other_ca.pem));
	buf_put(&pem, host_ca.pem, strlen(host_ca.pem) + 1);
	assert_int_equal(x509_cert_from_pem(&roots, (char *)buf_head(&pem), &e), 0);
	assert_int_equal(x509_verify(l.cert, roots, X509_CLIENT, &e), 0);
	assert_true(leaf_try(&sub, &fake, IDENTITY_NODE, X509_CLIENT, now - 60, now + 60) < 0);
	x509_cert_free(roots);
	buf_done(&pem);
	leaf_done(&l);
}

static int
issue_with(const char *const *dns, const char *const *ip, struct span spki, int64_t to)
{
	struct x509_request q = { .spki = spki,
		.dns = dns,
		.n_dns = dns ? 1 : 0,
		.ip = ip,
		.n_ip = ip ? 1 : 0,
		.usage = X509_CLIENT,
		.not_before_s = now,
		.not_after_s = to };
	struct identity id;
	struct buf pem;
	struct err e;
	int rc;

	assert_true(identity_set(&id, cluster, IDENTITY_NODE, "n"));
	q.identity = &id;
	buf_init(&pem, X509_PEM_MAX);
	rc = x509_issue(&q, host_ca.cert, host_ca.key, &pem, &e);
	buf_done(&pem);
	return rc;
}

static void
refuses_to_issue_nonsense(void **state)
{
	static const char *const bad_dns[] = { "", ".a", "a b", "a,b", "-a", "a.", "*.example.com",
		"a/b" };
	static const char *const bad_ip[] = { "", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.4/8" };
	struct buf spki;

	(void)state;
	buf_init(&spki, 1024);
	assert_int_equal(x509_key_spki(host_ca.key, &spki), 0);
	assert_int_equal(issue_with(NULL, NULL, buf_span(&spki), now + 60), 0);
	for (size_t i = 0; i < sizeof bad_dns / sizeof bad_dns[0]; i++)
		assert_true(issue_with(&bad_dns[i], NULL, buf_span(&spki), now + 60) < 0);
	for (size_t i = 0; i < sizeof bad_ip / sizeof bad_ip[0]; i++)
		assert_true(issue_with(NULL, &bad_ip[i], buf_span(&spki), now + 60) < 0);
	assert_true(issue_with(NULL, NULL, buf_span(&spki), now) < 0);
	assert_true(issue_with(NULL, NULL, buf_span(&spki), now + 9000LL * 365 * 86400) < 0);
	for (size_t n = 0; n < spki.len; n++)
		assert_true(
		    issue_with(NULL, NULL, (struct span){ buf_head(&spki), n }, now + 60) < 0);
	buf_put(&spki, "x", 1);
	assert_false(x509_spki_ok(buf_span(&spki)));
	buf_head(&spki)[spki.len - 2] ^= 1; /* not on the curve */
	assert_false(x509_spki_ok((struct span){ buf_head(&spki), spki.len - 1 }));
	buf_done(&spki);
}

static void
keys_go_through_pem(void **state)
{
	struct x509_key *key, *again;
	struct buf pem, spki, spki_pem;
	char *text;
	struct err e;

	(void)state;
	buf_init(&pem, 4096);
	buf_init(&spki, 1024);
	buf_init(&spki_pem, 1024);
	assert_int_equal(x509_key_generate(&key), 0);
	assert_int_equal(x509_key_to_pem(key, &pem), 0);
	text = text_of(&pem);
	save("key.pem", text);
	assert_int_equal(x509_key_from_pem(&again, text, &e), 0);
	free(text);
	assert_int_equal(x509_key_spki(again, &spki), 0);
	assert_true(x509_spki_ok(buf_span(&spki)));
	assert_int_equal(shell("openssl pkey -in key.pem -pubout"), 0);
	text = output();
	free(text);
	x509_key_free(key);
	x509_key_free(again);
	assert_int_equal(shell("openssl pkcs8 -topk8 -nocrypt -in key.pem"), 0);
	text = output();
	assert_int_equal(x509_key_from_pem(&again, text, &e), 0);
	x509_key_free(again);
	free(text);
	assert_int_equal(
	    shell("openssl genpkey -quiet -algorithm ec -pkeyopt ec_paramgen_curve:P-384 || "
		  "openssl ecparam -name secp384r1 -genkey -noout"),
	    0);
	text = output();
	assert_true(x509_key_from_pem(&again, text, &e) < 0);
	free(text);
	buf_done(&spki);
	buf_done(&spki_pem);
}

static void
signed_data_is_verified(void **state)
{
	struct buf sig;

	(void)state;
	buf_init(&sig, 256);
	assert_int_equal(x509_sign_data(host_ca.key, span_str("bundle"), &sig), 0);
	assert_int_equal(x509_verify_data(host_ca.cert, span_str("bundle"), buf_span(&sig)), 0);
	assert_true(x509_verify_data(host_ca.cert, span_str("bundlf"), buf_span(&sig)) < 0);
	assert_true(x509_verify_data(other_ca.cert, span_str("bundle"), buf_span(&sig)) < 0);
	for (size_t i = 0; i < sig.len; i++) {
		buf_head(&sig)[i] ^= 1;
		assert_true(x509_verify_data(host_ca.cert, span_str("bundle"), buf_span(&sig)) < 0);
		buf_head(&sig)[i] ^= 1;
	}
	assert_true(
	    x509_verify_data(host_ca.cert, span_str("bundle"), (struct span){ NULL, 0 }) < 0);
	buf_done(&sig);
}

static void
pins_are_what_openssl_computes(void **state)
{
	char pin[CAPIN_SIZE], upper[CAPIN_SIZE], *text;

	(void)state;
	save("ca.pem", host_ca.pem);
	assert_int_equal(
	    shell(
		"openssl x509 -in ca.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum"),
	    0);
	text = output();
	assert_int_equal(capin_of_cert(host_ca.cert, pin), 0);
	assert_memory_equal(pin, "sha256:", 7);
	assert_memory_equal(pin + 7, text, 64);
	free(text);
	assert_true(capin_ok(pin));
	assert_true(capin_equal(pin, pin));
	memcpy(upper, pin, sizeof pin);
	for (int i = 7; upper[i]; i++)
		if (upper[i] >= 'a')
			upper[i] = (char)(upper[i] - 32);
	assert_true(capin_equal(pin, upper));
	assert_false(capin_ok("sha256:"));
	assert_false(capin_ok(pin + 1));
	upper[10] = 'g';
	assert_false(capin_ok(upper));
	assert_false(capin_equal(upper, upper));
}

static void
identities_have_one_form(void **state)
{
	static const char *const bad[] = {
		"",
		"sallyport://",
		"sallyport://c/user",
		"sallyport://c/user/",
		"sallyport:///user/a",
		"sallyport://c/root/a",
		"sallyport://c/user/a/b",
		"sallyport://c/user/a b",
		"sallyport://c/user/a%20b",
		"sallyport://c/user/a?x=1",
		"sallyport://c:1/user/a",
		"SALLYPORT://c/user/a",
		"sallyport://c/User/a",
		"sallyport://c/user/..",
		"sallyport://c/user/-a",
		"sallyport://c//a",
		"http://c/user/a",
		"sallyport://c/user/\xc3\xa4",
	};
	struct identity id;
	char uri[IDENTITY_URI_MAX], longest[IDENTITY_PART_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (identity_parse(&id, span_str(bad[i])))
			fail_msg("took %s", bad[i]);
	assert_false(
	    identity_parse(&id, (struct span){ (const uint8_t *)"sallyport://c/user/a\0b", 22 }));
	memset(longest, 'a', sizeof longest);
	longest[IDENTITY_PART_MAX] = '\0';
	for (int k = IDENTITY_USER; k <= IDENTITY_AUDIT; k++) {
		struct identity back;

		assert_true(identity_set(&id, longest, (enum identity_kind)k, longest));
		assert_true(identity_format(&id, uri, sizeof uri));
		assert_true(identity_parse(&back, span_str(uri)));
		assert_int_equal(back.kind, k);
		assert_string_equal(back.name, longest);
	}
	longest[IDENTITY_PART_MAX] = 'a';
	longest[IDENTITY_PART_MAX + 1] = '\0';
	assert_false(identity_set(&id, "c", IDENTITY_USER, longest));
	assert_false(identity_set(&id, "c,CN=root", IDENTITY_USER, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_agrees),
		cmocka_unit_test(names_come_back),
		cmocka_unit_test(believes_only_what_fits),
		cmocka_unit_test(several_roots_and_no_sub_cas),
		cmocka_unit_test(refuses_to_issue_nonsense),
		cmocka_unit_test(keys_go_through_pem),
		cmocka_unit_test(signed_data_is_verified),
		cmocka_unit_test(pins_are_what_openssl_computes),
		cmocka_unit_test(identities_have_one_form),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
