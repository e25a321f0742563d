/* SPDX-License-Identifier: Apache-2.0 */
/* A recording as text, as JSON and as asciicast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "rec/frame.h"
#include "tsh/export.h"

static struct buf frames;

static int
setup(void **state)
{
	(void)state;
	buf_init(&frames, 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_done(&frames);
	return 0;
}

static void
put(uint8_t type, uint64_t dt_us, const void *p, size_t n)
{
	frame_put(&frames, type, dt_us, (struct span){ p, n });
}

static void
put_text(uint8_t type, uint64_t dt_us, const char *text)
{
	put(type, dt_us, text, strlen(text));
}

enum form { TEXT, JSON, ASCIICAST };

/* What the form makes of the frames; the caller frees. */
static char *
exported(enum form form, int want)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct err e = { "" };
	int rc = form == TEXT ? export_text(buf_span(&frames), f, &e)
	    : form == JSON    ? export_json(buf_span(&frames), f, &e)
			      : export_asciicast(buf_span(&frames), 100, 30, 1700000000, f, &e);

	assert_int_equal(fclose(f), 0);
	assert_int_equal(rc, want);
	assert_int_equal(*e.text != '\0', want != 0);
	return text;
}

static void
expect_text(const char *want)
{
	char *text = exported(TEXT, 0);

	assert_string_equal(text, want);
	free(text);
}

static void
test_text_has_no_escape_sequences(void **state)
{
	(void)state;
	put_text(FRAME_OUT, 0, "\x1b[1;31mred\x1b[0m\r\n\ttab\a\b\x7f");
	put_text(FRAME_OUT, 0, "\x1b]0;title\aafter\x1b]2;x\x1b\\st \x1b(Bset \x1bPdcs\x1b\\end");
	expect_text("red\n\ttabafterst set end");
}

static void
test_a_sequence_may_be_cut_by_frames(void **state)
{
	(void)state;
	put_text(FRAME_OUT, 0, "a\x1b");
	put_text(FRAME_OUT, 10, "[3");
	put_text(FRAME_OUT, 10, "1mb\x1b]0;ti");
	put_text(FRAME_OUT, 10, "tle\x1b");
	put_text(FRAME_OUT, 10, "\\c\n");
	expect_text("abc\n");
}

static void
test_text_is_outputs_and_input_as_they_came(void **state)
{
	(void)state;
	put_text(FRAME_OUT, 0, "out\n");
	put_text(FRAME_IN, 0, "typed\n");
	put_text(FRAME_ERR, 0, "err");
	put_text(FRAME_MARKER, 0, "marker");
	put(99, 0, "later", 5);
	expect_text("out\ntyped\nerr");
}

static void
test_text_keeps_utf8_but_not_the_control_characters_in_it(void **state)
{
	(void)state;
	put_text(FRAME_OUT, 0,
	    "gr\xc3\xbc\xc3\x9f \xe2\x9f\xb5 a\xc2\x9b"
	    "31m \xc2\xa0.");
	put_text(FRAME_OUT, 0,
	    "\xc2\x9d"
	    "0;title\a");
	put_text(FRAME_OUT, 0, "\xc2");
	put_text(FRAME_OUT, 0,
	    "\x85"
	    "b\xc2\xa9");
	expect_text("gr\xc3\xbc\xc3\x9f \xe2\x9f\xb5 a \xc2\xa0.b\xc2\xa9");
}

static json_t *
parsed(enum form form)
{
	char *text = exported(form, 0);
	json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(v);
	free(text);
	return v;
}

static void
put_resize(uint64_t dt_us, uint16_t cols, uint16_t rows)
{
	const uint8_t b[4] = { cols >> 8, cols & 255, rows >> 8, rows & 255 };

	put(FRAME_RESIZE, dt_us, b, sizeof b);
}

static void
test_json_has_every_frame_with_its_time(void **state)
{
	static const uint8_t status[4] = { 0, 0, 0, 3 };
	static const char *const types[] = { "resize", "output", "error", "exit" };
	json_t *v;

	(void)state;
	put_resize(0, 120, 40);
	put_text(FRAME_OUT, 1500000, "hello\x1b[0m");
	put_text(FRAME_ERR, 250000, "oh");
	put(FRAME_EXIT, 0, status, sizeof status);
	v = parsed(JSON);
	assert_int_equal(json_array_size(v), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(json_string_value(
					json_object_get(json_array_get(v, i), "type")),
		    types[i]);
	assert_string_equal(json_string_value(json_object_get(json_array_get(v, 0), "data")),
	    "120x40");
	assert_string_equal(json_string_value(json_object_get(json_array_get(v, 1), "data")),
	    "hello\x1b[0m");
	assert_true(json_real_value(json_object_get(json_array_get(v, 2), "time")) == 1.75);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(v, 3), "data")), 3);
	json_decref(v);
}

static void
test_bytes_that_are_no_text_are_replaced_one_by_one(void **state)
{
	static const char raw[] = "a\xff\xc3\xbc\xc3(\xed\xa0\x80\xf4\x90\x80\x80\xe2\x9f";
	json_t *v;

	(void)state;
	put(FRAME_OUT, 0, raw, sizeof raw - 1);
	put(FRAME_OUT, 0, "x\0y", 3);
	v = parsed(JSON);
	assert_string_equal(json_string_value(json_object_get(json_array_get(v, 0), "data")),
	    "a\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd("
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_int_equal(json_string_length(json_object_get(json_array_get(v, 1), "data")), 3);
	json_decref(v);
}

static void
test_a_frame_of_nothing_but_garbage_of_full_size(void **state)
{
	char *raw = malloc(FRAME_DATA_MAX);
	json_t *v;

	(void)state;
	assert_non_null(raw);
	memset(raw, 0xff, FRAME_DATA_MAX);
	put(FRAME_OUT, 0, raw, FRAME_DATA_MAX);
	free(raw);
	v = parsed(JSON);
	assert_int_equal(json_string_length(json_object_get(json_array_get(v, 0), "data")),
	    3 * (size_t)FRAME_DATA_MAX);
	json_decref(v);
}

static void
test_asciicast_is_a_header_and_an_event_a_line(void **state)
{
	char *text, *save = NULL;
	json_t *v;
	int n = 0;

	(void)state;
	put_resize(0, 120, 40);
	put_text(FRAME_OUT, 500000, "hi\r\n");
	put_text(FRAME_IN, 500000, "ls");
	put(99, 500000, "later", 5);
	put_text(FRAME_MARKER, 500000, "here");
	text = exported(ASCIICAST, 0);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save), n++) {
		static const char *const codes[] = { "r", "o", "i", "m" };
		static const double times[] = { 0.0, 0.5, 1.0, 2.0 };

		assert_non_null(v = json_loads(l, 0, NULL));
		if (n == 0) {
			assert_int_equal(json_integer_value(json_object_get(v, "version")), 2);
			assert_int_equal(json_integer_value(json_object_get(v, "width")), 100);
			assert_int_equal(json_integer_value(json_object_get(v, "height")), 30);
			assert_int_equal(json_integer_value(json_object_get(v, "timestamp")),
			    1700000000);
		} else {
			assert_string_equal(json_string_value(json_array_get(v, 1)), codes[n - 1]);
			assert_true(json_number_value(json_array_get(v, 0)) == times[n - 1]);
		}
		json_decref(v);
	}
	assert_int_equal(n, 5);
	free(text);
}

static void
test_a_damaged_recording_says_so_and_keeps_what_was_whole(void **state)
{
	char *text;

	(void)state;
	put_text(FRAME_OUT, 0, "whole");
	put_text(FRAME_OUT, 0, "lost");
	frames.len--;
	text = exported(TEXT, -1);
	assert_string_equal(text, "whole");
	free(text);
	free(exported(JSON, -1));
	text = exported(ASCIICAST, -1);
	assert_non_null(strstr(text, "whole"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text_has_no_escape_sequences),
		TEST(test_a_sequence_may_be_cut_by_frames),
		TEST(test_text_is_outputs_and_input_as_they_came),
		TEST(test_text_keeps_utf8_but_not_the_control_characters_in_it),
		TEST(test_json_has_every_frame_with_its_time),
		TEST(test_bytes_that_are_no_text_are_replaced_one_by_one),
		TEST(test_a_frame_of_nothing_but_garbage_of_full_size),
		TEST(test_asciicast_is_a_header_and_an_event_a_line),
		TEST(test_a_damaged_recording_says_so_and_keeps_what_was_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
