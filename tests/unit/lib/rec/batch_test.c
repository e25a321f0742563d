/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_test: what is compressed beside bytes that the reader has comes back beside them, and only beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rec/batch.h"

enum { SIZE = 4096 };

/* Letters without order: they compress badly by themselves. */
static void
noise(uint8_t bytes[SIZE])
{
	uint32_t x = 1;

	for (int i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)('a' + (x >> 24) % 26);
	}
}

static void
what_the_reader_has_costs_next_to_nothing(void **state)
{
	uint8_t bytes[SIZE], there[SIZE];
	struct span raw = { bytes, SIZE }, beside = { there, SIZE };
	struct buf z, back, alone;

	(void)state;
	noise(bytes);
	noise(there);
	buf_init(&z, 1 << 20);
	buf_init(&back, 1 << 20);
	buf_init(&alone, 1 << 20);
	assert_int_equal(batch_compress(raw, &alone), 0);
	assert_int_equal(batch_compress_beside(raw, beside, &z), 0);
	assert_true(z.len < alone.len / 10);
	buf_done(&alone);
	assert_int_equal(batch_expand_beside(buf_span(&z), beside, SIZE, &back), 0);
	assert_true(span_eq(buf_span(&back), raw));
	/* Beside other bytes it is not this, whether or not it can be told to be wrong. */
	buf_reset(&back);
	there[SIZE / 2] ^= 1;
	if (batch_expand_beside(buf_span(&z), beside, SIZE, &back) == 0)
		assert_false(span_eq(buf_span(&back), raw));
	buf_done(&z);
	buf_done(&back);
}

static void
lines_of_a_terminal_are_those_of_its_text(void **state)
{
	struct buf text, raw, z, back;
	size_t size;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&raw, 1 << 20);
	buf_init(&z, 1 << 20);
	buf_init(&back, 1 << 20);
	for (uint32_t x = 1, i = 0; i < 500; i++) {
		x = x * 1664525 + 1013904223;
		buf_printf(&text, "%x %u\n", (unsigned)x, (unsigned)x % 977);
		buf_printf(&raw, "%x %u\r\n", (unsigned)x, (unsigned)x % 977);
	}
	assert_int_equal(batch_compress_beside(buf_span(&raw), buf_span(&text), &z), 0);
	assert_true(z.len < 100); /* not some bytes a line */
	assert_int_equal(batch_expand_beside(buf_span(&z), buf_span(&text), raw.len, &back), 0);
	assert_true(span_eq(buf_span(&back), buf_span(&raw)));
	/* Appended to what is there, and of a text that does not end with a line. */
	size = z.len;
	assert_int_equal(batch_compress_beside(buf_span(&raw),
			     (struct span){ buf_head(&text), text.len - 3 }, &z),
	    0);
	buf_reset(&back);
	assert_int_equal(batch_expand_beside((struct span){ buf_head(&z) + size, z.len - size },
			     (struct span){ buf_head(&text), text.len - 3 }, raw.len, &back),
	    0);
	assert_true(span_eq(buf_span(&back), buf_span(&raw)));
	/* Without what it stood beside it is nothing, and breaks nothing. */
	buf_reset(&back);
	if (batch_expand_beside((struct span){ buf_head(&z), size }, span_str("other\n"), raw.len,
		&back) == 0)
		assert_false(span_eq(buf_span(&back), buf_span(&raw)));
	buf_done(&text);
	buf_done(&raw);
	buf_done(&z);
	buf_done(&back);
}

static void
a_prefix_counts_for_one_batch_only(void **state)
{
	uint8_t bytes[SIZE];
	struct span raw = { bytes, SIZE };
	struct buf z, back;

	(void)state;
	noise(bytes);
	buf_init(&z, 1 << 20);
	buf_init(&back, 1 << 20);
	assert_int_equal(batch_compress_beside(raw, raw, &z), 0);
	buf_reset(&z);
	assert_int_equal(batch_compress(raw, &z), 0);
	assert_true(z.len >= SIZE / 2);
	/* What was compressed without expands beside anything. */
	assert_int_equal(batch_expand_beside(buf_span(&z), span_str("other"), SIZE, &back), 0);
	assert_true(span_eq(buf_span(&back), raw));
	buf_reset(&back);
	assert_int_equal(batch_expand(buf_span(&z), SIZE, &back), 0);
	assert_true(span_eq(buf_span(&back), raw));
	assert_true(batch_expand(buf_span(&z), SIZE - 1, &back) < 0);
	buf_done(&z);
	buf_done(&back);
}

/* Records that came alone, and those that were compressed when they were written, in their order. */
static void
records_and_frames_make_one_batch_in_order(void **state)
{
	static const char *const small[] = { "one", "two", "four" };
	uint8_t bytes[SIZE];
	struct buf counted, z, back;
	struct batch_out b;
	struct span in, record;

	(void)state;
	noise(bytes);
	buf_init(&counted, 2 * SIZE);
	batch_put(&counted, (struct span){ bytes, SIZE });
	buf_init(&z, 4 * SIZE);
	assert_int_equal(batch_compress_record(buf_span(&counted), &z), 0);
	assert_int_equal(batch_expanded(buf_span(&z)), SIZE + 4);
	batch_out_init(&b, 4 * SIZE);
	/* The second time in the memory of the first. */
	for (int round = 0; round < 2; round++) {
		batch_out_reset(&b);
		assert_int_equal(batch_out_add(&b, span_str(small[0])), 0);
		assert_int_equal(batch_out_add(&b, span_str(small[1])), 0);
		assert_int_equal(batch_out_add_frame(&b, buf_span(&z)), 0);
		assert_int_equal(batch_out_add(&b, span_str(small[2])), 0);
		assert_int_equal(batch_out_end(&b), 0);
	}
	assert_int_equal(b.count, 4);
	assert_int_equal(b.raw_len, 4 * 4 + 3 + 3 + SIZE + 4);
	buf_init(&back, BATCH_RAW_MAX);
	assert_int_equal(batch_expand(buf_span(&b.data), b.raw_len, &back), 0);
	in = buf_span(&back);
	for (int i = 0; i < 4; i++) {
		struct span want = i == 2 ? (struct span){ bytes, SIZE }
					  : span_str(small[i < 2 ? i : 2]);

		assert_int_equal(batch_next(&in, &record), 1);
		assert_true(span_eq(record, want));
	}
	assert_int_equal(in.n, 0);
	buf_done(&counted);
	buf_done(&z);
	buf_done(&back);
	batch_out_done(&b);
}

static void
frames_together_are_bounded_as_one_is(void **state)
{
	static uint8_t zero[BATCH_RAW_MAX / 2];
	struct buf z, back;

	(void)state;
	buf_init(&z, BATCH_RAW_MAX);
	buf_init(&back, 2 * BATCH_RAW_MAX);
	assert_int_equal(batch_compress((struct span){ zero, sizeof(zero) }, &z), 0);
	assert_int_equal(batch_compress((struct span){ zero, sizeof(zero) }, &z), 0);
	assert_int_equal(batch_expanded(buf_span(&z)), BATCH_RAW_MAX);
	/* Neither less than all of them, nor the first alone. */
	assert_true(batch_expand(buf_span(&z), BATCH_RAW_MAX - 1, &back) < 0);
	assert_true(batch_expand(buf_span(&z), sizeof(zero), &back) < 0);
	assert_int_equal(batch_expand(buf_span(&z), BATCH_RAW_MAX, &back), 0);
	/* One byte more than a batch may be, whatever is said about it. */
	assert_int_equal(batch_compress((struct span){ zero, 1 }, &z), 0);
	assert_int_equal(batch_expanded(buf_span(&z)), 0);
	assert_true(batch_expand(buf_span(&z), BATCH_RAW_MAX + 1, &back) < 0);
	/* A frame and what is none. */
	buf_reset(&z);
	assert_int_equal(batch_compress((struct span){ zero, 9 }, &z), 0);
	buf_put(&z, "none", 4);
	assert_int_equal(batch_expanded(buf_span(&z)), 0);
	assert_true(batch_expand(buf_span(&z), 9, &back) < 0);
	buf_done(&z);
	buf_done(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_and_frames_make_one_batch_in_order),
		cmocka_unit_test(frames_together_are_bounded_as_one_is),
		cmocka_unit_test(what_the_reader_has_costs_next_to_nothing),
		cmocka_unit_test(lines_of_a_terminal_are_those_of_its_text),
		cmocka_unit_test(a_prefix_counts_for_one_batch_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
