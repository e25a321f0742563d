/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of certificates, each from both sides: what is read and signed, and the first thing that is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "crypto/sshcert_priv.h"
#include "crypto/sshkey_priv.h"

static struct sshkey *ca_key, *user_key;
enum { NOW = 1800000000 };

static int
setup(void **state)
{
	(void)state;
	return crypto_init() < 0 || sshkey_generate(&ca_key) < 0 || sshkey_generate(&user_key) < 0;
}

static int
teardown(void **state)
{
	(void)state;
	sshkey_free(ca_key);
	sshkey_free(user_key);
	return 0;
}

/* n times c, for the time of a test. */
static const char *
many(size_t n, char c)
{
	static char text[4][70000];
	static int i;
	char *p = text[++i % 4];

	memset(p, c, n);
	p[n] = '\0';
	return p;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What the body of a certificate says, where it is not what every good one says. */
struct body {
	size_t nonce; /* bytes of it */
	const char *key_id;
	size_t n_principals, n_critical, n_extensions;
	const char *principal;    /* the last one */
	const char *option;       /* name of the last extension */
	struct span option_value; /* raw; of all */
	struct span ca;
	uint32_t type;
};

static void
put_list(struct buf *b, size_t n, const char *last, const struct span *value)
{
	size_t mark = wire_put_open(b);
	char name[16];

	for (size_t i = 0; i < n; i++) {
		str_format(name, sizeof(name), "a%04zu", i);
		wire_put_text(b, last && i + 1 == n ? last : name);
		if (value)
			wire_put_string(b, *value);
	}
	wire_put_close(b, mark);
}

/* Rightly signed, whatever it says. */
static void
make(struct buf *b, const struct body *o)
{
	struct wire key = wire_from(sshkey_blob(user_key));
	struct buf sig;

	buf_init(b, 1 << 18);
	buf_init(&sig, 1024);
	wire_string(&key);
	wire_put_text(b, "ssh-ed25519-cert-v01@openssh.com");
	wire_put_text(b, many(o->nonce, 'n'));
	buf_put(b, wire_rest(&key).p, wire_rest(&key).n);
	wire_put_u64(b, 1);
	wire_put_u32(b, o->type ? o->type : SSHCERT_USER);
	wire_put_text(b, o->key_id ? o->key_id : "id");
	put_list(b, o->n_principals, o->principal, NULL);
	wire_put_u64(b, NOW);
	wire_put_u64(b, NOW + 3600);
	put_list(b, o->n_critical, NULL, &o->option_value);
	put_list(b, o->n_extensions, o->option, &o->option_value);
	wire_put_text(b, "");
	wire_put_string(b, o->ca.n ? o->ca : sshkey_blob(ca_key));
	assert_int_equal(sshkey_sign(ca_key, buf_span(b), &sig), 0);
	wire_put_string(b, buf_span(&sig));
	assert_true(buf_ok(b));
	buf_done(&sig);
}

/* why NULL: it is read; else the error says why. */
static void
reads(const struct body *o, const char *why)
{
	struct sshcert *cert;
	struct buf b;
	struct err e = { "" };

	make(&b, o);
	int rc = sshcert_parse(&cert, buf_span(&b), &e);
	if ((rc == 0) != !why || (why && !strstr(e.text, why)))
		fail_msg("%d instead of %s: %s", rc, why ? why : "a certificate", e.text);
	assert_int_equal(cert != NULL, rc == 0);
	if (rc == 0) {
		assert_int_equal(cert->n_principals, o->n_principals);
		assert_int_equal(cert->n_critical, o->n_critical);
		assert_int_equal(cert->n_extensions, o->n_extensions);
		assert_true(span_eq(buf_span(&cert->blob), buf_span(&b)));
	}
	sshcert_free(cert); /* which may be NULL */
	buf_done(&b);
}

static void
a_certificate_holds_so_many_names(void **state)
{
	(void)state;
	reads(&(struct body){ .n_principals = SSHCERT_PRINCIPALS_MAX }, NULL);
	reads(&(struct body){ .n_principals = SSHCERT_PRINCIPALS_MAX + 1 }, "too many principals");
	reads(&(struct body){ .n_critical = SSHCERT_OPTIONS_MAX }, NULL);
	reads(&(struct body){ .n_critical = SSHCERT_OPTIONS_MAX + 1 }, "too many options");
	reads(&(struct body){ .n_extensions = SSHCERT_OPTIONS_MAX }, NULL);
	reads(&(struct body){ .n_extensions = SSHCERT_OPTIONS_MAX + 1 }, "too many options");
}

static void
texts_are_so_long_and_printable(void **state)
{
	struct buf value;

	(void)state;
	reads(&(struct body){ .key_id = "" }, NULL);
	reads(&(struct body){ .key_id = many(SSHCERT_TEXT_MAX, 'x') }, NULL);
	reads(&(struct body){ .key_id = many(SSHCERT_TEXT_MAX + 1, 'x') }, "is malformed");
	reads(&(struct body){ .key_id = "a\x1b[2J" }, "is malformed");
	reads(&(struct body){ .n_principals = 1, .principal = many(SSHCERT_TEXT_MAX, 'x') }, NULL);
	reads(&(struct body){ .n_principals = 1, .principal = many(SSHCERT_TEXT_MAX + 1, 'x') },
	    "malformed principal");
	buf_init(&value, 1 << 15);
	wire_put_text(&value, many(SSHCERT_TEXT_MAX, 'x'));
	reads(&(struct body){ .n_extensions = 1, .option_value = buf_span(&value) }, NULL);
	value.len = 0;
	wire_put_text(&value, many(SSHCERT_TEXT_MAX + 1, 'x'));
	reads(&(struct body){ .n_extensions = 1, .option_value = buf_span(&value) },
	    "malformed option");
	value.len = 0;
	wire_put_text(&value, "a\nb");
	reads(&(struct body){ .n_extensions = 1, .option_value = buf_span(&value) },
	    "malformed option");
	value.len = 0;
	wire_put_text(&value, "text");
	wire_put_u8(&value, 0); /* and something behind it */
	reads(&(struct body){ .n_extensions = 1, .option_value = buf_span(&value) },
	    "malformed option");
	buf_done(&value);
}

static void
names_have_no_characters_of_lists(void **state)
{
	static const char *const bad[] = { "", "b c", "b,c", "b\x7f", "b\x1f", "b\x80" };
	static const char *const lists[] = { "b c", "b,c", "b*", "b?", "", "b\x7f" };

	(void)state;
	reads(&(struct body){ .n_extensions = 1, .option = "!~" }, NULL);
	reads(&(struct body){ .n_extensions = 1, .option = many(256, 'x') }, NULL);
	reads(&(struct body){ .n_extensions = 1, .option = many(257, 'x') }, "malformed option");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		reads(&(struct body){ .n_extensions = 1, .option = bad[i] }, "malformed option");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		reads(&(struct body){ .n_principals = 1, .principal = lists[i] },
		    "malformed principal");
}

static void
a_certificate_has_so_many_bytes(void **state)
{
	struct body o = { .nonce = 0 };
	struct buf b;

	(void)state;
	make(&b, &o);
	o.nonce = SSHCERT_BLOB_MAX - b.len;
	buf_done(&b);
	reads(&o, NULL);
	o.nonce++;
	reads(&o, "too large");
}

static void
a_ca_key_has_so_many_bytes_and_a_kind_that_is_known(void **state)
{
	const char *big = many(SSHKEY_BLOB_MAX + 1, 'k');

	(void)state;
	reads(&(struct body){ .ca = { (const uint8_t *)big, SSHKEY_BLOB_MAX } },
	    "of a kind that is not accepted");
	reads(&(struct body){ .ca = { (const uint8_t *)big, SSHKEY_BLOB_MAX + 1 } },
	    "out of memory");
	reads(&(struct body){ .ca = sshkey_blob(user_key) }, "signature is wrong");
}

static void
the_part_that_is_cut_is_named(void **state)
{
	struct sshcert *cert;
	struct buf b;
	struct err e;
	size_t key = 4 + strlen("ssh-ed25519-cert-v01@openssh.com") + 4;

	(void)state;
	make(&b, &(struct body){ .n_principals = 1 });
	for (size_t n = 0; n < b.len; n++) {
		const char *why = n < key - 4 ? "type is not supported"
		    : n < key + 4 + 32        ? "the certified key is malformed"
					      : "the certificate is malformed";

		assert_true(sshcert_parse(&cert, (struct span){ buf_head(&b), n }, &e) < 0);
		if (!strstr(e.text, why))
			fail_msg("%zu bytes: %s", n, e.text);
	}
	buf_done(&b);
}

static void
the_name_of_a_kind_is_more_than_its_ending(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} rows[] = { { "x-cert-v01@openssh.com", true }, { "-cert-v01@openssh.com", false },
		{ "cert-v01@openssh.com", false }, { "x-cert-v02@openssh.com", false },
		{ "", false } };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 256);
		wire_put_text(&b, rows[i].name);
		assert_int_equal(sshcert_is_cert(buf_span(&b)), rows[i].is);
		assert_false(sshcert_is_cert((struct span){ buf_head(&b), b.len - 1 }));
		buf_done(&b);
	}
	assert_false(sshcert_is_cert((struct span){ NULL, 0 }));
}

/* --- believing -------------------------------------------------------------------------------- */

static struct sshcert *
read_one(const struct body *o)
{
	struct sshcert *cert;
	struct buf b;
	struct err e;

	make(&b, o);
	if (sshcert_parse(&cert, buf_span(&b), &e) < 0)
		fail_msg("%s", e.text);
	buf_done(&b);
	return cert;
}

static void
it_is_believed_from_its_first_second_to_before_its_last(void **state)
{
	static const struct {
		uint64_t now;
		const char *why;
	} rows[] = { { NOW - 1, "not valid yet" }, { NOW, NULL }, { NOW + 3599, NULL },
		{ NOW + 3600, "has expired" } };
	const struct span ca = sshkey_blob(ca_key);
	struct sshcert *cert = read_one(&(struct body){ .n_principals = 1 });
	struct sshcert_rules r = { SSHCERT_USER, &ca, 1, "a0000", "10.1.2.3", 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.now_s = rows[i].now;
		int rc = sshcert_check(cert, &r, &e);
		assert_int_equal(rc == 0, !rows[i].why);
		if (rows[i].why)
			assert_non_null(strstr(e.text, rows[i].why));
	}
	sshcert_free(cert);
}

/* An empty entry of the list is nobody's key, also not of a certificate that names none. */
static void
no_ca_is_no_ca(void **state)
{
	const struct span cas[] = { { NULL, 0 }, sshkey_blob(user_key), sshkey_blob(ca_key) };
	struct sshcert *cert = read_one(&(struct body){ .n_principals = 1 });
	struct sshcert_rules r = { SSHCERT_USER, cas, 3, NULL, NULL, NOW };
	struct err e;

	(void)state;
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	r.n_ca = 2;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	cert->ca_blob.len = 0;
	assert_true(sshcert_check(cert, &r, &e) < 0);
	sshcert_free(cert);
}

/* As DNS has it, and as stock ssh asks for them; logins are what Unix makes of them. */
static void
names_of_hosts_are_compared_in_any_case_and_logins_as_they_are(void **state)
{
	const struct span ca = sshkey_blob(ca_key);
	struct sshcert *cert = read_one(&(struct body){ .type = SSHCERT_HOST,
	    .n_principals = 1,
	    .principal = "Node-1.Example.com" });
	struct sshcert_rules r = { SSHCERT_HOST, &ca, 1, "nODE-1.example.COM", NULL, NOW };
	struct err e;

	(void)state;
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	r.principal = "node-2.example.com";
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r.principal = "node-1.example.co";
	assert_true(sshcert_check(cert, &r, &e) < 0);
	cert->type = r.type = SSHCERT_USER;
	r.principal = "node-1.example.com";
	assert_true(sshcert_check(cert, &r, &e) < 0);
	r.principal = "Node-1.Example.com";
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	sshcert_free(cert);
}

static void
a_host_certificate_has_no_critical_options(void **state)
{
	const struct span ca = sshkey_blob(ca_key);
	struct sshcert *cert = read_one(
	    &(struct body){ .type = SSHCERT_HOST, .n_principals = 1, .n_critical = 1 });
	struct sshcert_rules r = { SSHCERT_HOST, &ca, 1, NULL, "10.1.2.3", NOW };
	struct err e;

	(void)state;
	free(cert->critical[0].name);
	free(cert->critical[0].value);
	cert->critical[0].name = strdup("source-address");
	cert->critical[0].value = strdup("10.0.0.0/8");
	assert_true(sshcert_check(cert, &r, &e) < 0);
	assert_non_null(strstr(e.text, "critical option source-address"));
	cert->type = r.type = SSHCERT_USER;
	assert_int_equal(sshcert_check(cert, &r, &e), 0);
	assert_string_equal(sshcert_critical(cert, "source-address"), "10.0.0.0/8");
	assert_null(sshcert_critical(cert, "source-addres"));
	assert_null(sshcert_extension(cert, "source-address"));
	sshcert_free(cert);
}

static void
a_malformed_range_is_nobodys_wherever_it_stands(void **state)
{
	char padded[80], longer[80], huge[400];
	const struct {
		const char *list, *peer;
		bool ok;
	} rows[] = {
		/* what was read before must not count for it */
		{ "10.0.0.0/8,nonsense/0", "11.1.2.3", false },
		{ "2001:db8::/32,nonsense/0", "2001:db9::1", false },
		{ "nonsense/0,11.0.0.0/8", "11.1.2.3", true },
		{ "10.0.0.0/8", "nonsense", false },
		{ ",,10.0.0.0/8,", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.3", true },
		{ "10.1.2.3/33", "10.1.2.3", false },
		{ "10.1.2.3/", "10.1.2.3", false },
		{ "10.1.2.3/-1", "10.1.2.3", false },
		{ "10.128.0.0/9", "10.128.0.1", true },
		{ "10.128.0.0/9", "10.127.0.1", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
		{ "2001:db8::1/129", "2001:db8::1", false },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "::/0", "192.0.2.1", false },
		{ padded, "10.1.2.3", true },
		{ longer, "10.1.2.3", false },
		{ huge, "10.1.2.3", true },
	};
	const struct span ca = sshkey_blob(ca_key);
	struct sshcert *cert = read_one(&(struct body){ .n_principals = 1, .n_critical = 1 });
	struct sshcert_rules r = { SSHCERT_USER, &ca, 1, NULL, NULL, NOW };
	struct err e;

	(void)state;
	str_format(padded, sizeof(padded), "10.0.0.0/%054d", 8); /* 63 characters fit */
	str_format(longer, sizeof(longer), "10.0.0.0/%055d", 8);
	str_format(huge, sizeof(huge), "%s,10.0.0.0/8", many(300, '1'));
	free(cert->critical[0].name);
	free(cert->critical[0].value);
	cert->critical[0].name = strdup("source-address");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cert->critical[0].value = (char *)(uintptr_t)rows[i].list;
		r.source_address = rows[i].peer;
		if ((sshcert_check(cert, &r, &e) == 0) != rows[i].ok)
			fail_msg("%s from %s", rows[i].list, rows[i].peer);
	}
	cert->critical[0].value = NULL;
	sshcert_free(cert);
}

/* --- signing ---------------------------------------------------------------------------------- */

/* A certificate that can be signed, with so many names in it. */
static struct sshcert *
unsigned_with(size_t n_principals, size_t n_critical, size_t n_extensions)
{
	struct sshcert *cert = read_one(&(struct body){ .n_principals = 1 });
	struct sshcert_option **lists[] = { &cert->critical, &cert->extensions };
	size_t *counts[] = { &cert->n_critical, &cert->n_extensions };
	size_t wanted[] = { n_critical, n_extensions };
	char name[16];

	free(cert->principals[0]);
	free(cert->principals);
	cert->principals = calloc(n_principals + 1, sizeof(*cert->principals));
	cert->n_principals = n_principals;
	for (size_t i = 0; i < n_principals; i++)
		cert->principals[i] = strdup("root");
	for (size_t k = 0; k < 2; k++) {
		free(*lists[k]);
		*lists[k] = calloc(wanted[k] + 1, sizeof(**lists[k]));
		*counts[k] = wanted[k];
		for (size_t i = 0; i < wanted[k]; i++) {
			str_format(name, sizeof(name), "o%03zu", wanted[k] - i);
			(*lists[k])[i] = (struct sshcert_option){ strdup(name), strdup("v") };
		}
	}
	return cert;
}

/* why NULL: it is signed, and is read again. Takes the certificate. */
static void
signs(struct sshcert *cert, const struct sshkey *ca, const char *why)
{
	struct sshcert *again = NULL;
	struct err e = { "" };
	int rc = sshcert_sign(cert, ca, &e);

	if ((rc == 0) != !why || (why && !strstr(e.text, why)))
		fail_msg("%d instead of %s: %s", rc, why ? why : "a signature", e.text);
	if (rc == 0) {
		if (sshcert_parse(&again, buf_span(&cert->blob), &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(again->n_principals, cert->n_principals);
		assert_int_equal(again->n_extensions, cert->n_extensions);
		if (cert->n_extensions)
			assert_string_equal(again->extensions[0].value,
			    cert->extensions[0].value ? cert->extensions[0].value : "");
	}
	sshcert_free(again);
	sshcert_free(cert);
}

static void
so_many_names_are_signed(void **state)
{
	(void)state;
	signs(unsigned_with(0, 0, 0), ca_key, "needs between 1 and 256");
	signs(unsigned_with(1, 1, 1), ca_key, NULL);
	signs(unsigned_with(1, 2, 2), ca_key, NULL);
	signs(unsigned_with(SSHCERT_PRINCIPALS_MAX, 0, 0), ca_key, NULL);
	signs(unsigned_with(SSHCERT_PRINCIPALS_MAX + 1, 0, 0), ca_key, "needs between 1 and 256");
	signs(unsigned_with(1, SSHCERT_OPTIONS_MAX, SSHCERT_OPTIONS_MAX), ca_key, NULL);
	signs(unsigned_with(1, SSHCERT_OPTIONS_MAX + 1, 0), ca_key, "too many certificate options");
	signs(unsigned_with(1, 0, SSHCERT_OPTIONS_MAX + 1), ca_key, "too many certificate options");
}

static void
set(char **text, const char *to)
{
	free(*text);
	*text = to ? strdup(to) : NULL;
}

static void
what_could_not_be_read_is_not_signed(void **state)
{
	struct sshcert *c;

	(void)state;
	c = unsigned_with(1, 0, 0), set(&c->key_id, NULL);
	signs(c, ca_key, "key id");
	c = unsigned_with(1, 0, 0), set(&c->key_id, "a\nb");
	signs(c, ca_key, "key id");
	c = unsigned_with(1, 0, 0), set(&c->key_id, "");
	signs(c, ca_key, NULL);
	for (uint32_t type = 0; type <= 3; type++) {
		c = unsigned_with(1, 0, 0), c->type = type;
		signs(c, ca_key, type == SSHCERT_USER || type == SSHCERT_HOST ? NULL : "a type");
	}
	c = unsigned_with(1, 0, 0), sshkey_free(c->key), c->key = NULL;
	signs(c, ca_key, "needs a key");
	c = unsigned_with(1, 0, 0), c->valid_after = c->valid_before + 1;
	signs(c, ca_key, "never be valid");
	c = unsigned_with(1, 0, 0), c->valid_after = c->valid_before;
	signs(c, ca_key, "never be valid");
	c = unsigned_with(1, 0, 0), c->valid_after = c->valid_before - 1;
	signs(c, ca_key, NULL);
	c = unsigned_with(1, 2, 0), set(&c->critical[1].name, "a b");
	signs(c, ca_key, "not allowed");
	c = unsigned_with(1, 0, 2), set(&c->extensions[1].value, "a\nb");
	signs(c, ca_key, "not allowed");
	c = unsigned_with(1, 0, 2), set(&c->extensions[1].name, "o002");
	signs(c, ca_key, "stands twice");
	c = unsigned_with(1, 0, 1), set(&c->extensions[0].value, "");
	signs(c, ca_key, NULL);
	c = unsigned_with(2, 0, 0), set(&c->principals[1], "a,b");
	signs(c, ca_key, "a principal");
}

static void
only_a_whole_key_signs_and_only_what_fits(void **state)
{
	struct sshcert *c;
	struct sshkey *public;

	(void)state;
	assert_int_equal(sshkey_from_blob(&public, sshkey_blob(ca_key)), 0);
	signs(unsigned_with(1, 0, 0), public, "cannot sign");
	sshkey_free(public);
	/* From what fits to what does not, byte by byte: 8 texts, of which the last one grows. */
	for (size_t n = SSHCERT_TEXT_MAX - 1100; n <= SSHCERT_TEXT_MAX; n++) {
		struct err e;

		c = unsigned_with(8, 0, 0);
		for (size_t i = 0; i < 8; i++)
			set(&c->principals[i], many(i < 7 ? SSHCERT_TEXT_MAX : n, 'x'));
		if (sshcert_sign(c, ca_key, &e) == 0)
			assert_true(c->blob.len <= SSHCERT_BLOB_MAX);
		else
			assert_non_null(strstr(e.text, "would be too large"));
		assert_true(n < SSHCERT_TEXT_MAX || !buf_ok(&c->blob));
		sshcert_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_holds_so_many_names),
		cmocka_unit_test(texts_are_so_long_and_printable),
		cmocka_unit_test(names_have_no_characters_of_lists),
		cmocka_unit_test(a_certificate_has_so_many_bytes),
		cmocka_unit_test(a_ca_key_has_so_many_bytes_and_a_kind_that_is_known),
		cmocka_unit_test(the_part_that_is_cut_is_named),
		cmocka_unit_test(the_name_of_a_kind_is_more_than_its_ending),
		cmocka_unit_test(it_is_believed_from_its_first_second_to_before_its_last),
		cmocka_unit_test(no_ca_is_no_ca),
		cmocka_unit_test(names_of_hosts_are_compared_in_any_case_and_logins_as_they_are),
		cmocka_unit_test(a_host_certificate_has_no_critical_options),
		cmocka_unit_test(a_malformed_range_is_nobodys_wherever_it_stands),
		cmocka_unit_test(so_many_names_are_signed),
		cmocka_unit_test(what_could_not_be_read_is_not_signed),
		cmocka_unit_test(only_a_whole_key_signs_and_only_what_fits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
