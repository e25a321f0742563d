/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record log when memory runs out: it is not opened with a segment missing, and nothing is lost that was taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_folder.h"
#include "no_memory.h"
#include "rec/log.h"

enum { QUOTA = 8 << 20, SEGMENTS = 40 };

/* Each in a segment of its own. */
static int
append_one(struct rec_log *log)
{
	static uint8_t bytes[100];
	uint64_t last = rec_log_last(log);

	if (rec_log_append(log, (struct span){ bytes, sizeof(bytes) }, NULL) < 0)
		return -1;
	return rec_log_advance(log, last);
}

/* When it cannot be read how the log was left, an epoch is skipped, which costs a segment's header. */
static int
opens(void *arg, struct err *e)
{
	struct rec_log *log = (struct rec_log *)log_folder;
	uint64_t *bytes = arg;
	int rc = rec_log_open(&log, log_folder, QUOTA, e);

	assert_true((rc == 0) == (log != NULL));
	if (log) {
		assert_true(rec_log_bytes(log) == *bytes || rec_log_bytes(log) == *bytes + 16);
		*bytes = rec_log_bytes(log);
	}
	rec_log_close(log);
	return rc;
}

static void
a_log_is_opened_with_all_its_segments_or_not(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	uint64_t bytes;

	(void)state;
	for (int i = 0; i < SEGMENTS; i++)
		assert_int_equal(append_one(log), 0);
	bytes = rec_log_bytes(log);
	rec_log_close(log);
	memory_runs_out_here(opens, &bytes);
}

static void
a_segment_without_room_in_the_list_is_not_begun(void **state)
{
	struct rec_log *log = log_folder_open(QUOTA);
	bool was_refused = false;

	(void)state;
	for (int i = 0; i < SEGMENTS; i++) {
		uint64_t last = rec_log_last(log), bytes = rec_log_bytes(log);
		bool refused;
		int rc;

		memory_fails(0, NO_MEMORY_ONCE);
		rc = rec_log_advance(log, last);
		refused = memory_returns();
		was_refused |= refused;
		assert_int_equal(rc, refused ? -1 : 0);
		if (!refused)
			continue;
		assert_true(rec_log_last(log) == last && rec_log_bytes(log) == bytes);
		assert_int_equal(rec_log_advance(log, last), 0);
	}
	assert_true(was_refused);
	rec_log_close(log);
}

#define T(name) cmocka_unit_test_setup_teardown(name, log_folder_make, log_folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_log_is_opened_with_all_its_segments_or_not),
		T(a_segment_without_room_in_the_list_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
