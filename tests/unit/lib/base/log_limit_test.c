/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger makes so many lines of the log a minute, and the next one says how many there were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log_limit.h"

static unsigned
written(const char *source, unsigned tries, int64_t now_ms)
{
	char more[LOG_LIMIT_TEXT];
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += log_limit_at(source, more, now_ms);
	return n;
}

static void
one_source_has_so_many_lines_a_minute(void **state)
{
	char more[LOG_LIMIT_TEXT];

	(void)state;
	assert_int_equal(written("192.0.2.1", 1000, 5000), LOG_LIMIT_OF_ONE);
	/* Another one is heard. */
	assert_true(log_limit_at("192.0.2.2", more, 5000));
	assert_string_equal(more, "");
	assert_int_equal(written("192.0.2.1", 10, 64999), 0);
	assert_true(log_limit_at("192.0.2.1", more, 65000));
	assert_string_equal(more, "1000");
	assert_true(log_limit_at("192.0.2.1", more, 65000));
	assert_string_equal(more, "");
}

static void
all_sources_together_have_so_many(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char source[32];

		snprintf(source, sizeof source, "10.0.%u.%u", i / 250, i % 250);
		n += written(source, 3, 1000000);
	}
	assert_int_equal(n, LOG_LIMIT_OF_ALL);
	assert_int_equal(written("192.0.2.9", 1, 1060000), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_source_has_so_many_lines_a_minute),
		cmocka_unit_test(all_sources_together_have_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
