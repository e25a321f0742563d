/* SPDX-License-Identifier: Apache-2.0 */
/* Which versions are told to be upgraded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/version.h"

static void
more_than_one_major_version_behind_is_too_old(void **state)
{
	(void)state;
	assert_true(version_too_old("0.1.0", "2.0.0"));
	assert_true(version_too_old("1.99.3", "3.0.0"));
	assert_true(version_too_old("9.0.0", "11.0.0"));
	assert_true(version_too_old("9.0", "10000.1"));
	assert_false(version_too_old("1.0.0", "2.9.9"));
	assert_false(version_too_old("2.0.0", "2.0.1"));
	assert_false(version_too_old("10.0.0", "11.0.0"));
	assert_false(version_too_old("3.0.0", "1.0.0"));
	assert_false(version_too_old(SALLYPORT_VERSION, SALLYPORT_VERSION));
}

/* A host that is taken over may say anything. */
static void
what_is_no_version_is_not_too_old(void **state)
{
	static const char *const none[] = { "", "x", "-5.0.0", " 0.1.0", "0", "0x1.0", ".1", "+0.1",
		"99999999999999999999.0", "9223372036854775807.0", "one.two" };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(version_too_old(none[i], "5.0.0"));
	assert_false(version_too_old("0.1.0", ""));
	assert_false(version_too_old("0.1.0", "x.5"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_one_major_version_behind_is_too_old),
		cmocka_unit_test(what_is_no_version_is_not_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
