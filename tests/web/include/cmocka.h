/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmocka: as much of it as the engine's unit tests use, inside WebAssembly: unit.mjs runs every test in an instance of its
 * own, so that a failure may end it.
 */
#ifndef TESTS_WEB_CMOCKA_H
#define TESTS_WEB_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void unit_test_fn(void **state);
typedef int unit_fixture_fn(void **state);
struct CMUnitTest {
	const char *name;
	unit_test_fn *test;
	unit_fixture_fn *setup, *teardown;
};

_Noreturn void
unit_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void unit_skip(void);
int unit_run(const struct CMUnitTest *tests, size_t n, unit_fixture_fn *setup,
    unit_fixture_fn *teardown);

#define cmocka_unit_test(f)       \
	{                         \
#f, f, NULL, NULL \
	}
#define cmocka_unit_test_setup_teardown(f, s, t) \
	{                                        \
#f, f, s, t                      \
	}
#define cmocka_run_group_tests(tests, s, t) unit_run(tests, sizeof(tests) / sizeof *(tests), s, t)

#define fail_msg(...) unit_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip()        unit_skip()
#define UNIT(ok, text)                        \
	do {                                  \
		if (!(ok))                    \
			fail_msg("%s", text); \
	} while (0)
#define assert_true(x)               UNIT(x, #x)
#define assert_false(x)              UNIT(!(x), "!(" #x ")")
#define assert_null(x)               UNIT((x) == NULL, #x " is NULL")
#define assert_non_null(x)           UNIT((x) != NULL, #x " is not NULL")
#define assert_ptr_equal(a, b)       UNIT((const void *)(a) == (const void *)(b), #a " is " #b)
#define assert_ptr_not_equal(a, b)   UNIT((const void *)(a) != (const void *)(b), #a " is not " #b)
#define assert_int_not_equal(a, b)   UNIT((long long)(a) != (long long)(b), #a " is not " #b)
#define assert_memory_equal(a, b, n) UNIT(memcmp(a, b, n) == 0, #a " has the bytes of " #b)
#define assert_int_equal(a, b)                                                         \
	do {                                                                           \
		long long unit_a = (long long)(a), unit_b = (long long)(b);            \
		if (unit_a != unit_b)                                                  \
			fail_msg("%s is %lld, not %lld (%s)", #a, unit_a, unit_b, #b); \
	} while (0)
#define assert_string_equal(a, b)                                             \
	do {                                                                  \
		const char *unit_a = (a), *unit_b = (b);                      \
		if (strcmp(unit_a, unit_b) != 0)                              \
			fail_msg("%s is '%s', not '%s'", #a, unit_a, unit_b); \
	} while (0)

#endif
