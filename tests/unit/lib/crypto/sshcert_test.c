/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates against OpenSSH's own tool, both ways, and everything that must not be believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"

static char dir[64];
static struct sshkey *ca_key, *user_key;
enum { NOW = 1800000000 };

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void
run(const char *fmt, ...)
{
	struct buf cmd;
	va_list ap;
	char text[1024];

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_init(&cmd, 4096);
	buf_printf(&cmd, "cd %s && { %s; }", dir, text);
	buf_put(&cmd, "", 1);
	if (system((const char *)buf_head(&cmd)) != 0)
		fail_msg("failed: %s", (const char *)buf_head(&cmd));
	buf_done(&cmd);
}

static char *
slurp(const char *name)
{
	char path[128], *text;
	size_t n;
	struct err e;

	assert_true(str_format(path, sizeof path, "%s/%s", dir, name));
	if (file_read(path, 1 << 20, &text, &n, &e) < 0)
		fail_msg("%s", e.text);
	return text;
}

static void
blob_of(const char *name, struct buf *blob)
{
	char *line = slurp(name);

	buf_init(blob, 1 << 17);
	assert_int_equal(sshkey_line_to_blob(line, blob), 0);
	free(line);
}

static int
setup(void **state)
{
	(void)state;
	if (crypto_init() < 0 || sshkey_generate(&ca_key) < 0 || sshkey_generate(&user_key) < 0)
		return -1;
	str_copy(dir, sizeof(dir), "/tmp/sshcert-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	run("ssh-keygen -q -t ed25519 -N '' -f ed25519; ssh-keygen -q -t ecdsa -b 256 -N '' -f ecdsa; "
	    "ssh-keygen -q -t rsa -b 2048 -N '' -f rsa");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sshkey_free(ca_key);
	sshkey_free(user_key);
	run("rm -rf %s", dir);
	return 0;
}

static void
reads_what_ssh_keygen_makes(void **state)
{
	static const char *const types[] = { "ed25519", "ecdsa", "rsa" };

	(void)state;
	for (int ca = 0; ca < 3; ca++) {
		for (int i = 0; i < 3; i++) {
			struct sshcert *cert;
			struct buf blob, ca_blob, pub;
			char name[64];
			struct err e;

			run("ssh-keygen -q -s %s -I 'alice@example' -n root,alice -z 77 -V 20200101000000Z:20300101000000Z "
			    "-O source-address=10.0.0.0/8,2001:db8::/32 -O extension:roles@sallyport=access,editor "
			    "-O no-x11-forwarding %s.pub 2>/dev/null",
			    types[ca], types[i]);
			str_format(name, sizeof name, "%s-cert.pub", types[i]);
			blob_of(name, &blob);
			assert_true(sshcert_is_cert(buf_span(&blob)));
			if (sshcert_parse(&cert, buf_span(&blob), &e) < 0)
				fail_msg("%s by %s: %s", types[i], types[ca], e.text);
			str_format(name, sizeof name, "%s.pub", types[ca]);
			blob_of(name, &ca_blob);
			assert_true(span_eq(buf_span(&ca_blob), buf_span(&cert->ca_blob)));
			str_format(name, sizeof name, "%s.pub", types[i]);
			blob_of(name, &pub);
			assert_false(sshcert_is_cert(buf_span(&pub)));
			assert_true(span_eq(buf_span(&pub), sshkey_blob(cert->key)));
			assert_string_equal(cert->key_id, "alice@example");
			assert_int_equal(cert->serial, 77);
			assert_int_equal(cert->type, SSHCERT_USER);
			assert_int_equal(cert->n_principals, 2);
			assert_string_equal(cert->principals[0], "root");
			assert_string_equal(cert->principals[1], "alice");
			assert_int_equal(cert->valid_after, 1577836800);
			assert_int_equal(cert->valid_before, 1893456000);
			assert_string_equal(sshcert_extension(cert, "roles@sallyport"),
			    "access,editor");
			assert_string_equal(sshcert_extension(cert, "permit-pty"), "");
			assert_null(sshcert_extension(cert, "permit-X11-forwarding"));
			assert_string_equal(sshcert_critical(cert, "source-address"),
			    "10.0.0.0/8,2001:db8::/32");
			sshcert_free(cert);
			buf_done(&blob);
			buf_done(&ca_blob);
			buf_done(&pub);
		}
	}
}

static char *
copy_of(const char *s)
{
	char *copy = strdup(s);

	assert_non_null(copy);
	return copy;
}

static struct sshcert *
unsigned_cert(const struct sshkey *key)
{
	struct sshcert *cert = calloc(1, sizeof *cert);

	assert_non_null(cert);
	assert_int_equal(sshkey_from_blob(&cert->key, sshkey_blob(key)), 0);
	cert->serial = 42;
	cert->type = SSHCERT_USER;
	cert->key_id = copy_of("alice");
	cert->principals = calloc(2, sizeof *cert->principals);
	cert->principals[0] = copy_of("root");
	cert->principals[1] = copy_of("alice");
	cert->n_principals = 2;
	cert->valid_after = NOW - 60;
	cert->valid_before = NOW + 3600;
	cert->extensions = calloc(4, sizeof *cert->extensions);
	cert->extensions[0] = (struct sshcert_option){ copy_of("roles@sallyport"),
		copy_of("access") };
	cert->extensions[1] = (struct sshcert_option){ copy_of("permit-pty"), copy_of("") };
	cert->n_extensions = 2;
	cert->critical = calloc(2, sizeof *cert->critical);
	return cert;
}

static void
ssh_keygen_reads_what_we_make(void **state)
{
	static const char *const pubs[] = { "ed25519.pub", "ecdsa.pub", "rsa.pub" };
	struct buf blob, line;
	struct sshkey *key;
	char *listing, path[128];
	struct err e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sshcert *cert, *again;

		blob_of(pubs[i], &blob);
		assert_int_equal(sshkey_from_blob(&key, buf_span(&blob)), 0);
		cert = unsigned_cert(key);
		if (sshcert_sign(cert, ca_key, &e) < 0)
			fail_msg("%s", e.text);
		buf_init(&line, 1 << 16);
		assert_int_equal(sshkey_blob_to_line(buf_span(&cert->blob), "ours", &line), 0);
		str_format(path, sizeof path, "%s/ours-cert.pub", dir);
		assert_int_equal(file_write(path, 0644, buf_head(&line), line.len, &e), 0);
		run("ssh-keygen -L -f ours-cert.pub > listing");
		listing = slurp("listing");
		assert_non_null(strstr(listing, "Key ID: \"alice\""));
		assert_non_null(strstr(listing, "Serial: 42"));
		assert_non_null(strstr(listing, "                root\n                alice\n"));
		assert_non_null(strstr(listing, "permit-pty\n"));
		assert_non_null(strstr(listing, "roles@sallyport"));
		assert_int_equal(sshcert_parse(&again, buf_span(&cert->blob), &e), 0);
		assert_string_equal(sshcert_extension(again, "roles@sallyport"), "access");
		assert_string_equal(again->extensions[0].name, "permit-pty"); /* sorted */
		sshcert_free(again);
		sshcert_free(cert);
		sshkey_free(key);
		free(listing);
		buf_done(&line);
		buf_done(&blob);
	}
}

static struct sshcert_rules
rules_for(const char *principal, const struct span *ca)
{
	return (struct sshcert_rules){ SSHCERT_USER, ca, 1, principal, "10.1.2.3", NOW };
}

static void
believes_only_what_fits(void **state)
{
	struct sshcert *cert = unsigned_cert(user_key);
	struct span ca = sshkey_blob(ca_key), other = sshkey_blob(user_key);
	struct sshcert_rules good = rules_for("root", &ca), r;
	struct err e;

	(void)state;
	assert_int_equal(sshcert_sign(cert, ca_key, &e), 0);
	assert_int_equal(sshcert_check(cert, &good, &e), 0);
	r = good, r.principal = NULL;
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	r = good, r.principal = "bob";
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.principal = "";
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.type = SSHCERT_HOST;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.ca = &other;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.n_ca = 0;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.now_s = NOW + 3600;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r = good, r.now_s = NOW + 3599;
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	r = good, r.now_s = NOW - 61;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	sshcert_free(cert);
}

static int
check_from(const char *name, const char *list, const char *peer)
{
	struct sshcert *cert = unsigned_cert(user_key);
	struct span ca = sshkey_blob(ca_key);
	struct sshcert_rules r = rules_for("root", &ca);
	struct err e;
	int rc;

	cert->critical[0] = (struct sshcert_option){ copy_of(name), copy_of(list) };
	cert->n_critical = 1;
	assert_int_equal(sshcert_sign(cert, ca_key, &e), 0);
	r.source_address = peer;
	rc = sshcert_check(cert, &r, &e);
	sshcert_free(cert);
	return rc;
}

static void
critical_options_bind(void **state)
{
	static const struct {
		const char *list, *peer;
		bool ok;
	} row[] = {
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "11.1.2.3", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.1.2.3", "10.1.2.4", false },
		{ "10.1.2.0/31", "10.1.2.1", true },
		{ "10.1.2.0/31", "10.1.2.2", false },
		{ "192.0.2.1,2001:db8::/33", "2001:db8:7fff::1", true },
		{ "192.0.2.1,2001:db8::/33", "2001:db8:8000::1", false },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "10.0.0.0/33", "10.0.0.1", false },
		{ "10.0.0.0/x", "10.0.0.1", false },
		{ "", "10.0.0.1", false },
		{ "10.0.0.0/8", NULL, false },
		{ "10.0.0.0/8", "elsewhere", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		if ((check_from("source-address", row[i].list, row[i].peer) == 0) != row[i].ok)
			fail_msg("%s from %s", row[i].list, row[i].peer ? row[i].peer : "nowhere");
	assert_true(check_from("force-command", "true", "10.0.0.1") < 0);
	assert_true(check_from("verify-required", "", "10.0.0.1") < 0);
	assert_true(check_from("new@example.com", "", "10.0.0.1") < 0);
}

static void
refuses_to_sign_nonsense(void **state)
{
	static const char *const bad[] = { "", "a,b", "*", "ro?t", "a b", "a\tb", "a\nb", "\xff" };
	struct sshcert *cert;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cert = unsigned_cert(user_key);
		free(cert->principals[1]);
		cert->principals[1] = copy_of(bad[i]);
		assert_true(sshcert_sign(cert, ca_key, &e) < 0);
		sshcert_free(cert);
	}
	cert = unsigned_cert(user_key);
	free(cert->principals[1]);
	free(cert->principals[0]);
	cert->n_principals = 0;
	assert_true(sshcert_sign(cert, ca_key, &e) < 0);
	sshcert_free(cert);
	cert = unsigned_cert(user_key);
	cert->extensions[2] = (struct sshcert_option){ copy_of("permit-pty"), copy_of("") };
	cert->n_extensions = 3;
	assert_true(sshcert_sign(cert, ca_key, &e) < 0);
	sshcert_free(cert);
	cert = unsigned_cert(user_key);
	cert->valid_before = cert->valid_after;
	assert_true(sshcert_sign(cert, ca_key, &e) < 0);
	sshcert_free(cert);
}

/* The body of a certificate of our own, with parts a friendly signer never writes, rightly signed.
 */
struct odd {
	const char *principals[3];
	const char *names[3];
	uint32_t type;
	const char *value; /* raw data of the options */
	bool tail;
	struct span ca; /* the signing key's blob; empty: ca_key's */
};

/* The certificate is left in *ret when it is read. */
static int
parse_odd_into(struct sshcert **ret, const struct odd *o)
{
	struct wire key = wire_from(sshkey_blob(user_key));
	struct buf b, sig;
	size_t mark;
	struct err e;
	int rc;

	buf_init(&b, 1 << 16);
	buf_init(&sig, 1024);
	wire_string(&key);
	wire_put_text(&b, "ssh-ed25519-cert-v01@openssh.com");
	wire_put_text(&b, "nonce");
	buf_put(&b, wire_rest(&key).p, wire_rest(&key).n);
	wire_put_u64(&b, 1);
	wire_put_u32(&b, o->type);
	wire_put_text(&b, "id");
	mark = wire_put_open(&b);
	for (int i = 0; i < 3 && o->principals[i]; i++)
		wire_put_text(&b, o->principals[i]);
	wire_put_close(&b, mark);
	wire_put_u64(&b, 0);
	wire_put_u64(&b, UINT64_MAX);
	wire_put_text(&b, "");
	mark = wire_put_open(&b);
	for (int i = 0; i < 3 && o->names[i]; i++) {
		wire_put_text(&b, o->names[i]);
		wire_put_text(&b, o->value ? o->value : "");
	}
	wire_put_close(&b, mark);
	wire_put_text(&b, "");
	wire_put_string(&b, o->ca.n ? o->ca : sshkey_blob(ca_key));
	assert_int_equal(sshkey_sign(ca_key, buf_span(&b), &sig), 0);
	wire_put_string(&b, buf_span(&sig));
	if (o->tail)
		wire_put_u8(&b, 0);
	rc = sshcert_parse(ret, buf_span(&b), &e);
	buf_done(&b);
	buf_done(&sig);
	return rc;
}

static int
parse_odd(const struct odd *o)
{
	struct sshcert *cert;
	int rc = parse_odd_into(&cert, o);

	if (rc == 0)
		sshcert_free(cert);
	return rc;
}

/* Vault signed such, and they were good for every login. */
static void
cve_2024_7594_no_principals_is_nobody(void **state)
{
	struct span ca = sshkey_blob(ca_key);
	struct sshcert_rules rules = rules_for("root", &ca);
	struct sshcert *cert;
	struct err e;

	(void)state;
	for (uint32_t type = SSHCERT_USER; type <= SSHCERT_HOST; type++) {
		rules.type = type;
		rules.principal = "root";
		assert_int_equal(parse_odd_into(&cert,
				     &(struct odd){ { NULL }, { NULL }, type, NULL, false }),
		    0);
		assert_true(sshcert_check(cert, &rules, &e) < 0);
		rules.principal = NULL;
		assert_true(sshcert_check(cert, &rules, &e) < 0);
		sshcert_free(cert);
	}
}

/* One principal with a comma in it was two for some readers. */
static void
cve_2026_35414_a_comma_makes_no_principals(void **state)
{
	(void)state;
	assert_true(parse_odd(&(struct odd){ { "alice,root" }, { NULL }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "alice", "root," }, { NULL }, 1, NULL, false }) < 0);
}

/* Who has a certificate of ours must not make certificates with it. */
static void
cve_2025_49825_a_ca_that_is_a_certificate_itself(void **state)
{
	struct sshcert *ca = unsigned_cert(ca_key);
	struct err e;

	(void)state;
	assert_int_equal(sshcert_sign(ca, ca_key, &e), 0);
	assert_true(parse_odd(&(struct odd){ { "root" }, { NULL }, 1, NULL, false,
			buf_span(&ca->blob) }) < 0);
	sshcert_free(ca);
}

static void
refuses_malformed_certificates_even_when_signed(void **state)
{
	(void)state;
	assert_int_equal(parse_odd(&(struct odd){ { "a", "b" }, { "x", "y" }, 1, NULL, false }), 0);
	assert_int_equal(parse_odd(&(struct odd){ { NULL }, { NULL }, 2, NULL, false }), 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "x" }, 3, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "x" }, 0, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a", "" }, { "x" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a,b" }, { "x" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "*" }, { "x" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "y", "x" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "x", "x" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "" }, 1, NULL, false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "x" }, 1, "binary", false }) < 0);
	assert_true(parse_odd(&(struct odd){ { "a" }, { "x" }, 1, NULL, true }) < 0);
}

static void
refuses_every_changed_bit_and_every_cut(void **state)
{
	struct sshcert *cert = unsigned_cert(user_key), *ret;
	struct span s;
	uint8_t copy[4096];
	struct err e;

	(void)state;
	assert_int_equal(sshcert_sign(cert, ca_key, &e), 0);
	s = buf_span(&cert->blob);
	for (size_t i = 0; i < s.n * 8; i++) {
		memcpy(copy, s.p, s.n);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(sshcert_parse(&ret, (struct span){ copy, s.n }, &e) < 0);
		assert_null(ret);
	}
	for (size_t n = 0; n < s.n; n++)
		assert_true(sshcert_parse(&ret, (struct span){ s.p, n }, &e) < 0);
	sshcert_free(cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_ssh_keygen_makes),
		cmocka_unit_test(ssh_keygen_reads_what_we_make),
		cmocka_unit_test(believes_only_what_fits),
		cmocka_unit_test(critical_options_bind),
		cmocka_unit_test(refuses_to_sign_nonsense),
		cmocka_unit_test(refuses_malformed_certificates_even_when_signed),
		cmocka_unit_test(refuses_every_changed_bit_and_every_cut),
		cmocka_unit_test(cve_2024_7594_no_principals_is_nobody),
		cmocka_unit_test(cve_2026_35414_a_comma_makes_no_principals),
		cmocka_unit_test(cve_2025_49825_a_ca_that_is_a_certificate_itself),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
