/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal gets of a recording: what steers it is left out, what shows things stays, sizes are kept to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tsh/screen.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const struct screen_size same = { 24, 80 };

/* Everything that comes of it, in pieces of that many bytes, from screen_put alone. */
static void
put(struct screen *s, const char *in, size_t n, size_t piece, struct buf *out)
{
	for (size_t i = 0; i < n; i += piece)
		screen_put(s, 0,
		    (struct span){ (const uint8_t *)in + i, n - i < piece ? n - i : piece }, out);
}

static void
gives(const char *in, size_t n, struct screen_size recorded, struct screen_size here,
    const char *want)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct screen s;
		struct buf out;

		buf_init(&out, 1 << 20);
		screen_init(&s, recorded, here);
		put(&s, in, n, piece, &out);
		if (out.len != strlen(want) || memcmp(buf_head(&out), want, out.len) != 0)
			fail_msg("pieces of %zu: \"%.*s\" and not \"%s\"", piece, (int)out.len,
			    (const char *)buf_head(&out), want);
		buf_done(&out);
	}
}

static const struct row {
	const char *in, *want;
} left_out[] = {
	/* the clipboard, titles, links, palettes: OSC, by BEL, by ST, and unended */
	{ "a\033]52;c;ZXZpbA==\007b", "ab" },
	{ "a\033]52;c;ZXZpbA==\033\\b", "ab" },
	{ "a\033]0;title\007\033]2;title\033\\b\033]8;;http://x\033\\c", "abc" },
	{ "a\033]52;c;ZXZpbA==\nb", "a\nb" },
	{ "a\033]52;c;ZX\033[31mb", "a\033[31mb" },
	{ "a\033]52;c;ZX\030b", "ab" },
	{ "a\033ktitle\033\\b", "ab" },
	/* DCS (DECRQSS, sixel, tmux), APC, PM, SOS */
	{ "a\033P$qm\033\\b", "ab" },
	{ "a\033Ptmux;\033\033]52;c;eA==\007\033\\b", "ab" },
	{ "a\033_Gi=1;AAAA\033\\b\033^x\033\\c\033Xy\033\\d", "abcd" },
	/* questions: what a terminal answers is typed into a shell */
	{ "a\033[c\033[0c\033[>c\033[=c\033[>0qb", "ab" },
	{ "a\033[5n\033[6n\033[?6n\033[?15nb", "ab" },
	{ "a\033[18t\033[21t\033[14t\033[8;10;10tb", "ab" },
	{ "a\033[?1$p\033[4$p\033[1\"q\033Zb\005c", "abc" },
	{ "a\033[x\033[1x\033[?uc", "ac" },
	/* media copy */
	{ "a\033[i\033[5ib\033[4i\033[?5ic", "abc" },
	/* keyboard and mouse, focus, pasting, the width of the screen */
	{ "a\033[?1h\033[?66h\033=\033>\033[>4;1m\033[>1ub", "ab" },
	{ "a\033[?9h\033[?1000h\033[?1002;1006h\033[?1004h\033[?2004hb", "ab" },
	{ "a\033[?3h\033[?69h\033[20h\033[2hb", "ab" },
	{ "a\033[1;2;3;4;5Tb", "ab" },
	/* C1, as bytes and as characters, is no text and begins nothing */
	{ "a\x9b"
	  "6nb",
	    "a\xef\xbf\xbd"
	    "6nb" },
	{ "a\xc2\x9b"
	  "6nb",
	    "a\xef\xbf\xbd"
	    "6nb" },
	{ "a\x9d"
	  "52;c;x\x9c"
	  "b",
	    "a\xef\xbf\xbd"
	    "52;c;x\xef\xbf\xbd"
	    "b" },
	{ "a\x90x", "a\xef\xbf\xbdx" },
	/* bells, flow control, what scrolled away, tab stops, bold and double lines, other character sets */
	{ "a\007\021\023\024\033[3Jb", "ab" },
	{ "a\033H\033[g\033[3g\033#3\033#6\033%@\033(K\033nb", "ab" },
	{ "a\177\033[\177"
	  "31mb",
	    "a\033[31mb" },
	/* numbers beyond all sense */
	{ "\033[99999999999A", "\033[1000A" },
	{ "\033[31\033[32mb", "\033[32mb" },
	{ "\033[<31m\033[31 m\033[3?1mx", "x" },
	/* the direction of writing */
	{ "a\xe2\x80\xae"
	  "b",
	    "a\xef\xbf\xbd"
	    "b" },
	{ "\xc3(\xff", "\xef\xbf\xbd(\xef\xbf\xbd" },
};

static const struct row kept[] = {
	{ "hello\r\n", "hello\r\n" },
	{ "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80",
	    "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80" },
	{ "\033[1;31mred\033[0m\033[38;5;7m\033[48:2::1:2:3mx\033[m",
	    "\033[1;31mred\033[0m\033[38;5;7m\033[48:2::1:2:3mx\033[m" },
	{ "\033[2J\033[H\033[5;6H\033[K\033[1K\033[J",
	    "\033[2J\033[1;1H\033[5;6H\033[K\033[1K\033[J" },
	{ "\033[999;999H", "\033[24;80H" },
	{ "\033[3A\033[B\033[2E\033[F\033[9d", "\033[3A\033[1B\033[2E\033[1F\033[9d" },
	{ "abc\033[2D\033[C\033[G", "abc\033[2D\033[1C\033[1G" },
	{ "\033[2L\033[M\033[4P\033[@\033[S\033[T\033[3X",
	    "\033[2L\033[1M\033[4P\033[1@\033[1S\033[1T\033[3X" },
	{ "\033[2;10r\033[r", "\033[2;10r\033[1;24r" },
	{ "\0337\0338\033[s\033[u\033D\033M\033E", "\0337\0338\0337\0338\033D\033M\033E" },
	{ "\033[?25l\033[?7l\033[?6h\033[4h", "\033[?25l\033[?7l\033[?6h\033[4h" },
	{ "\033(0lqk\033(B\016\017", "\033(0lqk\033(B\016\017" },
	{ "\033[?1;25l", "\033[?25l" },
	{ "x\033[3b", "xxxx" },
	{ "\033#8", "\033#8" },
};

static void
what_steers_a_terminal_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(left_out); i++)
		gives(left_out[i].in, strlen(left_out[i].in), same, same, left_out[i].want);
}

static void
what_shows_things_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(kept); i++)
		gives(kept[i].in, strlen(kept[i].in), same, same, kept[i].want);
}

/* Nobody hides what follows by a string, or a sequence, without an end. */
static void
what_has_no_end_ends(void **state)
{
	static char in[SCREEN_STRING_MAX + 100];

	(void)state;
	memset(in, 'x', sizeof in);
	memcpy(in, "\033]52;c;", 7);
	memcpy(in + sizeof in - 4, "seen", 4);
	struct screen s;
	struct buf out;

	buf_init(&out, 1 << 20);
	screen_init(&s, same, same);
	put(&s, in, sizeof in, 4096, &out);
	assert_true(out.len < 120);
	assert_memory_equal(buf_head(&out) + out.len - 4, "seen", 4);
	buf_reset(&out);
	memset(in, '1', sizeof in);
	memcpy(in, "\033[", 2);
	memcpy(in + 300, "mseen", 5);
	put(&s, in, 305, 100, &out);
	assert_int_equal(out.len, 4);
	buf_done(&out);
}

static void
a_larger_terminal_wraps_and_scrolls_where_it_did(void **state)
{
	const struct screen_size small = { 3, 5 }, here = { 24, 80 };
	struct screen s;
	struct buf out;

	(void)state;
	gives("abcdefg", 7, small, here, "abcde\r\nfg");
	gives("abcde\r\nf", 8, small, here, "abcde\r\nf");
	/* A wide character that does not fit goes to the next line. */
	gives("abcd\xe4\xb8\xad", 7, small, here, "abcd\r\n\xe4\xb8\xad");
	gives("\033[?7labcdefg", 12, small, here, "abcde\033[5Gf\033[5Gg");
	gives("abcde\bX", 7, small, here, "abcde\033[4GX");
	gives("a\tX", 3, small, here, "a\033[5GX");
	gives("\033[9;9H\033[99C\033[99G\033[99d", 21, small, here,
	    "\033[3;5H\033[5G\033[5G\033[3d");
	gives("\033[r\033[2;99r", 11, small, here, "\033[1;3r\033[2;3r");
	buf_init(&out, 4096);
	screen_init(&s, small, here);
	screen_begin(&s, &out);
	screen_end(&s, &out);
	assert_int_equal(out.len, strlen("\033[H\033[2J\0337\033[1;3r\0338\0337\033[r\0338"));
	assert_memory_equal(buf_head(&out), "\033[H\033[2J\0337\033[1;3r\0338\0337\033[r\0338",
	    out.len);
	buf_done(&out);
}

static void
a_smaller_terminal_cuts(void **state)
{
	const struct screen_size wide = { 24, 10 }, here = { 24, 4 };
	struct screen s;
	struct buf out;

	(void)state;
	gives("abcdefghijkl", 12, wide, here, "abcd\r\nkl");
	gives("abcdef\rX", 8, wide, here, "abcd\rX");
	buf_init(&out, 4096);
	screen_init(&s, wide, here);
	screen_begin(&s, &out);
	assert_non_null(strstr((const char *)buf_head(&out), "\033[?7l"));
	buf_reset(&out);
	screen_resize(&s, here, &out);
	assert_int_equal(out.len, 5);
	assert_memory_equal(buf_head(&out), "\033[?7h", 5);
	buf_done(&out);
}

static void
without_a_terminal_lines_begin_on_the_left(void **state)
{
	(void)state;
	gives("a\nb", 3, (struct screen_size){ 0, 0 }, same, "a\r\nb");
	/* A file gets them as they were. */
	gives("a\nb", 3, (struct screen_size){ 0, 0 }, (struct screen_size){ 0, 0 }, "a\nb");
}

static void
the_terminal_is_as_it_was_before(void **state)
{
	static const struct row rows[] = {
		{ "plain", "" },
		{ "\033[31m", "\033[0m" },
		{ "\033[?25l\033[?7l\033[?6h\033[4h", "\033[4l\033[?6l\033[?7h\033[?25h" },
		{ "\033[?1049h", "\033[?1049l" },
		{ "\033[?1049h\033[?1049l", "" },
		{ "\033[?47h", "\033[?1049l" },
		{ "\033(0", "\017\033(B\033)B\033*B\033+B" },
		{ "\033[2;5r", "\0337\033[r\0338" },
		{ "\033[?1000h\033[?2004h\033=", "" },
		{ "\xc3", "\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct screen s;
		struct buf out;

		buf_init(&out, 4096);
		screen_init(&s, same, same);
		put(&s, rows[i].in, strlen(rows[i].in), 3, &out);
		buf_reset(&out);
		screen_end(&s, &out);
		if (out.len != strlen(rows[i].want) ||
		    (out.len > 0 && memcmp(buf_head(&out), rows[i].want, out.len) != 0))
			fail_msg("row %zu: %.*s", i, (int)out.len, (const char *)buf_head(&out));
		buf_done(&out);
	}
}

static void
one_stream_ends_nothing_of_another(void **state)
{
	struct screen s;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	screen_init(&s, same, same);
	screen_put(&s, 0, span_str("\033]52;c;"), &out);
	screen_put(&s, 1, span_str("error\007"), &out);
	screen_put(&s, 0, span_str("eA==\007x"), &out);
	assert_int_equal(out.len, 6);
	assert_memory_equal(buf_head(&out), "errorx", 6);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_steers_a_terminal_is_left_out),
		cmocka_unit_test(what_shows_things_stays),
		cmocka_unit_test(what_has_no_end_ends),
		cmocka_unit_test(a_larger_terminal_wraps_and_scrolls_where_it_did),
		cmocka_unit_test(a_smaller_terminal_cuts),
		cmocka_unit_test(without_a_terminal_lines_begin_on_the_left),
		cmocka_unit_test(the_terminal_is_as_it_was_before),
		cmocka_unit_test(one_stream_ends_nothing_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
