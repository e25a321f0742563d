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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_reader_has_costs_next_to_nothing),
		cmocka_unit_test(a_prefix_counts_for_one_batch_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
