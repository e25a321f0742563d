/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a recording, batches of records, CRC-32C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rec/batch.h"
#include "rec/crc32c.h"
#include "rec/frame.h"

static void
frames_come_back_as_they_were(void **state)
{
	static const uint64_t times[] = { 0, 1, 127, 128, 16384, UINT64_C(1) << 32, UINT64_MAX };
	static uint8_t big[FRAME_DATA_MAX];
	struct frame f;
	struct buf b;
	struct span in;

	(void)state;
	buf_init(&b, 1 << 20);
	memset(big, 0xe7, sizeof(big));
	for (size_t i = 0; i < 7; i++)
		frame_put(&b, FRAME_OUT, times[i], (struct span){ big, i * i * 37 });
	frame_put(&b, FRAME_EXIT, 5, (struct span){ big, sizeof(big) });
	assert_true(buf_ok(&b));
	in = buf_span(&b);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(frame_next(&in, &f), 1);
		assert_int_equal(f.type, FRAME_OUT);
		assert_true(f.dt_us == times[i]);
		assert_int_equal(f.data.n, i * i * 37);
		assert_memory_equal(f.data.p, big, f.data.n);
	}
	assert_int_equal(frame_next(&in, &f), 1);
	assert_int_equal(f.data.n, sizeof(big));
	assert_int_equal(frame_next(&in, &f), 0);
	buf_done(&b);
}

static void
malformed_frames_are_refused(void **state)
{
	static const uint8_t bad[][13] = {
		{ 1 },                 /* nothing after the type */
		{ 1, 0x80 },           /* varint without an end */
		{ 1, 0, 5, 'a', 'b' }, /* data too short */
		{ 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0 }, /* 65 bits */
		{ 1, 0, 0x81, 0x80, 0x04 }, /* FRAME_DATA_MAX + 1 */
	};
	static const size_t sizes[] = { 1, 2, 5, 12, 5 };
	struct frame f;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct span in = { bad[i], sizes[i] };

		assert_true(frame_next(&in, &f) < 0);
	}
}

static void
too_much_data_for_a_frame_fails_the_buffer(void **state)
{
	static uint8_t big[FRAME_DATA_MAX + 1];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	frame_put(&b, FRAME_OUT, 0, (struct span){ big, sizeof(big) });
	assert_false(buf_ok(&b));
	buf_done(&b);
}

/* Every length up to several words, from every place in one. */
static void
crc32c_is_the_same_on_every_machine(void **state)
{
	uint8_t bytes[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t from = 0; from < 9; from++)
		for (size_t n = 0; n <= sizeof(bytes) - from; n++)
			assert_int_equal(crc32c((uint32_t)n, bytes + from, n),
			    crc32c_by_table((uint32_t)n, bytes + from, n));
}

static void
crc32c_gives_the_published_values(void **state)
{
	uint8_t zero[32] = { 0 };

	(void)state;
	/* RFC 3720 appendix B.4, and the check value of the catalogue. */
	assert_int_equal(crc32c(0, zero, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
	assert_int_equal(crc32c_by_table(0, zero, 32), 0x8a9136aa);
	assert_int_equal(crc32c_by_table(crc32c_by_table(0, "12345", 5), "6789", 4), 0xe3069283);
}

static void
batches_expand_to_what_was_compressed(void **state)
{
	struct buf raw, z, back;
	struct span in, record;

	(void)state;
	buf_init(&raw, BATCH_RAW_MAX);
	buf_init(&z, 2 * BATCH_RAW_MAX);
	buf_init(&back, BATCH_RAW_MAX);
	for (int i = 0; i < 1000; i++)
		batch_put(&raw,
		    (struct span){ (const uint8_t *)"the same text again and again",
			(size_t)i % 29 });
	assert_int_equal(batch_compress(buf_span(&raw), &z), 0);
	assert_true(z.len < raw.len / 10);
	assert_int_equal(batch_expand(buf_span(&z), raw.len, &back), 0);
	assert_true(span_eq(buf_span(&raw), buf_span(&back)));
	in = buf_span(&back);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(batch_next(&in, &record), 1);
		assert_int_equal(record.n, i % 29);
	}
	assert_int_equal(batch_next(&in, &record), 0);
	/* Any other length than the one in the frame is refused before memory is taken. */
	buf_reset(&back);
	assert_true(batch_expand(buf_span(&z), raw.len - 1, &back) < 0);
	assert_true(batch_expand(buf_span(&z), raw.len + 1, &back) < 0);
	z.data[z.off + z.len / 2] ^= 0x55;
	z.len -= 3;
	assert_true(batch_expand(buf_span(&z), raw.len, &back) < 0);
	buf_done(&raw);
	buf_done(&z);
	buf_done(&back);
}

static void
a_bomb_is_refused(void **state)
{
	size_t huge = (size_t)64 << 20;
	uint8_t *raw = calloc(1, huge);
	struct buf z, out;

	(void)state;
	assert_non_null(raw);
	buf_init(&z, huge * 2);
	buf_init(&out, huge * 2);
	assert_int_equal(batch_compress((struct span){ raw, huge }, &z), 0);
	assert_true(batch_expand(buf_span(&z), huge, &out) < 0);
	assert_true(batch_expand(buf_span(&z), 1000, &out) < 0);
	assert_int_equal(out.cap, 0);
	buf_done(&z);
	buf_done(&out);
	free(raw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_as_they_were),
		cmocka_unit_test(malformed_frames_are_refused),
		cmocka_unit_test(too_much_data_for_a_frame_fails_the_buffer),
		cmocka_unit_test(crc32c_is_the_same_on_every_machine),
		cmocka_unit_test(crc32c_gives_the_published_values),
		cmocka_unit_test(batches_expand_to_what_was_compressed),
		cmocka_unit_test(a_bomb_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
