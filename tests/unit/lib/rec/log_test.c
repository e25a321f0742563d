/* SPDX-License-Identifier: Apache-2.0 */
/* The record log: order, exactness, what survives a kill, a lost tail, damage, a full disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "log_folder.h"
#include "rec/batch.h"
#include "rec/log.h"

enum { QUOTA = 1 << 20 };

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
		assert_int_equal(log_folder_read(log, &at, 32 * 1024, &b, &count), 0);
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
	struct rec_log *log = log_folder_open(QUOTA);
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
	struct rec_log *log = log_folder_open(QUOTA);
	char id[REC_LOG_ID_SIZE];
	uint64_t seq = 1;

	(void)state;
	(void)str_copy(id, sizeof(id), rec_log_id(log));
	append(log, 1, 300, 2000);
	rec_log_commit(log, 300);
	rec_log_close(log);
	log = log_folder_open(QUOTA);
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
	struct rec_log *log = log_folder_open(QUOTA), *second;
	struct err e = { "" };

	(void)state;
	assert_true(rec_log_open(&second, log_folder, QUOTA, &e) < 0);
	assert_non_null(strstr(e.text, "in use by another process"));
	rec_log_close(log);
}

static void
committing_makes_room_and_a_full_log_refuses(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
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
	struct rec_log *log = log_folder_open(QUOTA);
	uint32_t count;
	uint64_t seq = 1;
	struct buf b;

	(void)state;
	append(log, 1, 200, 4000);
	rec_log_commit(log, 150);
	buf_init(&b, 64 * 1024);
	assert_int_equal(log_folder_read(log, &seq, 8192, &b, &count), 0);
	assert_true(seq > 1 && seq <= 151);
	assert_true(count > 0);
	buf_done(&b);
	rec_log_close(log);
}

struct shared {
	volatile uint64_t appended;
};

enum { APPENDED_MORE = 2000 };

/* Until it is killed; it waits for that when it is far enough, so that the rounds of a test that gets no processor do
 * not fill the log. */
static void
append_until_killed(struct shared *shared, uint64_t end)
{
	struct rec_log *log;

	if (rec_log_open(&log, log_folder, (uint64_t)64 << 20, NULL) < 0)
		_exit(2);
	for (uint64_t seq = rec_log_last(log) + 1; seq < end + APPENDED_MORE; seq++) {
		if (rec_log_append(log, content(seq, 3000), NULL) < 0)
			_exit(3);
		shared->appended = seq;
	}
	for (;;)
		pause();
}

static void
a_killed_process_loses_nothing(void **state)
{
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);

	(void)state;
	assert_true(shared != MAP_FAILED);
	for (int round = 0; round < 8; round++) {
		uint64_t end = shared->appended + 500 + 100 * (uint64_t)round, seq = 1;
		struct rec_log *log;
		pid_t pid = fork();
		int status;

		if (pid == 0)
			append_until_killed(shared, end);
		while (shared->appended < end)
			usleep(100);
		kill(pid, SIGKILL);
		assert_true(waitpid(pid, &status, 0) == pid);
		assert_true(WIFSIGNALED(status));
		log = log_folder_open((uint64_t)64 << 20);
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
a_torn_tail_is_cut(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	char path[128];
	struct stat st;
	uint64_t seq = 1;

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	log_folder_segment(path, sizeof(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == 9);
	append(log, 10, 20, 100);
	assert_true(check_from(log, &seq, 100) == 20);
	rec_log_close(log);
	/* Zeroes at the end, as some file systems leave them. */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 5000), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == 20);
	rec_log_close(log);
}

static void
after_a_power_failure_numbers_jump(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	char path[128];
	uint64_t seq = 6;
	uint32_t count;
	struct buf b;

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	assert_true(str_format(path, sizeof(path), "%s/boot", log_folder));
	assert_int_equal(file_write(path, 0600, "another-boot open\n", 18, NULL), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == REC_LOG_EPOCH);
	append(log, REC_LOG_EPOCH + 1, REC_LOG_EPOCH + 5, 100);
	buf_init(&b, 65536);
	/* A reading ends at the jump, the next starts behind it. */
	assert_int_equal(log_folder_read(log, &seq, 65536, &b, &count), 0);
	assert_true(seq == 6);
	assert_int_equal(count, 5);
	seq = 11;
	assert_int_equal(log_folder_read(log, &seq, 65536, &b, &count), 0);
	assert_true(seq == REC_LOG_EPOCH + 1);
	assert_int_equal(count, 5);
	buf_done(&b);
	rec_log_close(log);
	/* A clean end needs no jump. */
	log = log_folder_open(QUOTA);
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
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1, got;
	char path[128];

	(void)state;
	append(log, 1, 500, 1000);
	log_folder_segment(path, sizeof(path), 1);
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
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	char path[128];

	(void)state;
	append(log, 1, 20, 100);
	log_folder_segment(path, sizeof(path), 1);
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
	struct rec_log *log = log_folder_open((uint64_t)16 << 20);
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

static void
the_unfinished_end_leaves_the_disk(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t before;
	char path[128];

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	before = log_folder_size(1);
	log_folder_segment(path, sizeof(path), 1);
	assert_int_equal(truncate(path, (off_t)before + 5000), 0);
	log = log_folder_open(QUOTA);
	assert_true(log_folder_size(1) == before);
	assert_true(rec_log_bytes(log) == before);
	rec_log_close(log);
}

static void
what_only_looks_like_a_segment_is_left_alone(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	char path[128];

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	log_folder_segment(path, sizeof(path), 0x7000);
	assert_int_equal(mkdir(path, 0700), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == 10);
	assert_true(check_from(log, &seq, 100) == 10);
	rec_log_close(log);
	assert_int_equal(rmdir(path), 0);
	/* A newest file that is no segment: nothing is appended to it, numbers jump. */
	assert_int_equal(file_write(path, 0600, "not a segment at all", 20, NULL), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == REC_LOG_EPOCH);
	append(log, REC_LOG_EPOCH + 1, REC_LOG_EPOCH + 3, 100);
	seq = 11;
	assert_true(check_from(log, &seq, 100) == 3);
	assert_true(log_folder_size(0x7000) == 20);
	rec_log_close(log);
}

/* Killed between making the file and writing its header: nothing was lost, so no number is left out. */
static void
a_segment_without_its_header_was_never_used(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	char path[128];

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	log_folder_segment(path, sizeof(path), 11);
	assert_int_equal(file_write(path, 0600, "SPRECLG1", 8, NULL), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == 10);
	assert_int_equal(access(path, F_OK), -1);
	append(log, 11, 12, 100);
	assert_true(check_from(log, &seq, 100) == 12);
	rec_log_commit(log, 12);
	rec_log_close(log);
	/* It may be the only one. */
	log_folder_segment(path, sizeof(path), 1);
	assert_int_equal(truncate(path, 3), 0);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == 0);
	append(log, 1, 3, 100);
	rec_log_close(log);
}

static void
an_id_is_whole_or_the_log_is_not_opened(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	char path[128], control[36];
	struct err e = { "" };

	(void)state;
	rec_log_close(log);
	assert_true(str_format(path, sizeof(path), "%s/id", log_folder));
	assert_int_equal(file_write(path, 0600, "0123", 4, NULL), 0);
	assert_true(rec_log_open(&log, log_folder, QUOTA, &e) < 0);
	assert_non_null(strstr(e.text, "is damaged"));
	memset(control, 1, sizeof(control));
	assert_int_equal(file_write(path, 0600, control, sizeof(control), NULL), 0);
	assert_true(rec_log_open(&log, log_folder, QUOTA, &e) < 0);
}

static void
limit_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The number that the next descriptor would have. */
static rlim_t
next_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

/* However few there are, opening fails with a reason, or gives a log that works. */
static void
opening_without_descriptors_fails_and_says_why(void **state)
{
	rlim_t base = next_descriptor();
	struct rec_log *log = log_folder_open(QUOTA);
	int failed = 0;

	(void)state;
	append(log, 1, 10, 100);
	rec_log_close(log);
	for (rlim_t more = 0;; more++, failed++) {
		struct err e = { "" };
		uint64_t seq = 1;
		int done;

		limit_descriptors(base + more);
		done = rec_log_open(&log, log_folder, QUOTA, &e);
		limit_descriptors(1024);
		if (done == 0) {
			assert_true(rec_log_last(log) == 10);
			assert_true(check_from(log, &seq, 100) == 10);
			rec_log_close(log);
			break;
		}
		assert_null(log);
		/* The first is the folder: nothing is read before the lock is held. */
		assert_true(more > 0 ? e.text[0] : str_starts(e.text, "cannot open folder"));
	}
	assert_true(failed >= 3);
}

static void
a_new_log_without_descriptors_fails_and_says_why(void **state)
{
	rlim_t base = next_descriptor();
	struct rec_log *log;
	int done = -1;

	(void)state;
	for (rlim_t more = 0; done < 0; more++) {
		struct err e = { "" };

		limit_descriptors(base + more);
		done = rec_log_open(&log, log_folder, QUOTA, &e);
		limit_descriptors(1024);
		assert_true(done == 0 || e.text[0] != '\0');
	}
	append(log, 1, 3, 100);
	rec_log_close(log);
}

/* An error of reading or of making a new segment is an error, and not the end of what there is. */
static void
running_without_descriptors_loses_nothing(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	rlim_t base = next_descriptor();
	uint64_t seq = 1, last = 0;
	uint32_t count;
	struct buf b;

	(void)state;
	append(log, 1, 20, 100);
	buf_init(&b, 65536);
	limit_descriptors(base);
	assert_true(log_folder_read(log, &seq, 65536, &b, &count) < 0);
	assert_true(rec_log_advance(log, 0) < 0);
	last = 20;
	while (rec_log_append(log, content(last + 1, 4000), NULL) == 0)
		last++;
	assert_true(rec_log_last(log) == last && last < 200); /* the first segment is full */
	limit_descriptors(1024);
	buf_done(&b);
	assert_true(rec_log_bytes(log) < QUOTA / 2);
	rec_log_close(log);
	log = log_folder_open(QUOTA);
	assert_true(rec_log_last(log) == last);
	rec_log_close(log);
}

static void
damage_in_the_open_segment_needs_a_new_one(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	uint32_t count;
	char path[128];
	struct buf b;
	rlim_t base;

	(void)state;
	append(log, 1, 20, 100);
	log_folder_segment(path, sizeof(path), 1);
	flip_byte(path, 16 + 8);
	buf_init(&b, 65536);
	base = next_descriptor();
	limit_descriptors(base + 1); /* for the reader */
	assert_true(log_folder_read(log, &seq, 65536, &b, &count) < 0);
	limit_descriptors(1024);
	assert_int_equal(log_folder_read(log, &seq, 65536, &b, &count), 0);
	assert_true(rec_log_last(log) == REC_LOG_EPOCH);
	buf_done(&b);
	rec_log_close(log);
}

static void
a_reading_ends_before_it_passes_its_limit(void **state)
{
	static const uint8_t bytes[50];
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	struct batch_out small;
	uint32_t count;
	struct buf b;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(rec_log_append(log, (struct span){ bytes, 50 }, NULL), 0);
	buf_init(&b, 65536);
	assert_int_equal(log_folder_read(log, &seq, 3 * 54, &b, &count), 0);
	assert_int_equal(count, 3);
	buf_reset(&b);
	assert_int_equal(log_folder_read(log, &seq, 3 * 54 - 1, &b, &count), 0);
	assert_int_equal(count, 2);
	buf_reset(&b);
	assert_int_equal(log_folder_read(log, &seq, 1, &b, &count), 0); /* one at least */
	assert_int_equal(count, 1);
	buf_done(&b);
	/* A batch that is too small is an error, not the end. */
	batch_out_init(&small, 20);
	seq = 1;
	assert_true(rec_log_read(log, &seq, 65536, &small) < 0);
	batch_out_done(&small);
	rec_log_close(log);
}

/* Descriptors of files of the log that are deleted: their room is not free yet. */
static int
deleted_but_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		char target[PATH_MAX];
		ssize_t len = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		n += str_starts(target, log_folder) && strstr(target, "(deleted)");
	}
	closedir(d);
	return n;
}

static void
committing_twice_leaves_the_newest_segment(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t seq = 1;
	uint32_t count;
	struct buf b;
	char path[128];

	(void)state;
	append(log, 1, 350, 4000);
	log_folder_segment(path, sizeof(path), 1);
	buf_init(&b, 65536);
	assert_int_equal(log_folder_read(log, &seq, 100, &b, &count), 0); /* opens the oldest */
	buf_done(&b);
	while (access(path, F_OK) == 0) /* as soon as the oldest goes, and no other */
		rec_log_commit(log, rec_log_committed(log) + 1);
	assert_int_equal(deleted_but_open(), 0);
	rec_log_commit(log, 200);
	rec_log_commit(log, 200);
	rec_log_commit(log, 100); /* which is past */
	assert_true(rec_log_committed(log) == 200);
	seq = 201;
	assert_true(check_from(log, &seq, 4000) == 150);
	rec_log_commit(log, 349);
	seq = 350;
	assert_true(check_from(log, &seq, 4000) == 1);
	rec_log_commit(log, 1000);
	assert_true(rec_log_committed(log) == 350);
	append(log, 351, 360, 4000);
	seq = 351;
	assert_true(check_from(log, &seq, 4000) == 10);
	rec_log_close(log);
}

#define T(name) cmocka_unit_test_setup_teardown(name, log_folder_make, log_folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_back_in_order),
		T(a_log_goes_on_after_reopening_with_the_same_id),
		T(only_one_process_has_the_log),
		T(committing_makes_room_and_a_full_log_refuses),
		T(what_was_deleted_is_skipped_and_shown),
		T(a_killed_process_loses_nothing),
		T(a_torn_tail_is_cut),
		T(after_a_power_failure_numbers_jump),
		T(damage_costs_the_rest_of_its_segment_only),
		T(damage_in_the_open_segment_starts_an_epoch),
		T(empty_and_huge_records_are_refused),
		T(the_unfinished_end_leaves_the_disk),
		T(what_only_looks_like_a_segment_is_left_alone),
		T(a_segment_without_its_header_was_never_used),
		T(an_id_is_whole_or_the_log_is_not_opened),
		T(opening_without_descriptors_fails_and_says_why),
		T(a_new_log_without_descriptors_fails_and_says_why),
		T(running_without_descriptors_loses_nothing),
		T(damage_in_the_open_segment_needs_a_new_one),
		T(a_reading_ends_before_it_passes_its_limit),
		T(committing_twice_leaves_the_newest_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
