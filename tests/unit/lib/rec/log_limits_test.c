/* SPDX-License-Identifier: Apache-2.0 */
/* The record log at its limits: the size of a segment, when it is replaced, when the log is nearly full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "log_folder.h"
#include "rec/log.h"

enum { QUOTA = 1 << 20 };

/* n records of so many bytes. */
static void
append(struct rec_log *log, int n, size_t bytes)
{
	static uint8_t zeros[4096];

	for (int i = 0; i < n; i++)
		assert_int_equal(rec_log_append(log, (struct span){ zeros, bytes }, NULL), 0);
}

/* A segment is an eighth of the quota, but at least 64 KiB; a record that is longer has one for itself. */
static void
segments_have_their_size(void **state)
{
	static uint8_t bytes[200 * 1024];
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq;
	char path[128];

	(void)state;
	assert_int_equal(rec_log_append(log, (struct span){ bytes, sizeof(bytes) }, &seq), 0);
	assert_true(seq == 1);
	log_folder_segment(path, sizeof(path), 2);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rec_log_append(log, (struct span){ bytes, 1 }, &seq), 0);
	assert_int_equal(access(path, F_OK), 0);
	rec_log_close(log);
}

static void
the_smallest_segment_is_64_kib(void **state)
{
	enum { RECORD = 1024 - 8 }; /* with its header 1 KiB */
	static uint8_t bytes[RECORD];
	struct rec_log *log = log_folder_open(256 * 1024);
	char path[128];

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(rec_log_append(log, (struct span){ bytes, RECORD }, NULL), 0);
	log_folder_segment(path, sizeof(path), 64);
	assert_int_equal(access(path, F_OK), 0); /* the header took the place of the 64th */
	assert_true(log_folder_size(1) == 16 + 63 * 1024);
	rec_log_close(log);
}

static void
the_largest_segment_is_4_mib(void **state)
{
	enum { RECORD = 64 * 1024 - 8 }; /* with its header 64 KiB */
	static uint8_t bytes[RECORD];
	struct rec_log *log = log_folder_open((uint64_t)1 << 30);
	char path[128];

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(rec_log_append(log, (struct span){ bytes, RECORD }, NULL), 0);
	log_folder_segment(path, sizeof(path), 64);
	assert_int_equal(access(path, F_OK), 0); /* the header took the place of the 64th */
	assert_true(log_folder_size(1) == 16 + 63 * 64 * 1024);
	rec_log_close(log);
}

static void
a_number_that_was_skipped_is_no_error(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 50, next;
	uint32_t count;
	struct buf b;

	(void)state;
	append(log, 10, 100);
	assert_int_equal(rec_log_advance(log, 10), 0);
	next = rec_log_last(log) + 1;
	append(log, 1, 100);
	rec_log_close(log);
	log = log_folder_open(QUOTA); /* now the first segment has all numbers before the second */
	buf_init(&b, 65536);
	errno = EIO; /* of something else, before */
	assert_int_equal(log_folder_read(log, &seq, 1000, &b, &count), 0);
	assert_true(seq == next && count == 1);
	buf_done(&b);
	rec_log_close(log);
}

/* What is committed whole makes room; what is not stays where it is. */
static void
only_a_segment_that_is_wholly_committed_is_replaced(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t bytes;
	char path[128];

	(void)state;
	append(log, 40, 2000);
	bytes = rec_log_bytes(log);
	assert_true(bytes > QUOTA / 8 / 4 && bytes < QUOTA / 8);
	rec_log_commit(log, 39);
	log_folder_segment(path, sizeof(path), 41);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(rec_log_bytes(log) == bytes);
	rec_log_commit(log, 40);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(rec_log_bytes(log) == 16); /* a header */
	log_folder_segment(path, sizeof(path), 1);
	assert_int_equal(access(path, F_OK), -1);
	rec_log_close(log);
}

/* Without the word a power failure would not be seen afterwards. */
static void
a_log_that_cannot_say_it_is_open_is_not_opened(void **state)
{
	char boot[128];

	(void)state;
	assert_true(str_format(boot, sizeof(boot), "%s/boot", log_folder));
	for (int old = 0; old < 2; old++) {
		struct rec_log *log = NULL;
		struct err e = { "" };

		assert_int_equal(mkdir(boot, 0700), 0);
		assert_true(rec_log_open(&log, log_folder, QUOTA, &e) < 0);
		assert_null(log);
		assert_true(e.text[0]);
		assert_int_equal(rmdir(boot), 0);
		log = log_folder_open(QUOTA); /* once, so that there is an old one */
		rec_log_close(log);
		assert_int_equal(unlink(boot), 0);
	}
}

static void
a_log_is_nearly_full_over_nine_tenths(void **state)
{
	enum { SMALL = 100000 };
	static uint8_t bytes[1024];
	struct rec_log *log = log_folder_open(SMALL);

	(void)state;
	while (rec_log_bytes(log) + 1024 + 8 + 16 < SMALL * 9 / 10)
		assert_int_equal(rec_log_append(log, (struct span){ bytes, 1024 }, NULL), 0);
	while (rec_log_bytes(log) + 9 <= SMALL * 9 / 10)
		assert_int_equal(rec_log_append(log, (struct span){ bytes, 1 }, NULL), 0);
	assert_false(rec_log_is_nearly_full(log));
	assert_int_equal(rec_log_append(log, (struct span){ bytes, 1 }, NULL), 0);
	assert_true(rec_log_is_nearly_full(log));
	rec_log_close(log);
}

/* Without it another process could write the same numbers. */
static void
a_log_without_its_lock_is_not_opened(void **state)
{
	struct rec_log *log = NULL;
	struct err e = { "" };
	char lock[128];

	(void)state;
	assert_true(str_format(lock, sizeof(lock), "%s/lock", log_folder));
	assert_int_equal(mkdir(lock, 0700), 0);
	assert_true(rec_log_open(&log, log_folder, QUOTA, &e) < 0);
	assert_null(log);
	assert_non_null(strstr(e.text, lock));
	assert_int_equal(rmdir(lock), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, log_folder_make, log_folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(segments_have_their_size),
		T(the_smallest_segment_is_64_kib),
		T(the_largest_segment_is_4_mib),
		T(a_log_without_its_lock_is_not_opened),
		T(a_number_that_was_skipped_is_no_error),
		T(only_a_segment_that_is_wholly_committed_is_replaced),
		T(a_log_that_cannot_say_it_is_open_is_not_opened),
		T(a_log_is_nearly_full_over_nine_tenths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
