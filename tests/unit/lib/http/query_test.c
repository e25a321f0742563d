/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and cookies: what is read, and what has no value because it could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "http/query.h"

static void
test_a_query_is_walked_in_order(void **state)
{
	struct http_query q = { .rest = span_str("labels=env%3Dprod&limit=5&labels=a+b&empty=") };
	static const char *const expected[] = { "labels", "env=prod", "limit", "5", "labels", "a b",
		"empty", "" };

	(void)state;
	for (size_t i = 0; i < 8; i += 2) {
		assert_int_equal(http_query_next(&q), 1);
		assert_string_equal(q.name, expected[i]);
		assert_string_equal(q.value, expected[i + 1]);
	}
	assert_int_equal(http_query_next(&q), 0);
	assert_int_equal(http_query_next(&q), 0);
}

static void
test_an_empty_query_has_no_pairs(void **state)
{
	struct http_query q = { .rest = { NULL, 0 } };

	(void)state;
	assert_int_equal(http_query_next(&q), 0);
}

static void
test_a_malformed_query_is_not_believed_at_all(void **state)
{
	static const char *const rows[] = { "a=1&b", "a=1&", "&a=1", "a=1&&b=2", "a=1&=2",
		"a=1&b=%", "a=1&b=%4", "a=1&b=%zz", "a=1&b=%00", "a=1&b=%0a", "a=1&b=%ff",
		"a=1&b=%c0%af", "a=1&b%00c=1" };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_query q = { .rest = span_str(rows[i]) };
		int r;

		while ((r = http_query_next(&q)) > 0)
			;
		if (r != -1)
			fail_msg("%s", rows[i]);
	}
}

static void
test_a_query_is_bounded(void **state)
{
	char text[HTTP_QUERY_VALUE_SIZE + 64] = "a=";
	struct http_query q;
	int n = 0;

	(void)state;
	memset(text + 2, 'x', HTTP_QUERY_VALUE_SIZE - 1);
	q = (struct http_query){ .rest = span_str(text) };
	assert_int_equal(http_query_next(&q), 1);
	text[2 + HTTP_QUERY_VALUE_SIZE - 1] = 'x';
	q = (struct http_query){ .rest = span_str(text) };
	assert_int_equal(http_query_next(&q), -1);
	text[0] = '\0';
	for (int i = 0; i < HTTP_QUERY_PAIRS_MAX + 1; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%sa=1",
		    i ? "&" : "");
	q = (struct http_query){ .rest = span_str(text) };
	while (http_query_next(&q) > 0)
		n++;
	assert_int_equal(n, HTTP_QUERY_PAIRS_MAX);
	assert_int_equal(http_query_next(&q), -1);
}

static void
test_a_cookie_is_found_among_others(void **state)
{
	char value[16];

	(void)state;
	assert_true(http_cookie_find(span_str("theme=dark; sid=abc; odd; x=\"q,\""), "sid", value,
	    sizeof(value)));
	assert_string_equal(value, "abc");
	assert_true(http_cookie_find(span_str("sid="), "sid", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(
	    http_cookie_find(span_str("xsid=1; sidx=2; SID=3"), "sid", value, sizeof(value)));
}

static void
test_a_cookie_that_is_there_twice_or_malformed_has_no_value(void **state)
{
	static const char *const rows[] = { "sid=a; sid=b", "sid=a;sid=a", "sid=a b", "sid=\"a\"",
		"sid=a\\b", "sid=a\tb", "sid=0123456789abcdef", "sid", "" };
	char value[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (http_cookie_find(span_str(rows[i]), "sid", value, sizeof(value)))
			fail_msg("%s", rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_query_is_walked_in_order),
		cmocka_unit_test(test_an_empty_query_has_no_pairs),
		cmocka_unit_test(test_a_malformed_query_is_not_believed_at_all),
		cmocka_unit_test(test_a_query_is_bounded),
		cmocka_unit_test(test_a_cookie_is_found_among_others),
		cmocka_unit_test(test_a_cookie_that_is_there_twice_or_malformed_has_no_value),
	};

	return cmocka_run_group_tests_name("http/query", tests, NULL, NULL);
}
