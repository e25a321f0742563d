/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gunzip: what was packed comes back; what is cut, changed, followed by more or larger than allowed does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/gunzip.h"

/* printf hello | gzip -n */
static const uint8_t hello[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
	7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0 };

static int
unpack(const uint8_t *p, size_t n, size_t max, char **ret, size_t *ret_n)
{
	struct err e = { "" };
	int r = gunzip((struct span){ p, n }, max, ret, ret_n, &e);

	assert_true((r < 0) == (e.text[0] != '\0'));
	return r;
}

static void
what_was_packed_comes_back(void **state)
{
	char *out = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(unpack(hello, sizeof hello, 5, &out, &n), 0);
	assert_int_equal(n, 5);
	assert_string_equal(out, "hello");
	free(out);
}

static void
the_bound_holds(void **state)
{
	char *out = NULL;
	size_t n = 0;

	(void)state;
	for (size_t max = 0; max < 5; max++)
		assert_int_equal(unpack(hello, sizeof hello, max, &out, &n), -1);
}

static void
what_is_cut_changed_or_followed_is_refused(void **state)
{
	uint8_t copy[sizeof hello + 1];
	char *out = NULL;
	size_t n = 0;

	(void)state;
	for (size_t cut = 0; cut < sizeof hello; cut++)
		assert_int_equal(unpack(hello, cut, 100, &out, &n), -1);
	/* The sum and the length. */
	for (size_t i = sizeof hello - 8; i < sizeof hello; i++) {
		memcpy(copy, hello, sizeof hello);
		copy[i] ^= 4;
		assert_int_equal(unpack(copy, sizeof hello, 100, &out, &n), -1);
	}
	memcpy(copy, hello, sizeof hello);
	copy[sizeof hello] = 0;
	assert_int_equal(unpack(copy, sizeof copy, 100, &out, &n), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_back),
		cmocka_unit_test(the_bound_holds),
		cmocka_unit_test(what_is_cut_changed_or_followed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
