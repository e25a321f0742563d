/* SPDX-License-Identifier: Apache-2.0 */
/* The text format: what Prometheus reads, whatever the values are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "metric/metric.h"

static const char *
text_of(const struct metric *rows, size_t n, const void *arg)
{
	static char text[65536];
	struct metric_out out;
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	metric_begin(&out, &b);
	metric_table(&out, rows, n, arg);
	assert_true(buf_ok(&b));
	memcpy(text, buf_head(&b), b.len);
	text[b.len] = '\0';
	buf_done(&b);
	return text;
}

static void
put_arg(struct metric_out *out, const void *arg)
{
	metric_put(out, *(const double *)arg);
}

static void
numbers_lose_nothing(void **state)
{
	static const struct {
		double value;
		const char *line;
	} cases[] = { { 0, "m 0\n" }, { 1795830000, "m 1795830000\n" },
		{ 9007199254740991.0, "m 9007199254740991\n" }, { 0.25, "m 0.25\n" },
		{ -3, "m -3\n" }, { 1e300, "m 1e+300\n" }, { INFINITY, "m +Inf\n" },
		{ -INFINITY, "m -Inf\n" } };
	const struct metric row = { "m", METRIC_GAUGE, "M.", put_arg };
	char all[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(all, sizeof(all), "# HELP m M.\n# TYPE m gauge\n%s", cases[i].line);
		assert_string_equal(text_of(&row, 1, &cases[i].value), all);
	}
}

static void
what_is_not_known_is_not_shown(void **state)
{
	const struct metric row = { "m", METRIC_COUNTER, "M.", put_arg };
	const double unknown = NAN;

	(void)state;
	assert_string_equal(text_of(&row, 1, &unknown), "# HELP m M.\n# TYPE m counter\n");
}

static void
put_odd(struct metric_out *out, const void *arg)
{
	static const char *const labels[] = { "a", "b" };
	static const char *const texts[] = { "x\ny", "}" };

	(void)arg;
	metric_put_label(out, "a", "quote \" back \\ line\n# TYPE", 1);
	metric_put_labels(out, labels, texts, 2);
}

static void
a_label_cannot_leave_its_quotes(void **state)
{
	const struct metric row = { "m", METRIC_GAUGE, "Two\nlines, a \\ and a \".", put_odd };

	(void)state;
	assert_string_equal(text_of(&row, 1, NULL),
	    "# HELP m Two\\nlines, a \\\\ and a \".\n# TYPE m gauge\n"
	    "m{a=\"quote \\\" back \\\\ line\\n# TYPE\"} 1\n"
	    "m{a=\"x\\ny\",b=\"}\"} 2\n");
}

static void
put_endless(struct metric_out *out, const void *arg)
{
	char name[32];

	(void)arg;
	for (int i = 0; i < 10 * METRIC_VALUES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		metric_put_label(out, "n", name, i);
	}
}

static void
a_label_without_bound_is_cut(void **state)
{
	const struct metric row = { "m", METRIC_GAUGE, "M.", put_endless };
	const char *text = text_of(&row, 1, NULL);
	size_t lines = 0;

	(void)state;
	for (; (text = strchr(text, '\n')); text++)
		lines++;
	assert_int_equal(lines, 2 + METRIC_VALUES_MAX);
}

static void
put_times(struct metric_out *out, const void *arg)
{
	metric_put_histogram(out, NULL, NULL, arg);
	metric_put_histogram(out, "method", "Ping", arg);
}

static void
a_bucket_counts_those_below_it(void **state)
{
	const struct metric row = { "m_seconds", METRIC_HISTOGRAM, "M.", put_times };
	struct histogram h = { { 0 }, 0 };
	const char *text;

	(void)state;
	histogram_add(&h, -5); /* a clock that was set back */
	histogram_add(&h, 500);
	histogram_add(&h, 501);
	histogram_add(&h, INT64_C(3600) * 1000000);
	text = text_of(&row, 1, &h);
	assert_non_null(strstr(text, "\nm_seconds_bucket{le=\"0.0005\"} 2\n"));
	assert_non_null(strstr(text, "\nm_seconds_bucket{le=\"0.001\"} 3\n"));
	assert_non_null(strstr(text, "\nm_seconds_bucket{le=\"30\"} 3\n"));
	assert_non_null(strstr(text, "\nm_seconds_bucket{le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(text, "\nm_seconds_sum 3600.001"));
	assert_non_null(strstr(text, "\nm_seconds_count 4\n"));
	assert_non_null(strstr(text, "\nm_seconds_bucket{method=\"Ping\",le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(text, "\nm_seconds_count{method=\"Ping\"} 4\n"));
}

static void
too_much_text_is_told(void **state)
{
	const struct metric row = { "m", METRIC_GAUGE, "M.", put_endless };
	struct metric_out out;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	metric_begin(&out, &b);
	metric_table(&out, &row, 1, NULL);
	assert_false(buf_ok(&b));
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_lose_nothing),
		cmocka_unit_test(what_is_not_known_is_not_shown),
		cmocka_unit_test(a_label_cannot_leave_its_quotes),
		cmocka_unit_test(a_label_without_bound_is_cut),
		cmocka_unit_test(a_bucket_counts_those_below_it),
		cmocka_unit_test(too_much_text_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
