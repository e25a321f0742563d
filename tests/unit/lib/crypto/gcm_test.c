/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM by each library against a known answer, and both against each other: every length
 * and every place where a packet's body may be cut out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/gcm.h"

enum { LONG = 33 * 1024, ROOM = LONG + GCM_TAG, SHORT = 300 };

static uint8_t key[GCM_KEY], iv[GCM_IV], text[LONG];

static void
fill(void)
{
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(100 + i);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + i / 256);
}

/* Made with Python's cryptography. */
static void
known_answer(enum gcm_by by)
{
	static const char packet[] = "\0\0\0\040\006the quick brown fox jumps\0\0\0\0\0\0";
	uint8_t p[36 + GCM_TAG];
	char hex[2 * sizeof(p) + 1];
	struct gcm *g;

	fill();
	if (gcm_new(&g, key, by) < 0 && by == GCM_BY_VAES)
		skip();
	memcpy(p, packet, 36);
	gcm_seal(g, iv, p, 36, 4, (struct span){ NULL, 0 });
	str_hex(hex, p, sizeof(p));
	assert_string_equal(hex,
	    "000000204e6fb603599823f75d097f8aa80a1d9362a46972ab06861fd7a2ac48fba3a548c346c557"
	    "059576fc753f7fec94e2d5d6");
	for (size_t bit = 0; bit < sizeof(p) * 8; bit++) {
		uint8_t forged[sizeof(p)];

		memcpy(forged, p, sizeof(p));
		forged[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(gcm_open(g, iv, forged, 36), 0);
	}
	assert_int_equal(gcm_open(g, iv, p, 36), 0);
	assert_memory_equal(p, packet, 36);
	gcm_free(g);
}

static void
openssl_known_answer(void **state)
{
	(void)state;
	known_answer(GCM_BY_OPENSSL);
}

static void
vaes_known_answer(void **state)
{
	(void)state;
	known_answer(GCM_BY_VAES);
}

/* One seals with the body elsewhere, the other opens; then the reverse. */
static void
exchange(struct gcm *from, struct gcm *to, size_t n, size_t at, size_t body)
{
	static uint8_t p[ROOM], q[ROOM];

	memcpy(p, text, n);
	memset(p + at, 0xee, body);
	gcm_seal(from, iv, p, n, at, (struct span){ text + at, body });
	memcpy(q, text, n);
	gcm_seal(to, iv, q, n, 4, (struct span){ NULL, 0 });
	assert_memory_equal(p, q, n + GCM_TAG);
	assert_int_equal(gcm_open(to, iv, p, n), 0);
	assert_memory_equal(p, text, n);
}

static void
both_agree(void **state)
{
	struct gcm *a, *b;

	(void)state;
	fill();
	assert_int_equal(gcm_new(&a, key, GCM_BY_BEST), 0);
	assert_int_equal(gcm_new(&b, key, GCM_BY_OPENSSL), 0);
	for (size_t n = 4; n <= SHORT; n++)
		for (size_t at = 4; at <= n; at += 7)
			for (size_t body = 0; body <= n - at; body += 13) {
				exchange(a, b, n, at, body);
				exchange(b, a, n, at, body);
			}
	for (size_t n = LONG - 40; n <= LONG; n++) {
		exchange(a, b, n, 14, n - 14 - 7);
		exchange(b, a, n, 14, n - 14 - 7);
	}
	gcm_free(a);
	gcm_free(b);
	gcm_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_known_answer),
		cmocka_unit_test(vaes_known_answer),
		cmocka_unit_test(both_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
