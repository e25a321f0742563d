/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security keys: what Chromium's virtual authenticator and python3-fido2 made is taken, and everything that differs
 * from it in one place is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authenticator.h"
#include "base/str.h"
#include "crypto/sha256.h"

/* What the browser and its virtual authenticator answered to a challenge of 32 times 7 at http://localhost:18181. */
static const struct vector {
	int algorithm;
	const char *create, *new_data; /* client data; the authenticator's, hexadecimal */
	const char *get, *data, *signature;
} chromium[] = {
	{
	    .algorithm = -7,
	    .create =
		"{\"type\":\"webauthn.create\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .new_data =
		"49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d976345000000010102030405060708010203"
		"040506070800205209750dff42ccac4aa12cd463ae1732601ad24389973bc06bf5b9f5f7f9415aa50102032620012158"
		"20857ae9da17bf550a5f79ab3c4df89fc4fd0522052f0de89251ee9d0222187356225820972230edce39f26c9d40f0a8"
		"edc6e678a845df5c35766223ef227c1485e89170",
	    .get =
		"{\"type\":\"webauthn.get\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .data = "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d97630100000002",
	    .signature =
		"3045022100813d0a24935639d0081fa133e4cede5ec291b1b8ffd3af8bd3ce2f142c64cc6c022029ae8c365e81ae10e3"
		"04db0d2f82df57b392c71a150090adb955eaa77bf25abf",
	},
	{
	    .algorithm = -8,
	    .create =
		"{\"type\":\"webauthn.create\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .new_data =
		"49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d976345000000010102030405060708010203"
		"0405060708002067bc79273c40f089e1bd1115d30be02ac051757927eeaa6a69c8bfc529021db8a40101032720062158"
		"209e7ac8dff33b61b4492bccb64c9978532b6e7f9ce9360ad7426f7231a6e5d688",
	    .get =
		"{\"type\":\"webauthn.get\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .data = "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d97630100000002",
	    .signature =
		"9127ebd2b2e485d77faa5580353e7dd1ea7f2995cf4d842027bd10009f4fa7d318be496f289f7ba5100a2f900c1367d2"
		"c2a06345cd7d20a7a409fe5362cb4a0c",
	},
	{
	    .algorithm = -257,
	    .create =
		"{\"type\":\"webauthn.create\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .new_data =
		"49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d976345000000010102030405060708010203"
		"04050607080020cbcd08c40ae6a9735150173322186abcc3087ada649d8fcd762e5a145fd85b45a40103033901002059"
		"0100c4d87e8fc70c1b4d44a2005cf076e84cbd2a1e07f6538be4b94491ba7da9215e191aa2c29264b639e2fc4f180286"
		"78bddd2b8495531b0ce84a25e1f4b267f278d029ffa674a49486c25016ce445700ec9ff21fd04da567144056f63a13aa"
		"d7ed63d2c85ddbb9e616dbf84b3f9631fe449be37fcb8b4e9caf48aeddcde0714d2f52a24f8775046ded176f2cab07d2"
		"98b27493175b15fefa55d08e24c0283d2e793f6fdb4e5e2b6bc2061782e331703bc104714d40a3abbd800e34cdca9389"
		"4bafd5b29f89e04416ff8606f0a728312c291cda76b0a21cfa775a3b1d22aa69db514f41e41a73c7d66c20bddf7e964a"
		"2486e3536e1c01c9cee67f2c820c3509ee3d2143010001",
	    .get =
		"{\"type\":\"webauthn.get\",\"challenge\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\","
		"\"origin\":\"http://localhost:18181\",\"crossOrigin\":false}",
	    .data = "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d97630100000002",
	    .signature =
		"4e0c06bf5c163eaf82918a5e4b7e24808c65dbe6678db41742cb9ece2f22d3ddf1db932a222a31a9bfbb30c621373352"
		"4c168c9cc86ac624ce7ce7bff6e4d48313544566d07014ace9f1f523d76cb035c1093c0458c3bc451cd5399878f68786"
		"16307b7c5af69addec21f98aae7d8f844d669e276e259b552085be5f34f65e3dcee68cea4eb4f917a51d3f123401eee6"
		"dfbfd7772d925024d489500d6be5956f43ed5ce9b007dbdaf5d2f2d55858dcc6bc39cc3af60d2741583a3cb60b47a2e4"
		"eb452ed503c9c36ac586f5cea4ce041ad0a81d2a97fe007f0c8a370fa269e8de5010640bdd554e006d16ffa40ccd3e93"
		"22c47af324d61d224332bfa77c00da12",
	},
};

static const struct webauthn_site localhost = { "localhost", "http://localhost:18181" };
static const struct webauthn_site example = { "proxy.example.org",
	"https://proxy.example.org:3080" };
static uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES];

static struct span
unhex(const char *hex, uint8_t *dst)
{
	size_t n = strlen(hex) / 2;

	assert_true(str_unhex(hex, dst, n));
	return (struct span){ dst, n };
}

static struct ceremony
ceremony(uint32_t counter)
{
	return (struct ceremony){ .origin = example.origin,
		.rp_id = example.rp_id,
		.challenge = challenge,
		.counter = counter };
}

static int
registers(struct authenticator *a, const struct ceremony *c, struct webauthn_credential *ret,
    struct err *e)
{
	struct webauthn_answer answer = authenticator_create(a, c);

	return webauthn_register(&example, challenge, &answer, ret, e);
}

static struct authenticator *
registered(int algorithm, struct webauthn_credential *ret)
{
	struct authenticator *a = authenticator_new(algorithm);
	struct ceremony c = ceremony(1);
	struct err e;

	assert_non_null(a);
	assert_int_equal(registers(a, &c, ret, &e), 0);
	return a;
}

/* --- what fits ----------------------------------------------------------------------------- */

static void
what_chromium_makes_is_taken(void **state)
{
	uint8_t new_data[1024], data[1024], signature[1024];
	struct webauthn_credential c;
	struct webauthn_answer answer;
	uint32_t counter;
	struct err e;

	(void)state;
	memset(challenge, 7, sizeof(challenge));
	for (size_t i = 0; i < sizeof(chromium) / sizeof(chromium[0]); i++) {
		const struct vector *v = &chromium[i];

		answer = (struct webauthn_answer){ .client_data = span_str(v->create),
			.auth_data = unhex(v->new_data, new_data) };
		if (webauthn_register(&localhost, challenge, &answer, &c, &e) != 0)
			fail_msg("%s", e.text);
		assert_int_equal(c.algorithm, v->algorithm);
		assert_int_equal(c.n_id, 32);
		assert_int_equal(c.counter, 1);
		answer = (struct webauthn_answer){ span_str(v->get), unhex(v->data, data),
			unhex(v->signature, signature) };
		assert_int_equal(webauthn_verify(&localhost, challenge, &answer, &c, &counter, &e),
		    0);
		assert_int_equal(counter, 2);
	}
}

/* Chromium asks authenticators for it when a credential is to be discoverable. */
static void
what_an_authenticator_says_beside_the_credential_is_let_be(void **state)
{
	static const char made[] =
	    "49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763c10000000500000000000000000000000000"
	    "0000000040000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
	    "2d2e2f303132333435363738393a3b3c3d3e3fa5010203262001215820e199b374781e9c01fa59799114b1a023782d163eec"
	    "9888714b4e9c1c5a337ec82258205b9bcece817b70d914b9b18458d00b1b99dc14d672c4a096516a99ce82ca1c3fa16b6372"
	    "656450726f7465637402";
	uint8_t data[1024];
	struct webauthn_credential c;
	struct webauthn_answer answer = { .client_data = span_str(chromium[0].create),
		.auth_data = unhex(made, data) };
	struct err e;

	(void)state;
	memset(challenge, 7, sizeof(challenge));
	if (webauthn_register(&localhost, challenge, &answer, &c, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.n_id, 64);
	assert_int_equal(c.counter, 5);
}

static void
a_registered_key_signs_in(void **state)
{
	struct webauthn_credential c;
	struct err e;

	(void)state;
	for (const int *alg = webauthn_algorithms; *alg; alg++) {
		struct authenticator *a = registered(*alg, &c);
		struct ceremony get = ceremony(2);
		struct webauthn_answer answer = authenticator_get(a, &get);
		uint32_t counter = 0;

		assert_int_equal(c.algorithm, *alg);
		assert_true(span_eq((struct span){ c.id, c.n_id }, authenticator_id(a)));
		assert_int_equal(webauthn_verify(&example, challenge, &answer, &c, &counter, &e),
		    0);
		assert_int_equal(counter, 2);
		authenticator_free(a);
	}
}

/* --- what does not fit, signed as it should be ---------------------------------------------- */

struct wrong {
	const char *says;
	struct ceremony c;
};
#define FITS .origin = example.origin, .rp_id = example.rp_id, .challenge = challenge
static const uint8_t other_challenge[WEBAUTHN_CHALLENGE_BYTES] = { 1 };
static const struct wrong wrongs[] = {
	{ "another kind", { FITS, .type = "payment.get" } },
	{ "another kind", { FITS, .type = "webauthn.get\\u0020" } },
	{ "another request",
	    { .origin = example.origin, .rp_id = example.rp_id, .challenge = other_challenge } },
	{ "another site",
	    { .origin = "https://evil.example", .rp_id = example.rp_id, .challenge = challenge } },
	{ "another site",
	    { .origin = "http://proxy.example.org:3080",
		.rp_id = example.rp_id,
		.challenge = challenge } },
	{ "another site",
	    { .origin = "https://proxy.example.org",
		.rp_id = example.rp_id,
		.challenge = challenge } },
	{ "another site",
	    { .origin = "https://proxy.example.org:3080/",
		.rp_id = example.rp_id,
		.challenge = challenge } },
	{ "another site",
	    { .origin = "https://a.proxy.example.org:3080",
		.rp_id = example.rp_id,
		.challenge = challenge } },
	{ "for another site",
	    { .origin = example.origin, .rp_id = "example.org", .challenge = challenge } },
	{ "inside another", { FITS, .more = ",\"crossOrigin\":true" } },
	{ "inside another", { FITS, .more = ",\"crossOrigin\":\"false\"" } },
	{ "inside another", { FITS, .more = ",\"topOrigin\":\"https://evil.example\"" } },
	{ "not JSON", { FITS, .more = ",\"type\":\"webauthn.get\"" } },
	{ "not JSON", { FITS, .more = ",\"origin\":\"https://evil.example\"" } },
	{ "not JSON", { FITS, .more = "}" } },
	{ "not JSON", { FITS, .more = ",\"a\":\"\\u0000\"" } },
	{ "nobody touched", { FITS, .flags = 0x44 } },
	{ "contradicts", { FITS, .flags = 0x51 } },
};

static void
every_wrong_field_is_refused_at_login(void **state)
{
	struct webauthn_credential c;
	struct authenticator *a = registered(webauthn_algorithms[0], &c);
	uint32_t counter;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct ceremony get = wrongs[i].c;
		struct webauthn_answer answer;

		get.counter = 2;
		answer = authenticator_get(a, &get);
		assert_true(webauthn_verify(&example, challenge, &answer, &c, &counter, &e) < 0);
		if (!strstr(e.text, wrongs[i].says))
			fail_msg("%zu: %s", i, e.text);
	}
	authenticator_free(a);
}

static void
every_wrong_field_is_refused_at_registration(void **state)
{
	struct authenticator *a = authenticator_new(webauthn_algorithms[0]);
	struct webauthn_credential c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		assert_true(registers(a, &wrongs[i].c, &c, &e) < 0);
		if (!strstr(e.text, wrongs[i].says))
			fail_msg("%zu: %s", i, e.text);
	}
	authenticator_free(a);
}

static void
an_answer_of_one_kind_is_not_one_of_the_other(void **state)
{
	struct webauthn_credential c, other;
	struct authenticator *a = registered(webauthn_algorithms[0], &c);
	struct ceremony now = ceremony(2);
	struct webauthn_answer answer;
	uint32_t counter;
	struct err e;

	(void)state;
	answer = authenticator_get(a, &now);
	assert_true(webauthn_register(&example, challenge, &answer, &other, &e) < 0);
	now.type = "webauthn.create";
	answer = authenticator_get(a, &now);
	assert_true(webauthn_verify(&example, challenge, &answer, &c, &counter, &e) < 0);
	now.type = "webauthn.get";
	assert_true(registers(a, &now, &other, &e) < 0);
	/* No credential is in it. */
	now = ceremony(2);
	now.flags = 0x01;
	assert_true(registers(a, &now, &other, &e) < 0);
	authenticator_free(a);
}

/* --- what was changed after it was signed --------------------------------------------------- */

static void
assert_no_flip_fits(const struct webauthn_credential *c, const struct webauthn_answer *answer,
    struct span part)
{
	uint8_t *p = (uint8_t *)(uintptr_t)part.p;
	uint32_t counter;
	struct err e;

	for (size_t i = 0; i < part.n; i++) {
		p[i] ^= 1;
		assert_int_not_equal(webauthn_verify(&example, challenge, answer, c, &counter, &e),
		    0);
		p[i] ^= 1;
	}
}

static void
every_byte_of_an_assertion_counts(void **state)
{
	struct webauthn_credential c;
	struct err e;

	(void)state;
	for (const int *alg = webauthn_algorithms; *alg; alg++) {
		struct authenticator *a = registered(*alg, &c);
		struct ceremony get = ceremony(2);
		struct webauthn_answer answer = authenticator_get(a, &get), cut = answer;
		uint32_t counter;

		assert_no_flip_fits(&c, &answer, answer.client_data);
		assert_no_flip_fits(&c, &answer, answer.auth_data);
		assert_no_flip_fits(&c, &answer, answer.signature);
		assert_no_flip_fits(&c, &answer, (struct span){ c.key, c.n_key });
		for (cut.auth_data.n = 0; cut.auth_data.n < answer.auth_data.n; cut.auth_data.n++)
			assert_true(
			    webauthn_verify(&example, challenge, &cut, &c, &counter, &e) < 0);
		cut = answer;
		for (cut.signature.n = 0; cut.signature.n < answer.signature.n; cut.signature.n++)
			assert_true(
			    webauthn_verify(&example, challenge, &cut, &c, &counter, &e) < 0);
		authenticator_free(a);
	}
}

static void
a_credential_that_is_cut_or_damaged_is_refused(void **state)
{
	struct webauthn_credential c;
	struct err e;

	(void)state;
	for (const int *alg = webauthn_algorithms; *alg; alg++) {
		struct authenticator *a = authenticator_new(*alg);
		struct ceremony create = ceremony(1);
		struct webauthn_answer answer = authenticator_create(a, &create);
		size_t whole = answer.auth_data.n;
		uint8_t *p = (uint8_t *)(uintptr_t)answer.auth_data.p;

		for (answer.auth_data.n = 0; answer.auth_data.n < whole; answer.auth_data.n++)
			assert_true(webauthn_register(&example, challenge, &answer, &c, &e) < 0);
		/* The hash of the site, presence, and all of the map that says which key it is. */
		for (size_t i = 0; i < 37; i++) {
			p[i] ^= i == 32 ? 0x41 : 0xff;
			assert_int_equal(webauthn_register(&example, challenge, &answer, &c, &e) <
				0,
			    i < 33);
			p[i] ^= i == 32 ? 0x41 : 0xff;
		}
		for (size_t i = 37 + 16 + 2 + 32; i < 37 + 16 + 2 + 32 + 7; i++) {
			p[i] ^= 0x04;
			assert_true(webauthn_register(&example, challenge, &answer, &c, &e) < 0);
			p[i] ^= 0x04;
		}
		authenticator_free(a);
	}
}

/* libcbor takes memory for as many as there are said to be. */
static void
a_map_says_no_more_members_than_there_are_bytes(void **state)
{
	static const char *const keys[] = { "\xbb\x0f\xff\xff\xff\xff\xff\xff\xff",
		"\xba\x10\0\0\0", "\xbf\x01\x02\x03\xff",
		"\xa1\x01\x9b\x0f\xff\xff\xff\xff\xff\xff\xff", "\xa1\x01\xc0\x01",
		"\xa1\x01\x81\x81\x81\x81\x81\x81\x01", "\x01", "" };
	static const size_t lengths[] = { 9, 5, 5, 11, 4, 9, 1, 0 };
	struct authenticator *a = authenticator_new(-8);
	struct ceremony create = ceremony(1);
	struct webauthn_answer answer = authenticator_create(a, &create);
	struct webauthn_credential c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		answer.auth_data.n = 37 + 16 + 2 + 32 + lengths[i];
		memcpy((uint8_t *)(uintptr_t)answer.auth_data.p + 37 + 16 + 2 + 32, keys[i],
		    lengths[i]);
		assert_true(webauthn_register(&example, challenge, &answer, &c, &e) < 0);
		assert_non_null(strstr(e.text, "damaged"));
	}
	authenticator_free(a);
}

/* libcrypto would compute with it, and its small groups make signatures easy. */
static void
a_point_that_is_not_on_the_curve_is_no_key(void **state)
{
	struct authenticator *a = authenticator_new(-7);
	struct ceremony create = ceremony(1);
	struct webauthn_answer answer = authenticator_create(a, &create);
	uint8_t *last = (uint8_t *)(uintptr_t)answer.auth_data.p + answer.auth_data.n - 1;
	struct webauthn_credential c;
	struct err e;

	(void)state;
	*last ^= 1;
	assert_true(webauthn_register(&example, challenge, &answer, &c, &e) < 0);
	assert_non_null(strstr(e.text, "no credential of a kind"));
	authenticator_free(a);
}

static void
another_key_does_not_sign_for_it(void **state)
{
	struct webauthn_credential mine, his;
	struct authenticator *a = registered(-7, &mine), *b = registered(-7, &his);
	struct ceremony get = ceremony(2);
	struct webauthn_answer answer = authenticator_get(b, &get);
	uint32_t counter;
	struct err e;

	(void)state;
	assert_true(webauthn_verify(&example, challenge, &answer, &mine, &counter, &e) < 0);
	/* Nor does it as a key of another algorithm. */
	his.algorithm = -8;
	assert_true(webauthn_verify(&example, challenge, &answer, &his, &counter, &e) < 0);
	his.algorithm = 0;
	assert_true(webauthn_verify(&example, challenge, &answer, &his, &counter, &e) < 0);
	authenticator_free(a);
	authenticator_free(b);
}

static void
a_counter_that_does_not_go_on_is_a_copy(void **state)
{
	static const struct {
		uint32_t was, is;
		int rc;
	} rows[] = { { 0, 0, 0 }, { 0, 1, 0 }, { 5, 6, 0 }, { 5, UINT32_MAX, 0 },
		{ 5, 5, WEBAUTHN_E_CLONE }, { 5, 4, WEBAUTHN_E_CLONE }, { 5, 0, WEBAUTHN_E_CLONE },
		{ UINT32_MAX, 0, WEBAUTHN_E_CLONE } };
	struct webauthn_credential c;
	struct authenticator *a = registered(-8, &c);
	uint32_t counter;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ceremony get = ceremony(rows[i].is);
		struct webauthn_answer answer = authenticator_get(a, &get);

		c.counter = rows[i].was;
		assert_int_equal(webauthn_verify(&example, challenge, &answer, &c, &counter, &e),
		    rows[i].rc);
		assert_int_equal(counter, rows[i].is);
	}
	authenticator_free(a);
}

static void
what_is_too_long_is_not_looked_at(void **state)
{
	static char more[WEBAUTHN_CLIENT_MAX];
	struct webauthn_credential c;
	struct authenticator *a = registered(-8, &c);
	struct ceremony get = ceremony(2);
	struct webauthn_answer answer;
	uint32_t counter;
	struct err e;

	(void)state;
	memset(more, ' ', sizeof(more) - 1);
	get.more = more;
	answer = authenticator_get(a, &get);
	assert_true(webauthn_verify(&example, challenge, &answer, &c, &counter, &e) < 0);
	assert_non_null(strstr(e.text, "too long"));
	/* As deep as it can be. */
	memset(more, '[', sizeof(more) - 1);
	answer.client_data = (struct span){ (const uint8_t *)more, sizeof(more) - 1 };
	assert_true(webauthn_verify(&example, challenge, &answer, &c, &counter, &e) < 0);
	answer.client_data = (struct span){ NULL, 0 };
	assert_true(webauthn_verify(&example, challenge, &answer, &c, &counter, &e) < 0);
	authenticator_free(a);
}

/* --- sites ------------------------------------------------------------------------------------ */

static void
a_site_is_what_browsers_call_it(void **state)
{
	struct webauthn_site s;

	(void)state;
	assert_true(webauthn_site_of("Proxy.Example.org:3080", &s));
	assert_string_equal(s.rp_id, "proxy.example.org");
	assert_string_equal(s.origin, "https://proxy.example.org:3080");
	assert_true(webauthn_site_of("proxy.example.org:443", &s));
	assert_string_equal(s.origin, "https://proxy.example.org");
	assert_true(webauthn_site_of("localhost", &s));
	assert_string_equal(s.origin, "https://localhost");
	assert_false(webauthn_site_of("", &s));
	assert_false(webauthn_site_of("192.0.2.7:3080", &s));
	assert_false(webauthn_site_of("[2001:db8::1]:3080", &s));
	assert_false(webauthn_site_of("a/b:3080", &s));
	assert_false(webauthn_site_of("a:0", &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_chromium_makes_is_taken),
		cmocka_unit_test(what_an_authenticator_says_beside_the_credential_is_let_be),
		cmocka_unit_test(a_registered_key_signs_in),
		cmocka_unit_test(every_wrong_field_is_refused_at_login),
		cmocka_unit_test(every_wrong_field_is_refused_at_registration),
		cmocka_unit_test(an_answer_of_one_kind_is_not_one_of_the_other),
		cmocka_unit_test(every_byte_of_an_assertion_counts),
		cmocka_unit_test(a_credential_that_is_cut_or_damaged_is_refused),
		cmocka_unit_test(a_map_says_no_more_members_than_there_are_bytes),
		cmocka_unit_test(a_point_that_is_not_on_the_curve_is_no_key),
		cmocka_unit_test(another_key_does_not_sign_for_it),
		cmocka_unit_test(a_counter_that_does_not_go_on_is_a_copy),
		cmocka_unit_test(what_is_too_long_is_not_looked_at),
		cmocka_unit_test(a_site_is_what_browsers_call_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
