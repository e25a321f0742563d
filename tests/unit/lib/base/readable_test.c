/* SPDX-License-Identifier: Apache-2.0 */
/* readable: any bytes, in a form that says which they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/readable.h"
#include "base/str.h"

/* The readable form of n bytes; *same as readable_put returns. Caller frees. */
static char *
form(const void *p, size_t n, bool *same)
{
	char *text;
	struct buf b;

	buf_init(&b, 5 * READABLE_MAX);
	*same = readable_put(&b, (struct span){ p, n });
	assert_true(buf_ok(&b));
	text = malloc(b.len + 1);
	assert_non_null(text);
	if (b.len)
		memcpy(text, buf_head(&b), b.len);
	text[b.len] = 0;
	assert_true(str_is_printable(text, strlen(text)));
	assert_int_equal(strlen(text), b.len);
	buf_done(&b);
	return text;
}

static void
reads(const char *bytes, size_t n, const char *expected, bool same)
{
	bool is_same;
	char *text = form(bytes, n, &is_same);

	assert_string_equal(text, expected);
	assert_int_equal(is_same, same);
	free(text);
}
#define READS(bytes, expected) reads(bytes, sizeof(bytes) - 1, expected, false)
#define STAYS(bytes)           reads(bytes, sizeof(bytes) - 1, bytes, true)

static void
printable_text_stays_as_it_is(void **state)
{
	(void)state;
	STAYS("");
	STAYS("true");
	STAYS("printf '\\xff\\n' > C:\\x");
	STAYS("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf");
	STAYS("\xc2\xa0\xed\x9f\xbf\xee\x80\x80"); /* the neighbours of what is not */
	reads(NULL, 0, "", true);
}

static void
bytes_that_are_no_utf8_are_shown_as_bytes(void **state)
{
	(void)state;
	READS("true \xff", "true \\xff");
	READS("\x80", "\\x80");                            /* a continuation alone */
	READS("\xbf\xbf", "\\xbf\\xbf");                   /* two of them */
	READS("\xc3", "\\xc3");                            /* cut after one of two */
	READS("\xe2\x82", "\\xe2\\x82");                   /* after two of three */
	READS("\xf0\x9f\x98", "\\xf0\\x9f\\x98");          /* after three of four */
	READS("\xc3(", "\\xc3(");                          /* broken off by a letter */
	READS("\xe2\x82\xc3\xa9", "\\xe2\\x82\xc3\xa9");   /* broken off by a character */
	READS("\xc0\x80", "\\xc0\\x80");                   /* overlong NUL */
	READS("\xc1\xbf", "\\xc1\\xbf");                   /* overlong DEL */
	READS("\xc0\xaf", "\\xc0\\xaf");                   /* overlong slash */
	READS("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* in three */
	READS("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");          /* the last overlong of three */
	READS("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"); /* in four */
	READS("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"); /* the last overlong of four */
	READS("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* the first surrogate */
	READS("\xed\xbf\xbf", "\\xed\\xbf\\xbf");          /* the last */
	READS("\xed\xa0\xbd\xed\xb8\x80", "\\xed\\xa0\\xbd\\xed\\xb8\\x80"); /* a pair (CESU-8) */
	READS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");                   /* above U+10FFFF */
	READS("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");                   /* no first byte */
	READS("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");          /* five bytes */
	READS("\xfe\xff", "\\xfe\\xff");
}

static void
what_steers_a_terminal_is_shown_as_bytes(void **state)
{
	(void)state;
	READS("a\0b", "a\\x00b");
	READS("\x1b[2J\x7f\x07", "\\x1b[2J\\x7f\\x07");
	READS("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree");
	READS("\xc2\x9b"
	      "31m\xc2\x80\xc2\x9f",
	    "\\xc2\\x9b31m\\xc2\\x80\\xc2\\x9f");               /* C1 */
	READS("gpj\xe2\x80\xae.exe", "gpj\\xe2\\x80\\xae.exe"); /* right to left */
	READS("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9",
	    "\\xe2\\x80\\xa8\\xe2\\x80\\xa9\\xe2\\x80\\xaa\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
	STAYS("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"); /* their neighbours */
}

static void
no_two_texts_look_the_same(void **state)
{
	(void)state;
	/* The second says by `raw` that it holds an escape; the backslash of the third is doubled. */
	STAYS("\\xff");
	READS("\xff", "\\xff");
	READS("\\xff\xff", "\\\\xff\\xff");
	READS("\\\n", "\\\\\\n");
}

static void
a_long_text_is_cut_and_says_so(void **state)
{
	static char text[READABLE_MAX + 100];
	bool same;
	char *got;

	(void)state;
	memset(text, 'a', sizeof(text));
	got = form(text, READABLE_MAX, &same);
	assert_true(same && strlen(got) == READABLE_MAX);
	free(got);
	got = form(text, READABLE_MAX + 1, &same);
	assert_false(same);
	assert_string_equal(got + READABLE_MAX, "...[1 bytes more]");
	free(got);
	/* Neither a character nor an escape is cut in two. */
	memcpy(text + READABLE_MAX - 1, "\xe2\x82\xac", 3);
	got = form(text, sizeof(text), &same);
	assert_string_equal(got + READABLE_MAX - 1, "...[101 bytes more]");
	free(got);
	memset(text, 0xff, sizeof(text));
	got = form(text, sizeof(text), &same);
	assert_false(same);
	assert_string_equal(got + READABLE_MAX - 4, "\\xff...[24676 bytes more]");
	assert_true(strlen(got) < READABLE_MAX + READABLE_MARK_MAX);
	free(got);
}

static void
every_pair_of_bytes_has_a_form_of_its_own(void **state)
{
	bool same;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		const uint8_t pair[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		char *text = form(pair, 2, &same);
		bool equal = strlen(text) == 2 && memcmp(text, pair, 2) == 0;

		assert_int_equal(equal, same);
		free(text);
	}
}

static void
a_line_keeps_its_tabs_and_nothing_that_steers(void **state)
{
	static const char *const rows[][2] = {
		{ "a\tb", "a\tb" },
		{ "C:\\x", "C:\\x" },
		{ "crlf\r", "crlf" },
		{ "over\rwrite", "over\\rwrite" },
		{ "\033[31mred\t\\", "\\x1b[31mred\t\\\\" },
		{ "\033]52;c;eA==\007", "\\x1b]52;c;eA==\\x07" },
		{ "\xc2\x9b"
		  "6n",
		    "\\xc2\\x9b6n" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;

		buf_init(&b, 1000);
		readable_line(&b, span_str(rows[i][0]));
		if (!span_eq(buf_span(&b), span_str(rows[i][1])))
			fail_msg("%zu: %.*s", i, (int)b.len, (const char *)buf_head(&b));
		buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stays_as_it_is),
		cmocka_unit_test(bytes_that_are_no_utf8_are_shown_as_bytes),
		cmocka_unit_test(what_steers_a_terminal_is_shown_as_bytes),
		cmocka_unit_test(no_two_texts_look_the_same),
		cmocka_unit_test(a_long_text_is_cut_and_says_so),
		cmocka_unit_test(a_line_keeps_its_tabs_and_nothing_that_steers),
		cmocka_unit_test(every_pair_of_bytes_has_a_form_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
