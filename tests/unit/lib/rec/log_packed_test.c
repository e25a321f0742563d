/* SPDX-License-Identifier: Apache-2.0 */
/* Records that the log keeps compressed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "log_folder.h"
#include "rec/batch.h"
#include "rec/log.h"

enum { QUOTA = 1 << 20 };

/* Large records, text and noise, between small ones. */
static struct span
large(uint64_t seq)
{
	static uint8_t bytes[4 + REC_LOG_RECORD_MAX];
	static const size_t sizes[] = { 1, 100, 5000, 66000, REC_LOG_RECORD_MAX };
	size_t n = sizes[seq % 5];
	uint32_t x = (uint32_t)seq + 1;

	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(n >> (24 - 8 * i));
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		bytes[4 + i] = seq % 2 ? (uint8_t)(x >> 24) : (uint8_t)('a' + i % 20);
	}
	return (struct span){ bytes, 4 + n };
}

static void
packed_records_come_back_as_they_were(void **state)
{
	struct rec_log *log = log_folder_open(8 * QUOTA);
	struct span in, record, want;
	uint64_t seq = 1, raw = 0;
	uint32_t count;
	struct buf b;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++) {
		want = large(i);
		raw += want.n;
		/* Every second is written as it is. */
		assert_int_equal(i % 4 < 2
			? rec_log_append_packed(log, want, NULL)
			: rec_log_append(log, (struct span){ want.p + 4, want.n - 4 }, NULL),
		    0);
	}
	assert_true(rec_log_bytes(log) < raw * 4 / 5);
	rec_log_close(log);
	log = log_folder_open(8 * QUOTA);
	assert_true(rec_log_last(log) == 20);
	buf_init(&b, BATCH_RAW_MAX);
	do {
		buf_reset(&b);
		assert_int_equal(log_folder_read(log, &seq, 256 * 1024, &b, &count), 0);
		in = buf_span(&b);
		for (uint32_t i = 0; i < count; i++, seq++) {
			want = large(seq);
			assert_int_equal(batch_next(&in, &record), 1);
			assert_true(span_eq(record, (struct span){ want.p + 4, want.n - 4 }));
		}
		assert_int_equal(in.n, 0);
	} while (count > 0);
	assert_true(seq == 21);
	buf_done(&b);
	rec_log_close(log);
}

static void
a_packed_record_has_the_limits_of_others(void **state)
{
	static uint8_t bytes[4 + REC_LOG_RECORD_MAX + 1];
	struct rec_log *log = log_folder_open(QUOTA);

	(void)state;
	errno = 0;
	assert_true(rec_log_append_packed(log, (struct span){ bytes, 4 }, NULL) < 0);
	assert_int_equal(errno, EMSGSIZE);
	errno = 0;
	assert_true(rec_log_append_packed(log, (struct span){ bytes, sizeof(bytes) }, NULL) < 0);
	assert_int_equal(errno, EMSGSIZE);
	assert_true(rec_log_last(log) == 0);
	rec_log_close(log);
}

/* A bit that turns a packed record into another one is damage like any. */
static void
whether_a_record_is_packed_is_checked(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	uint32_t count;
	char path[PATH_MAX];
	uint8_t byte;
	struct buf b;
	int fd;

	(void)state;
	assert_int_equal(rec_log_append_packed(log, large(2), NULL), 0);
	rec_log_close(log);
	log_folder_segment(path, sizeof(path), 1);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, 16), 1);
	assert_int_equal(byte, 0x80);
	byte = 0;
	assert_int_equal(pwrite(fd, &byte, 1, 16), 1);
	close(fd);
	log = log_folder_open(QUOTA);
	buf_init(&b, BATCH_RAW_MAX);
	assert_int_equal(log_folder_read(log, &seq, 65536, &b, &count), 0);
	assert_int_equal(count, 0);
	buf_done(&b);
	rec_log_close(log);
}

#define T(name) cmocka_unit_test_setup_teardown(name, log_folder_make, log_folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(packed_records_come_back_as_they_were),
		T(a_packed_record_has_the_limits_of_others),
		T(whether_a_record_is_packed_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
