/* SPDX-License-Identifier: Apache-2.0 */
/* str, err, clock: text in, text out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

static void
copy_says_when_it_cut(void **state)
{
	char dst[4];

	(void)state;
	assert_true(str_copy(dst, sizeof(dst), "abc"));
	assert_false(str_copy(dst, sizeof(dst), "abcd"));
	assert_string_equal(dst, "abc");
	assert_false(str_format(dst, sizeof(dst), "%d", 12345));
}

static void
numbers_are_whole_and_bounded(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(str_u64("65535", 65535, &v) && v == 65535);
	assert_false(str_u64("65536", 65535, &v));
	assert_false(str_u64("", 10, &v));
	assert_false(str_u64("-1", 10, &v));
	assert_false(str_u64(" 1", 10, &v));
	assert_false(str_u64("1x", 10, &v));
	assert_true(str_u64("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	assert_false(str_u64("18446744073709551616", UINT64_MAX, &v));
}

static void
durations_are_read_and_written(void **state)
{
	int64_t s;
	char text[32];

	(void)state;
	assert_true(str_duration("90", &s) && s == 90);
	assert_true(str_duration("1h30m", &s) && s == 5400);
	assert_true(str_duration("7d", &s) && s == 604800);
	assert_false(str_duration("0s", &s));
	assert_false(str_duration("5x", &s));
	assert_false(str_duration("h", &s));
	assert_false(str_duration("", &s));
	assert_false(str_duration("99999999999999999999d", &s));
	str_duration_text(43200, text, sizeof(text));
	assert_string_equal(text, "12h0m0s");
	str_duration_text(59, text, sizeof(text));
	assert_string_equal(text, "<1m");
	str_duration_text(-5, text, sizeof(text));
	assert_string_equal(text, "<1m");
}

static void
host_and_port_come_apart(void **state)
{
	char host[64];
	uint16_t port;

	(void)state;
	assert_true(str_host_port("example.com:3023", 0, host, sizeof(host), &port));
	assert_string_equal(host, "example.com");
	assert_int_equal(port, 3023);
	assert_true(str_host_port("[::1]:22", 0, host, sizeof(host), &port));
	assert_string_equal(host, "::1");
	assert_true(str_host_port("[::1]", 443, host, sizeof(host), &port) && port == 443);
	assert_true(str_host_port("host", 443, host, sizeof(host), &port) && port == 443);
	assert_false(str_host_port("host", 0, host, sizeof(host), &port));
	assert_false(str_host_port("host:", 443, host, sizeof(host), &port));
	assert_false(str_host_port("host:0", 443, host, sizeof(host), &port));
	assert_false(str_host_port("host:65536", 443, host, sizeof(host), &port));
	assert_false(str_host_port(":22", 0, host, sizeof(host), &port));
	assert_false(str_host_port("::1", 443, host, sizeof(host), &port));
	assert_false(str_host_port("[::1]x", 443, host, sizeof(host), &port));
	assert_false(str_host_port("[::1", 443, host, sizeof(host), &port));
}

static void
printable_is_utf8_without_controls(void **state)
{
	(void)state;
	assert_true(str_is_printable("gr\xc3\xbc\xc3\x9f", 6));
	assert_false(str_is_printable("a\nb", 3));
	assert_false(str_is_printable("a\0b", 3));
	assert_false(str_is_printable("\x1b[2J", 4));
	assert_false(str_is_printable("\xc2\x9b", 2));
	assert_false(str_is_printable("\xc0\xaf", 2));
	assert_false(str_is_printable("\xed\xa0\x80", 3));
	assert_false(str_is_printable("\xf4\x90\x80\x80", 4));
	assert_false(str_is_printable("\xe2\x82", 2));
}

/* The text around such a character shows as another one: lines U+2028 and U+2029, directions U+202A to U+202E and U+2066 to
 * U+2069. Their neighbours do no harm. */
static void
what_moves_other_text_is_not_printable(void **state)
{
	char dst[32];

	(void)state;
	for (uint8_t c = 0xa8; c <= 0xae; c++)
		assert_false(str_is_printable((char[]){ 'a', '\xe2', '\x80', (char)c }, 4));
	for (uint8_t c = 0xa6; c <= 0xa9; c++)
		assert_false(str_is_printable((char[]){ 'a', '\xe2', '\x81', (char)c }, 4));
	assert_true(str_is_printable("\xe2\x80\xa7", 3));
	assert_true(str_is_printable("\xe2\x80\xaf", 3));
	assert_true(str_is_printable("\xe2\x81\xa5", 3));
	assert_true(str_is_printable("\xe2\x81\xaa", 3));
	assert_true(str_is_printable("\xe1\x80\xae", 3));
	str_clean(dst, sizeof(dst), "\xe2\x80\xaexe", 5);
	assert_string_equal(dst, "???xe");
}

static void
clean_replaces_what_a_terminal_would_obey(void **state)
{
	char dst[32];

	(void)state;
	str_clean(dst, sizeof(dst), "a\x1b[2J\xff\xc3\xbc", 8);
	assert_string_equal(dst, "a?[2J?\xc3\xbc");
	str_clean(dst, 3, "\xc3\xbc\xc3\xbc", 4);
	assert_string_equal(dst, "\xc3\xbc");
	str_clean(dst, 1, "abc", 3);
	assert_string_equal(dst, "");
}

static void
hex_goes_both_ways(void **state)
{
	const uint8_t in[] = { 0x00, 0xab, 0xff };
	uint8_t out[3];
	char text[7];

	(void)state;
	str_hex(text, in, 3);
	assert_string_equal(text, "00abff");
	assert_true(str_unhex("00ABff", out, 3));
	assert_memory_equal(in, out, 3);
	assert_false(str_unhex("00abf", out, 3));
	assert_false(str_unhex("00abfg", out, 3));
}

static void
a_uuid_is_written_one_way(void **state)
{
	static const char *const wrong[] = { "", "-", "0189abcd-ef01-4234-8567-89abcdef012",
		"0189abcd-ef01-4234-8567-89abcdef01234", "0189ABCD-ef01-4234-8567-89abcdef0123",
		"0189abcdef01-4234-8567-89abcdef012345", "0189abcd-ef01-4234-8567-89abcdef012g",
		"{189abcd-ef01-4234-8567-89abcdef0123}" };

	(void)state;
	assert_true(str_is_uuid("0189abcd-ef01-4234-8567-89abcdef0123"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(str_is_uuid(wrong[i]));
}

static void
globs_match_without_blowing_up(void **state)
{
	char s[2001];

	(void)state;
	assert_true(str_glob("*", ""));
	assert_true(str_glob("a*c", "abbbc"));
	assert_false(str_glob("a*c", "abbb"));
	assert_true(str_glob("*-prod-*", "web-prod-1"));
	assert_false(str_glob("web", "web1"));
	assert_true(str_glob("a*b*c", "a-b-b-c"));
	assert_true(str_glob("a**", "a"));
	assert_false(str_glob("", "a"));
	memset(s, 'a', sizeof(s) - 1);
	s[sizeof(s) - 1] = 0;
	assert_false(str_glob("*a*a*a*a*a*a*a*a*a*a*a*a*b", s));
}

static void
split_trims_and_drops_empty_parts(void **state)
{
	char s[] = " a , b,, c";
	char *part[4];

	(void)state;
	assert_int_equal(str_split(s, ',', part, 4), 3);
	assert_string_equal(part[0], "a");
	assert_string_equal(part[1], "b");
	assert_string_equal(part[2], "c");
}

static void
errors_carry_prefix_and_errno(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, "no %s", "luck"), -1);
	assert_string_equal(e.text, "no luck");
	err_prefix(&e, "step %d", 2);
	assert_string_equal(e.text, "step 2: no luck");
	err_set(&e, "outer: %s", e.text);
	assert_string_equal(e.text, "outer: step 2: no luck");
	errno = ENOENT;
	err_errno(&e, "open");
	assert_string_equal(e.text, "open: No such file or directory");
	assert_int_equal(err_set(NULL, "x"), -1);
}

static void
times_are_written_and_read(void **state)
{
	char text[32];
	int64_t ms;

	(void)state;
	clock_rfc3339(1795302000123, text, sizeof(text));
	assert_string_equal(text, "2026-11-21T23:00:00.123Z");
	assert_int_equal(clock_parse_rfc3339(text, &ms), 0);
	assert_true(ms == 1795302000123);
	assert_int_equal(clock_parse_rfc3339("2026-11-22T01:00:00+02:00", &ms), 0);
	assert_true(ms == 1795302000000);
	clock_rfc3339(-1, text, sizeof(text));
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	assert_int_equal(clock_parse_rfc3339("2026-02-30T00:00:00Z", &ms), -1);
	assert_int_equal(clock_parse_rfc3339("2026-11-22T23:00:00", &ms), -1);
	assert_int_equal(clock_parse_rfc3339("2026-11-22", &ms), -1);
	assert_int_equal(clock_parse_rfc3339("2026-11-22T23:00:00.Z", &ms), -1);
	assert_int_equal(clock_parse_rfc3339("2026-13-22T23:00:00Z", &ms), -1);
	assert_int_equal(clock_parse_rfc3339("2026-11-22T23:00:00Zx", &ms), -1);
}

static void
a_day_alone_is_its_first_moment(void **state)
{
	int64_t ms, day;

	(void)state;
	assert_int_equal(clock_parse_time("2026-11-22T00:00:00Z", &ms), 0);
	assert_int_equal(clock_parse_time("2026-11-22", &day), 0);
	assert_true(day == ms);
	assert_int_equal(clock_parse_time("2026-02-30", &ms), -1);
	assert_int_equal(clock_parse_time("2026-11-2", &ms), -1);
	assert_int_equal(clock_parse_time("2026-11-22T", &ms), -1);
	assert_int_equal(clock_parse_time("", &ms), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_says_when_it_cut),
		cmocka_unit_test(numbers_are_whole_and_bounded),
		cmocka_unit_test(durations_are_read_and_written),
		cmocka_unit_test(host_and_port_come_apart),
		cmocka_unit_test(printable_is_utf8_without_controls),
		cmocka_unit_test(what_moves_other_text_is_not_printable),
		cmocka_unit_test(clean_replaces_what_a_terminal_would_obey),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(a_uuid_is_written_one_way),
		cmocka_unit_test(globs_match_without_blowing_up),
		cmocka_unit_test(split_trims_and_drops_empty_parts),
		cmocka_unit_test(errors_carry_prefix_and_errno),
		cmocka_unit_test(times_are_written_and_read),
		cmocka_unit_test(a_day_alone_is_its_first_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
