/* SPDX-License-Identifier: Apache-2.0 */
/* The record log: order, exactness, what survives a kill, a lost tail, damage, a full disk. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "rec/batch.h"
#include "rec/log.h"

enum { QUOTA = 1 << 20 };

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	(void)str_copy(dir, sizeof(dir), "/tmp/rec_log_test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	(void)state;
	while (d && (entry = readdir(d)))
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static struct rec_log *
open_log(uint64_t quota)
{
	struct rec_log *log;
	struct err e = { "" };

	if (rec_log_open(&log, dir, quota, &e) < 0)
		fail_msg("%s", e.text);
	return log;
}

/* The content of record seq: its length and bytes follow from the number. */
static struct span
content(uint64_t seq, size_t spread)
{
	static uint8_t bytes[8192];
	size_t n = 1 + (size_t)(seq * 7919 % spread);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(seq * 31 + i);
	return (struct span){ bytes, n };
}

/* Reads from *seq to the end, checks every record; returns how many. */
static uint64_t
check_from(struct rec_log *log, uint64_t *seq, size_t spread)
{
	uint64_t total = 0;
	uint32_t count;
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (;;) {
		struct span in, record;
		uint64_t at = *seq;

		buf_reset(&b);
		assert_int_equal(rec_log_read(log, &at, 32 * 1024, &b, &count), 0);
		if (!count)
			break;
		assert_true(b.len <= 32 * 1024);
		in = buf_span(&b);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(batch_next(&in, &record), 1);
			assert_true(span_eq(record, content(at + i, spread)));
		}
		assert_int_equal(in.n, 0);
		total += count;
		*seq = at + count;
	}
	buf_done(&b);
	return total;
}

static void
append(struct rec_log *log, uint64_t from, uint64_t to, size_t spread)
{
	for (uint64_t want = from; want <= to; want++) {
		uint64_t seq = 0;

		assert_int_equal(rec_log_append(log, content(want, spread), &seq), 0);
		assert_true(seq == want);
	}
}

static void
records_come_back_in_order(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	uint64_t seq = 1;

	(void)state;
	append(log, 1, 2000, 500);
	assert_true(check_from(log, &seq, 500) == 2000);
	append(log, 2001, 2500, 500);
	assert_true(check_from(log, &seq, 500) == 500);
	seq = 777;
	assert_true(check_from(log, &seq, 500) == 2500 - 776);
	rec_log_close(log);
}

static void
a_log_goes_on_after_reopening_with_the_same_id(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	char id[REC_LOG_ID_SIZE];
	uint64_t seq = 1;

	(void)state;
	(void)str_copy(id, sizeof(id), rec_log_id(log));
	append(log, 1, 300, 2000);
	rec_log_commit(log, 300);
	rec_log_close(log);
	log = open_log(QUOTA);
	assert_string_equal(rec_log_id(log), id);
	assert_true(rec_log_last(log) == 300);
	append(log, 301, 350, 2000);
	seq = 301;
	assert_true(check_from(log, &seq, 2000) == 50);
	rec_log_close(log);
}

static void
only_one_process_has_the_log(void **state)
{
	struct rec_log *log = open_log(QUOTA), *second;
	struct err e = { "" };

	(void)state;
	assert_true(rec_log_open(&second, dir, QUOTA, &e) < 0);
	assert_non_null(strstr(e.text, "in use by another process"));
	rec_log_close(log);
}

static void
committing_makes_room_and_a_full_log_refuses(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	uint64_t seq = 0, n = 0;

	(void)state;
	while (rec_log_append(log, content(n + 1, 4000), &seq) == 0)
		n++;
	assert_true(n > 300);
	assert_true(rec_log_bytes(log) <= QUOTA);
	assert_true(rec_log_is_nearly_full(log));
	assert_true(rec_log_last(log) == n);
	rec_log_commit(log, n / 2);
	assert_true(rec_log_bytes(log) < QUOTA * 6 / 10);
	append(log, n + 1, n + 50, 4000);
	seq = n / 2 + 1;
	assert_true(check_from(log, &seq, 4000) == n + 50 - n / 2);
	rec_log_commit(log, n + 50);
	assert_true(rec_log_bytes(log) < QUOTA / 8);
	rec_log_close(log);
}

static void
what_was_deleted_is_skipped_and_shown(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	uint32_t count;
	uint64_t seq = 1;
	struct buf b;

	(void)state;
	append(log, 1, 200, 4000);
	rec_log_commit(log, 150);
	buf_init(&b, 64 * 1024);
	assert_int_equal(rec_log_read(log, &seq, 8192, &b, &count), 0);
	assert_true(seq > 1 && seq <= 151);
	assert_true(count > 0);
	buf_done(&b);
	rec_log_close(log);
}

struct shared {
	volatile uint64_t appended;
};

static void
append_for_ever(struct shared *shared)
{
	struct rec_log *log;

	if (rec_log_open(&log, dir, (uint64_t)64 << 20, NULL) < 0)
		_exit(2);
	for (uint64_t seq = rec_log_last(log) + 1;; seq++) {
		if (rec_log_append(log, content(seq, 3000), NULL) < 0)
			_exit(3);
		shared->appended = seq;
	}
}

static void
a_killed_process_loses_nothing(void **state)
{
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);

	(void)state;
	assert_true(shared != MAP_FAILED);
	for (int round = 0; round < 8; round++) {
		uint64_t before = shared->appended, seq = 1;
		struct rec_log *log;
		pid_t pid = fork();
		int status;

		if (pid == 0)
			append_for_ever(shared);
		while (shared->appended < before + 500 + 100 * (uint64_t)round)
			usleep(100);
		kill(pid, SIGKILL);
		assert_true(waitpid(pid, &status, 0) == pid);
		assert_true(WIFSIGNALED(status));
		log = open_log((uint64_t)64 << 20);
		/* At most the record that was being written is more than what was reported. */
		assert_true(rec_log_last(log) == shared->appended ||
		    rec_log_last(log) == shared->appended + 1);
		assert_true(check_from(log, &seq, 3000) == rec_log_last(log));
		shared->appended = rec_log_last(log);
		rec_log_close(log);
	}
	munmap(shared, 4096);
}

static void
segment_path(char *path, size_t size, uint64_t first)
{
	assert_true(str_format(path, size, "%s/%016llx.seg", dir, (unsigned long long)first));
}

static void
a_torn_tail_is_cut(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	char path[128];
	struct stat st;
	uint64_t seq = 1;

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	segment_path(path, sizeof(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	log = open_log(QUOTA);
	assert_true(rec_log_last(log) == 9);
	append(log, 10, 20, 100);
	assert_true(check_from(log, &seq, 100) == 20);
	rec_log_close(log);
	/* Zeroes at the end, as some file systems leave them. */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 5000), 0);
	log = open_log(QUOTA);
	assert_true(rec_log_last(log) == 20);
	rec_log_close(log);
}

static void
after_a_power_failure_numbers_jump(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	char path[128];
	uint64_t seq = 6;
	uint32_t count;
	struct buf b;

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	assert_true(str_format(path, sizeof(path), "%s/boot", dir));
	assert_int_equal(file_write(path, 0600, "another-boot open\n", 18, NULL), 0);
	log = open_log(QUOTA);
	assert_true(rec_log_last(log) == REC_LOG_EPOCH);
	append(log, REC_LOG_EPOCH + 1, REC_LOG_EPOCH + 5, 100);
	buf_init(&b, 65536);
	/* A reading ends at the jump, the next starts behind it. */
	assert_int_equal(rec_log_read(log, &seq, 65536, &b, &count), 0);
	assert_true(seq == 6);
	assert_int_equal(count, 5);
	seq = 11;
	assert_int_equal(rec_log_read(log, &seq, 65536, &b, &count), 0);
	assert_true(seq == REC_LOG_EPOCH + 1);
	assert_int_equal(count, 5);
	buf_done(&b);
	rec_log_close(log);
	/* A clean end needs no jump. */
	log = open_log(QUOTA);
	assert_true(rec_log_last(log) == REC_LOG_EPOCH + 5);
	assert_int_equal(rec_log_advance(log, 3 * REC_LOG_EPOCH + 7), 0);
	append(log, 4 * REC_LOG_EPOCH + 1, 4 * REC_LOG_EPOCH + 1, 100);
	rec_log_close(log);
}

static void
flip_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void
damage_costs_the_rest_of_its_segment_only(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	uint64_t seq = 1, got;
	char path[128];

	(void)state;
	append(log, 1, 500, 1000);
	segment_path(path, sizeof(path), 1);
	flip_byte(path, 20000);
	got = check_from(log, &seq, 1000);
	assert_true(got < 400 && got > 200);
	assert_true(seq == 501);
	append(log, 501, 510, 1000);
	assert_true(check_from(log, &seq, 1000) == 10);
	rec_log_close(log);
}

static void
damage_in_the_open_segment_starts_an_epoch(void **state)
{
	struct rec_log *log = open_log(QUOTA);
	uint64_t seq = 1;
	char path[128];

	(void)state;
	append(log, 1, 20, 100);
	segment_path(path, sizeof(path), 1);
	flip_byte(path, 16 + 8);
	assert_true(check_from(log, &seq, 100) == 0);
	append(log, REC_LOG_EPOCH + 1, REC_LOG_EPOCH + 3, 100);
	assert_true(check_from(log, &seq, 100) == 3);
	assert_true(seq == REC_LOG_EPOCH + 4);
	rec_log_close(log);
}

static void
empty_and_huge_records_are_refused(void **state)
{
	struct rec_log *log = open_log((uint64_t)16 << 20);
	uint8_t *big = calloc(1, REC_LOG_RECORD_MAX + 1);
	uint64_t seq;

	(void)state;
	assert_non_null(big);
	assert_true(rec_log_append(log, (struct span){ big, 0 }, &seq) < 0);
	assert_true(rec_log_append(log, (struct span){ big, REC_LOG_RECORD_MAX + 1 }, &seq) < 0);
	assert_int_equal(rec_log_append(log, (struct span){ big, REC_LOG_RECORD_MAX }, &seq), 0);
	assert_true(seq == 1);
	free(big);
	rec_log_close(log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_back_in_order, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_log_goes_on_after_reopening_with_the_same_id,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(only_one_process_has_the_log, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(committing_makes_room_and_a_full_log_refuses,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_was_deleted_is_skipped_and_shown, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(a_killed_process_loses_nothing, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(a_torn_tail_is_cut, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(after_a_power_failure_numbers_jump, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(damage_costs_the_rest_of_its_segment_only, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(damage_in_the_open_segment_starts_an_epoch,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(empty_and_huge_records_are_refused, make_dir,
		    remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
