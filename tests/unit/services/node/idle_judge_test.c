/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal in which nobody types: said once, ended in time, never without a limit; and whoever looks when told misses nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "node/idle.h"

static void
test_rows(void **state)
{
	static const struct {
		int64_t limit, quiet;
		bool warned;
		enum idle_act act;
		int64_t wait;
	} rows[] = {
		{ 0, 1000000000, false, IDLE_WAIT, 60000 },
		{ 900000, 0, false, IDLE_WAIT, 60000 },
		{ 900000, 839000, false, IDLE_WAIT, 1000 },
		{ 900000, 840000, false, IDLE_WARN, 60000 },
		{ 900000, 899000, true, IDLE_WAIT, 1000 },
		{ 900000, 899000, false, IDLE_WARN, 1000 },
		{ 900000, 900000, true, IDLE_END, 60000 },
		{ 900000, 5000000, true, IDLE_END, 60000 },
		{ 900000, 900000, false, IDLE_WARN, 60000 }, /* the limit was made shorter */
		{ 900000, 5000000, false, IDLE_WARN, 60000 },
		{ 4000, 5000000, false, IDLE_WARN, 2000 },
		{ 4000, 0, false, IDLE_WAIT, 2000 },
		{ 4000, 2000, false, IDLE_WARN, 2000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t wait = -1;
		enum idle_act act = idle_judge(rows[i].limit, rows[i].quiet, rows[i].warned, &wait);

		if (act != rows[i].act || wait != rows[i].wait)
			fail_msg("row %zu: %d, %lld ms", i, (int)act, (long long)wait);
	}
}

/* From the last key on, looking exactly when told. */
static void
test_it_is_said_once_and_ends_in_time(void **state)
{
	(void)state;
	for (int64_t limit = 1000; limit < 4000000; limit += 61000) {
		int64_t now = 0, wait = 0, said = -1;
		enum idle_act act;

		while ((act = idle_judge(limit, now, said >= 0, &wait)) != IDLE_END) {
			if (act == IDLE_WARN) {
				assert_true(said < 0);
				said = now;
			}
			assert_true(wait > 0);
			now += wait;
		}
		assert_int_equal(now, limit);
		assert_int_equal(limit - said,
		    limit / 2 < 60000 ? limit - limit / 2 - limit % 2 : 60000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_it_is_said_once_and_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
