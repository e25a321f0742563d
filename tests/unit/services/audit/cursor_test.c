/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor_test: where a list goes on comes back as it was given, and nothing else is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/cursor.h"

static const char uuid[] = "0123abcd-0000-4000-8000-0123456789ab";

static void
test_a_place_comes_back_as_it_was_told(void **state)
{
	char text[CURSOR_TEXT];
	struct cursor c;

	(void)state;
	cursor_of_event(text, 1764000000123456, 42);
	assert_true(cursor_read_event(&c, text));
	assert_true(c.set && c.us == 1764000000123456 && c.idx == 42);
	cursor_of_event(text, INT64_MAX, INT64_MAX);
	assert_true(cursor_read_event(&c, text));
	assert_true(c.us == INT64_MAX && c.idx == INT64_MAX);
	cursor_of_recording(text, INT64_MAX, uuid);
	assert_true(cursor_read_recording(&c, text));
	assert_string_equal(c.id, uuid);
	assert_true(c.set && c.us == INT64_MAX);
}

static void
test_no_place_is_the_beginning(void **state)
{
	struct cursor c;

	(void)state;
	assert_true(cursor_read_event(&c, ""));
	assert_false(c.set);
	assert_true(cursor_read_recording(&c, ""));
	assert_false(c.set);
}

static void
test_what_was_never_told_is_no_place(void **state)
{
	static const char *const bad[] = { ".", "1", "1.", ".1", "x.1", "1.x", "-1.1", "1.-1",
		"1 .1", "1.1.1", "9223372036854775808.1", "1.9223372036854775808",
		"111111111111111111111111111111.1", "1.0123abcd-0000-4000-8000-0123456789aX" };
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(cursor_read_event(&c, bad[i]));
		assert_false(cursor_read_recording(&c, bad[i]));
	}
	assert_false(cursor_read_recording(&c, "1.1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_comes_back_as_it_was_told),
		cmocka_unit_test(test_no_place_is_the_beginning),
		cmocka_unit_test(test_what_was_never_told_is_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
