/* SPDX-License-Identifier: Apache-2.0 */
/* How long the oldest record waits, from few marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/audit_age.h"

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const int64_t start_ms = INT64_C(1795000000000);

static void
nothing_written_is_no_age(void **state)
{
	struct audit_age a = { .n = 0 };

	(void)state;
	assert_int_equal(audit_age_ms(&a, start_ms), 0);
	audit_age_wrote(&a, 1, start_ms);
	audit_age_committed(&a, 1, 1);
	assert_int_equal(audit_age_ms(&a, start_ms + HOUR), 0);
}

static void
it_grows_while_nothing_is_committed(void **state)
{
	struct audit_age a = { .n = 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		audit_age_wrote(&a, (uint64_t)i + 1, start_ms + (int64_t)i * 100);
	assert_int_equal(audit_age_ms(&a, start_ms + 10000 * SECOND), 10000 * SECOND);
	assert_true(a.n <= AUDIT_AGE_MARKS);
}

static void
what_is_committed_does_not_count(void **state)
{
	struct audit_age a = { .n = 0 };
	int64_t ms;

	(void)state;
	for (int i = 0; i < 10000; i++)
		audit_age_wrote(&a, (uint64_t)i + 1, start_ms + (int64_t)i * SECOND);
	/* The one that waits now was written at 5000 s; it is told at most an eighth too old. */
	audit_age_committed(&a, 5000, 10000);
	ms = audit_age_ms(&a, start_ms + 10000 * SECOND);
	assert_in_range(ms, 5000 * SECOND, 5000 * SECOND + 10000 * SECOND / 8);
	audit_age_committed(&a, 9999, 10000);
	assert_in_range(audit_age_ms(&a, start_ms + 10000 * SECOND), SECOND, 10000 * SECOND / 8);
	audit_age_committed(&a, 10000, 10000);
	assert_int_equal(audit_age_ms(&a, start_ms + 10000 * SECOND), 0);
}

static void
after_a_pause_it_begins_anew(void **state)
{
	struct audit_age a = { .n = 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		audit_age_wrote(&a, (uint64_t)i + 1, start_ms + (int64_t)i * SECOND);
	audit_age_committed(&a, 1000, 1000);
	audit_age_wrote(&a, 1001, start_ms + HOUR);
	assert_int_equal(audit_age_ms(&a, start_ms + HOUR + SECOND), SECOND);
	/* A clock that was set back. */
	assert_int_equal(audit_age_ms(&a, start_ms), 0);
}

/* A busy daemon never has everything committed at one moment. */
static void
after_a_long_outage_it_is_exact_again(void **state)
{
	struct audit_age a = { .n = 0 };
	uint64_t seq = 0;
	int64_t ms = start_ms;

	(void)state;
	for (; ms < start_ms + 24 * HOUR; ms += SECOND)
		audit_age_wrote(&a, ++seq, ms);
	/* auditd is back, and has all but the last few from now on. */
	for (int i = 0; i < 60; i++, ms += SECOND) {
		audit_age_wrote(&a, ++seq, ms);
		audit_age_committed(&a, seq - 2, seq);
	}
	assert_in_range(audit_age_ms(&a, ms), 2 * SECOND, 6 * SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_written_is_no_age),
		cmocka_unit_test(it_grows_while_nothing_is_committed),
		cmocka_unit_test(what_is_committed_does_not_count),
		cmocka_unit_test(after_a_pause_it_begins_anew),
		cmocka_unit_test(after_a_long_outage_it_is_exact_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
