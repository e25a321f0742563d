/* SPDX-License-Identifier: Apache-2.0 */
/* tctl top: numbers out of the texts of daemons, whatever these hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tctl/top.h"

static const char first[] = "# HELP a A.\n# TYPE a counter\n"
			    "a{result=\"ok\"} 10\n"
			    "a{result=\"wrong\"} 5\n"
			    "ab 1000\n"
			    "b 7\n"
			    "h_bucket{method=\"X\",le=\"0.01\"} 0\n"
			    "h_bucket{method=\"X\",le=\"1\"} 10\n"
			    "h_bucket{method=\"X\",le=\"+Inf\"} 10\n"
			    "h_bucket{method=\"Y\",le=\"0.01\"} 0\n"
			    "h_bucket{method=\"Y\",le=\"1\"} 0\n"
			    "h_bucket{method=\"Y\",le=\"+Inf\"} 0\n";
static const char second[] = "a{result=\"ok\"} 30\n"
			     "a{result=\"wrong\"} 5\n"
			     "b 3\n"
			     "h_bucket{method=\"X\",le=\"0.01\"} 90\n"
			     "h_bucket{method=\"X\",le=\"1\"} 100\n"
			     "h_bucket{method=\"X\",le=\"+Inf\"} 110\n"
			     "h_bucket{method=\"Y\",le=\"0.01\"} 0\n"
			     "h_bucket{method=\"Y\",le=\"1\"} 0\n"
			     "h_bucket{method=\"Y\",le=\"+Inf\"} 0\n";

static void
assert_close(double a, double b)
{
	assert_true(fabs(a - b) < 1e-9);
}

static void
values_are_summed_by_name_and_label(void **state)
{
	(void)state;
	assert_close(top_value(first, "a", NULL), 15);
	assert_close(top_value(first, "a", "result=\"ok\""), 10);
	assert_close(top_value(first, "b", NULL), 7);
	assert_true(isnan(top_value(first, "c", NULL)));
	assert_true(isnan(top_value(first, "a", "result=\"no\"")));
	/* A label is looked for among labels, not in the number behind them. */
	assert_true(isnan(top_value("b 7\n", "b", "7")));
}

static void
rates_need_two_texts(void **state)
{
	struct top t = { .n = 0 };

	(void)state;
	assert_int_equal(top_add(&t, "authd", "", first, 100), 0);
	assert_true(isnan(top_rate(&t.daemons[0], "a", NULL)));
	assert_true(isnan(top_quantile(&t.daemons[0], "h", 0.5)));
	/* The same text again is no news. */
	assert_int_equal(top_add(&t, "authd", "", first, 105), 0);
	assert_true(isnan(top_rate(&t.daemons[0], "a", NULL)));
	assert_int_equal(top_add(&t, "authd", "", second, 110), 0);
	assert_int_equal(t.n, 1);
	assert_close(top_rate(&t.daemons[0], "a", "result=\"ok\""), 2);
	/* It began anew: what it has is what it grew by. */
	assert_close(top_rate(&t.daemons[0], "b", NULL), 0.3);
	top_done(&t);
}

static void
quantiles_are_of_what_came_between(void **state)
{
	struct top t = { .n = 0 };

	(void)state;
	assert_int_equal(top_add(&t, "authd", "", first, 0), 0);
	assert_int_equal(top_add(&t, "authd", "", second, 10), 0);
	assert_close(top_quantile(&t.daemons[0], "h", 0.5), 0.01);
	assert_close(top_quantile(&t.daemons[0], "h", 0.9), 0.01);
	assert_true(top_quantile(&t.daemons[0], "h", 0.95) > 1);
	assert_true(isnan(top_quantile(&t.daemons[0], "a", 0.5)));
	top_done(&t);
}

/* What a proxy sends is what it likes: it is parsed, and nothing of it reaches the terminal. */
static void
texts_that_are_none_show_nothing(void **state)
{
	static const char *const odd[] = { "", "\n", "a", "a ", "a{", "a}", " 1", "\x1b[2J 7\n",
		"sallyport_ready", "sallyport_ready{ \n", "sallyport_loop_lag_seconds_bucket{le=\"",
		"sallyport_loop_lag_seconds_bucket 1\n",
		"sallyport_loop_lag_seconds_bucket{le=\"1\"} nonsense\n",
		"process_start_time_seconds -1e308\n",
		"process_resident_memory_bytes 1e308\nprocess_max_fds 0\nprocess_open_fds nan\n" };
	char *shown = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct top t = { .n = 0 };
		FILE *f = open_memstream(&shown, &n);

		assert_non_null(f);
		assert_int_equal(top_add(&t, "proxyd", "p\x1b[31m", odd[i], 1), 0);
		assert_int_equal(top_add(&t, "proxyd", "p\x1b[31m", "sallyport_ready 1\n", 2), 0);
		assert_int_equal(top_add(&t, "proxyd", "p\x1b[31m", odd[i], 3), 0);
		top_print(&t, 1795000000, f);
		assert_int_equal(fclose(f), 0);
		assert_null(memchr(shown, '\x1b', n));
		free(shown);
		top_done(&t);
	}
}

static void
so_many_daemons_and_no_more(void **state)
{
	struct top t = { .n = 0 };
	char host[8] = "p0";

	(void)state;
	for (int i = 0; i < TOP_DAEMONS; i++) {
		host[1] = (char)('0' + i);
		assert_int_equal(top_add(&t, "proxyd", host, "a 1\n", 1), 0);
	}
	assert_true(top_add(&t, "proxyd", "one more", "a 1\n", 1) < 0);
	top_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_summed_by_name_and_label),
		cmocka_unit_test(rates_need_two_texts),
		cmocka_unit_test(quantiles_are_of_what_came_between),
		cmocka_unit_test(texts_that_are_none_show_nothing),
		cmocka_unit_test(so_many_daemons_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
