/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as text, however it is cut into records and these into chunks: all of it, once, and what stands in a line
 * in one piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "rec/chunk.h"
#include "rec/shown.h"

enum { BIG = 1 << 20 };

static uint32_t seed = 99;

static uint32_t
below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* The text of everything at once. */
static void
whole(struct span frames, struct buf *out)
{
	struct shown s;
	struct frame f;

	shown_init(&s);
	buf_init(out, BIG);
	while (frame_next(&frames, &f) > 0)
		shown_add(&s, &f, out);
	shown_end(&s, out);
}

/* The same by way of records, as a node makes them, in chunks, as auditd does. Pieces are said to end after a record
 * or a chunk by chance. Each chunk's text ends with a NUL in `each`. */
static void
in_pieces(struct span frames, struct buf *out, struct buf *each)
{
	char path[] = "/tmp/chunk-test.XXXXXX";
	int fd = mkstemp(path);
	struct rec_chunk *c = NULL;
	struct shown s;
	struct frame f;

	close(fd);
	assert_int_equal(rec_chunk_open(&c, path, NULL), 0);
	shown_init(&s);
	buf_init(out, BIG);
	buf_init(each, BIG);
	for (size_t from = 0; frames.n > 0;) {
		struct span record = frames;

		for (uint32_t n = 1 + below(6); n > 0 && frame_next(&frames, &f) > 0; n--)
			;
		record.n -= frames.n;
		shown_record(&s, rec_chunk_before(c), out);
		rec_chunk_closed(c, record);
		while (frame_next(&record, &f) > 0)
			shown_add(&s, &f, out);
		if (frames.n == 0)
			shown_end(&s, out);
		else if (below(2))
			shown_cut(&s, out);
		else
			continue;
		buf_put(each, buf_head(out) + from, out->len - from);
		buf_put(each, "", 1);
		from = out->len;
		shown_init(&s);
	}
	rec_chunk_free(c);
	unlink(path);
}

static void
check(struct span frames)
{
	struct buf want, got, each;

	whole(frames, &want);
	for (int round = 0; round < 50; round++) {
		in_pieces(frames, &got, &each);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(buf_head(&got), buf_head(&want), want.len);
		buf_done(&got);
		buf_done(&each);
	}
	buf_done(&want);
}

static void
key_by_key(struct buf *b, const char *text)
{
	for (; *text; text++)
		frame_put(b, FRAME_OUT, 1000, (struct span){ (const uint8_t *)text, 1 });
}

static void
nothing_is_torn_or_lost_or_there_twice(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, BIG);
	for (int i = 0; i < 100; i++)
		key_by_key(&b,
		    "\x1b]0;a title\x07\x1b[1mr\xc3\xb6\xc3\xb6t\xe2\x82\xac\xf0\x9f\x98\x80\x1b[0m# ls -l\r\nfile\r\n");
	check(buf_span(&b));
	buf_done(&b);
}

/* Screens are painted without a line's end. */
static void
a_long_line_is_cut_where_nothing_is_torn(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, BIG);
	for (int i = 0; i < 600; i++)
		key_by_key(&b, "\x1b[12;40Hw\xc3\xb6rd\x1b[K");
	check(buf_span(&b));
	buf_reset(&b);
	for (int i = 0; i < 900; i++)
		key_by_key(&b, "w\xc3\xb6rd ");
	check(buf_span(&b));
	buf_reset(&b);
	for (int i = 0; i < 900; i++)
		key_by_key(&b, "\xe2\x82\xac\xf0\x9f\x98\x80");
	check(buf_span(&b));
	buf_done(&b);
}

static void
streams_keep_their_lines_and_their_order(void **state)
{
	struct buf b, text;

	(void)state;
	buf_init(&b, BIG);
	for (int i = 0; i < 50; i++) {
		frame_put(&b, FRAME_IN, 1, span_str("id\n"));
		frame_put(&b, FRAME_OUT, 1, span_str("uid=0"));
		frame_put(&b, FRAME_ERR, 1, span_str("warn\x1b]unended"));
		frame_put(&b, FRAME_OUT, 1, span_str("(root)\n"));
		frame_put(&b, FRAME_ERR, 1, span_str("ing\n"));
	}
	whole(buf_span(&b), &text);
	assert_memory_equal(buf_head(&text), "id\nuid=0(root)\nwarn\nid\n", 23);
	buf_done(&text);
	check(buf_span(&b));
	buf_done(&b);
}

/* "Who typed it" is asked chunk by chunk (docs/SQL.md). */
static void
every_typed_line_stands_in_one_chunk(void **state)
{
	struct buf b, got, each;
	char line[64];

	(void)state;
	buf_init(&b, BIG);
	for (int i = 0; i < 200; i++) {
		str_format(line, sizeof(line), "$ rm -rf /srv/secret-%03d\r\n", i);
		key_by_key(&b, line);
	}
	for (int round = 0; round < 20; round++) {
		in_pieces(buf_span(&b), &got, &each);
		for (int i = 0; i < 200; i++) {
			bool found = false;

			str_format(line, sizeof(line), "$ rm -rf /srv/secret-%03d", i);
			for (size_t at = 0; at < each.len;
			     at += strlen((char *)buf_head(&each) + at) + 1)
				found = found || strstr((char *)buf_head(&each) + at, line);
			assert_true(found);
		}
		buf_done(&got);
		buf_done(&each);
	}
	buf_done(&b);
}

static void
whatever_comes_is_shown_once(void **state)
{
	static const uint8_t bytes[] = { '\n', 0x1b, '[', 'm', ']', 7, ' ', 'a', 'b', 0xc3, 0xb6,
		0xe2, 0x82, 0xac, '\\', 'P' };
	static const uint8_t types[] = { FRAME_OUT, FRAME_ERR, FRAME_IN, FRAME_IN_TEXT };

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct buf b;

		buf_init(&b, BIG);
		for (int i = 0; i < 200; i++) {
			uint8_t data[300];
			size_t n = below(sizeof(data));

			for (size_t k = 0; k < n; k++)
				/* Ends of lines are as rare as they are in what is hard. */
				data[k] = bytes[below(50) ? 1 + below(sizeof(bytes) - 1) : 0];
			frame_put(&b, types[below(4)], 1, (struct span){ data, n });
		}
		struct buf got, each;
		in_pieces(buf_span(&b), &got, &each);
		assert_true(buf_ok(&got));
		buf_done(&got);
		buf_done(&each);
		buf_done(&b);
	}
}

static void
a_chunk_survives_who_wrote_it(void **state)
{
	char path[] = "/tmp/chunk-test.XXXXXX";
	struct rec_chunk *c = NULL, *again = NULL;
	struct buf b;

	(void)state;
	close(mkstemp(path));
	buf_init(&b, BIG);
	assert_int_equal(rec_chunk_open(&c, path, NULL), 0);
	frame_put(&b, FRAME_OUT, 0, span_str("kept"));
	assert_true(rec_chunk_add(c, buf_span(&b)));
	rec_chunk_closing(c, 17);
	/* Another process, as it were. */
	assert_int_equal(rec_chunk_open(&again, path, NULL), 0);
	assert_true(span_eq(rec_chunk_frames(again), buf_span(&b)));
	assert_int_equal(rec_chunk_is_closing(again), 17);
	rec_chunk_closed(again, rec_chunk_frames(again));
	assert_int_equal(rec_chunk_frames(again).n, 0);
	assert_int_equal(rec_chunk_is_closing(again), 0);
	assert_true(span_eq(rec_chunk_before(again), buf_span(&b)));
	rec_chunk_free(c);
	rec_chunk_free(again);
	unlink(path);
	buf_done(&b);
}

static void
a_chunk_holds_so_much_and_no_more(void **state)
{
	char path[] = "/tmp/chunk-test.XXXXXX";
	struct rec_chunk *c = NULL;
	static uint8_t data[CHUNK_MAX];

	(void)state;
	close(mkstemp(path));
	assert_int_equal(rec_chunk_open(&c, path, NULL), 0);
	assert_true(rec_chunk_add(c, (struct span){ data, CHUNK_MAX - 1 }));
	assert_false(rec_chunk_add(c, (struct span){ data, 2 }));
	assert_true(rec_chunk_add(c, (struct span){ data, 1 }));
	assert_false(rec_chunk_add(c, (struct span){ data, 1 }));
	rec_chunk_free(c);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_torn_or_lost_or_there_twice),
		cmocka_unit_test(a_long_line_is_cut_where_nothing_is_torn),
		cmocka_unit_test(streams_keep_their_lines_and_their_order),
		cmocka_unit_test(every_typed_line_stands_in_one_chunk),
		cmocka_unit_test(whatever_comes_is_shown_once),
		cmocka_unit_test(a_chunk_survives_who_wrote_it),
		cmocka_unit_test(a_chunk_holds_so_much_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
