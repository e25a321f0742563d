/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal output as plain text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "rec/text.h"

/* The text of in, given in pieces of `step` bytes. */
static void
check(const char *in, size_t n, const char *want, size_t step)
{
	struct rec_text t;
	struct buf out;

	buf_init(&out, 65536);
	rec_text_init(&t);
	for (size_t i = 0; i < n; i += step)
		rec_text_add(&t,
		    (struct span){ (const uint8_t *)in + i, n - i < step ? n - i : step }, &out);
	rec_text_end(&t, &out);
	assert_true(buf_ok(&out));
	buf_put(&out, "", 1);
	assert_string_equal((const char *)buf_head(&out), want);
	buf_done(&out);
}

static void
escape_sequences_are_left_out_however_they_are_cut(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain\r\nlines\n", "plain\nlines\n" },
		{ "\x1b[31mred\x1b[0m", "red" },
		{ "\x1b]0;title\x07prompt$ ", "prompt$ " },
		{ "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link" },
		{ "\x1b(B\x1b=\x1b>x\x1b"
		  "Dy",
		    "xy" },
		{ "\x1bP1;2|data\x1b\\after", "after" },
		{ "\x1b[12;4", "" },
		{ "\x1b[3\x18kept", "kept" },
		{ "a\b\x7f\x01z\ttab", "az\ttab" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xff\xfe", "\xef\xbf\xbd" },
		{ "\xff\x01\xfe\x1b[m\x80", "\xef\xbf\xbd" }, /* what is left out parts no run */
		{ "\xff-\xfe\n\xfd", "\xef\xbf\xbd-\xef\xbf\xbd\n\xef\xbf\xbd" },
		{ "\xff\xc3\xa9\xc3", "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd" }, /* a surrogate */
		{ "\xc2\x9b", "" },                 /* C1 */
		{ "a\xc2\x9b"
		  "31mred\xc2\x9d"
		  "0;title\x07 b",
		    "ared b" },
		{ "\xe2\x82\x1b[1mx", "\xef\xbf\xbdx" },
		{ "\x1b]long\x1b[31mred", "red" }, /* a string that was never ended */
		/* Nothing that is not ended hides the next line. */
		{ "\x1b]0;hide\nid\n", "\nid\n" },
		{ "\x1bPhide\r\nid\n", "\nid\n" },
		{ "\x1b[1;\nid\n", "\nid\n" },
		{ "\x1b\nid\n", "\nid\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= 7; step++)
			check(cases[i].in, strlen(cases[i].in), cases[i].want, step);
	}
	check("a\0b", 3, "ab", 1);
	for (size_t step = 1; step <= 12; step++) {
		check("\0\0\0a\0\0\0\0b\0\0", 11, "ab", step);
		check("\xc3\0\0\xa9\0\xa9z", 7, "\xef\xbf\xbdz", step); /* parted, it is none */
		check("\x1b[3\0\0mc", 7, "c", step);
	}
}

static void
where_the_cursor_went_elsewhere_the_text_is_in_parts(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "one\r\ntwo\n", "one\ntwo\n" }, { "10%\r20%\r\r", "10%\00120%" },
		{ "a\x1b[2;1Hb\x1b[Cc\x1b[31md\x1b[Ke", "a\001b\001cde" },
		{ "a\b\vb\x1b"
		  "8c\x1b"
		  "Dd",
		    "a\001b\001c\001d" },
		{ "a\x1b[1\r;2mb", "a\001b" }, /* carried out in the middle of a sequence */
		{ "a\x1b]0;t\rt\x07"
		  "b",
		    "ab" }, /* and not in a title */
		{ "a\xc2\x85"
		  "b\xc2\x9b"
		  "5Cc",
		    "a\001b\001c" }, /* C1 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rec_text t;
		struct buf out;

		buf_init(&out, 1000);
		rec_text_init(&t);
		t.parts = true;
		rec_text_add(&t, span_str(cases[i].in), &out);
		buf_put(&out, "", 1);
		assert_string_equal((const char *)buf_head(&out), cases[i].want);
		buf_done(&out);
	}
}

static void
whatever_comes_the_text_is_printable(void **state)
{
	uint32_t x = 12345;

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint8_t bytes[512];
		struct rec_text t;
		struct buf out;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			x = x * 1103515245 + 12345;
			bytes[i] = (uint8_t)(x >> 16);
		}
		buf_init(&out, 65536);
		rec_text_init(&t);
		rec_text_add(&t, (struct span){ bytes, sizeof(bytes) }, &out);
		rec_text_end(&t, &out);
		for (size_t i = 0; i < out.len; i++) {
			if (buf_head(&out)[i] == '\n' || buf_head(&out)[i] == '\t')
				buf_head(&out)[i] = ' ';
		}
		assert_true(str_is_printable((const char *)buf_head(&out), out.len));
		buf_done(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_sequences_are_left_out_however_they_are_cut),
		cmocka_unit_test(where_the_cursor_went_elsewhere_the_text_is_in_parts),
		cmocka_unit_test(whatever_comes_the_text_is_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
