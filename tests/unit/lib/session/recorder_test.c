/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a session becomes frames. The sink is the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/recorder.h"

static struct buf spool;
static bool spool_is_full;

static int
take(const char *session, struct span frames, void *arg)
{
	assert_ptr_equal(arg, &spool);
	assert_string_equal(session, "the-session");
	assert_true(frames.n <= 128 * 1024);
	if (spool_is_full)
		return -1;
	assert_true(buf_put(&spool, frames.p, frames.n));
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	buf_init(&spool, 64 * 1024 * 1024);
	spool_is_full = false;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_done(&spool);
	return 0;
}

static struct recorder
begin(enum recorder_what what)
{
	const struct recorder_config config = { .session = "the-session",
		.what = what,
		.limit = 1000,
		.sink = take,
		.arg = &spool };
	struct recorder r;

	recorder_begin(&r, &config);
	return r;
}

/* All bytes of one kind of frame, joined; and how many frames there were. */
static unsigned
collect(uint8_t type, struct buf *ret)
{
	struct span in = buf_span(&spool);
	unsigned count = 0;
	struct frame f;

	buf_init(ret, 64 * 1024 * 1024);
	while (frame_next(&in, &f) > 0) {
		if (f.type != type)
			continue;
		buf_put(ret, f.data.p, f.data.n);
		count++;
	}
	assert_int_equal(in.n, 0);
	return count;
}

static void
a_terminal_is_recorded_whole(void **state)
{
	struct recorder r = begin(RECORDER_TERMINAL);
	static uint8_t data[300000];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	assert_int_equal(recorder_resize(&r, 300, 50), 0);
	assert_int_equal(recorder_output(&r, FRAME_OUT, data, sizeof(data)), 0);
	assert_int_equal(recorder_end(&r, 3, ""), 0);
	assert_true(collect(FRAME_OUT, &out) >= 5);
	assert_int_equal(out.len, sizeof(data));
	assert_memory_equal(buf_head(&out), data, sizeof(data));
	buf_done(&out);
	assert_int_equal(collect(FRAME_RESIZE, &out), 1);
	assert_memory_equal(buf_head(&out), "\x01\x2c\x00\x32", 4);
	buf_done(&out);
	assert_int_equal(collect(FRAME_EXIT, &out), 1);
	assert_int_equal(out.len, 4);
	assert_memory_equal(buf_head(&out), "\0\0\0\3", 4);
	buf_done(&out);
	assert_int_equal(collect(FRAME_GAP, &out), 0);
	buf_done(&out);
}

static void
a_commands_output_beyond_the_limit_is_counted_and_hashed(void **state)
{
	struct recorder r = begin(RECORDER_COMMAND);
	uint8_t data[1500], digest[SHA256_BYTES];
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(recorder_output(&r, FRAME_OUT, data, 700), 0);
	assert_int_equal(recorder_output(&r, FRAME_OUT, data + 700, 700), 0); /* crosses it */
	assert_int_equal(recorder_output(&r, FRAME_OUT, data + 1400, 100), 0);
	assert_int_equal(recorder_output(&r, FRAME_ERR, "whole", 5), 0); /* a limit of its own */
	assert_int_equal(recorder_end(&r, 255, "KILL"), 0);
	collect(FRAME_OUT, &out);
	assert_int_equal(out.len, 1000);
	assert_memory_equal(buf_head(&out), data, 1000);
	buf_done(&out);
	collect(FRAME_ERR, &out);
	assert_memory_equal(buf_head(&out), "whole", 5);
	buf_done(&out);
	assert_int_equal(collect(FRAME_GAP, &out), 1);
	assert_int_equal(out.len, 8 + 1 + SHA256_BYTES);
	assert_memory_equal(buf_head(&out), "\0\0\0\0\0\0\1\xf4\1", 9); /* 500 bytes of FRAME_OUT */
	sha256_of((struct span){ data + 1000, 500 }, digest);
	assert_memory_equal(buf_head(&out) + 9, digest, SHA256_BYTES);
	buf_done(&out);
	collect(FRAME_EXIT, &out);
	assert_int_equal(out.len, 8);
	assert_memory_equal(buf_head(&out), "\0\0\0\xffKILL", 8);
	buf_done(&out);
}

static void
bodies_of_subsystems_are_never_recorded(void **state)
{
	struct recorder r = begin(RECORDER_NO_BODIES);
	struct buf out;

	(void)state;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "secret file", 11), 0);
	assert_int_equal(recorder_output(&r, FRAME_ERR, "secret file", 11), 0);
	assert_int_equal(recorder_end(&r, 0, ""), 0);
	assert_int_equal(collect(FRAME_OUT, &out), 0);
	buf_done(&out);
	assert_int_equal(collect(FRAME_ERR, &out), 0);
	buf_done(&out);
	assert_int_equal(collect(FRAME_EXIT, &out), 1);
	buf_done(&out);
}

/* Every frame is a whole one in a call of its own: a sink that fails loses nothing that was said to
 * be written. */
static void
output_that_was_not_written_is_not_counted_as_recorded(void **state)
{
	struct recorder r = begin(RECORDER_COMMAND);
	struct buf out;

	(void)state;
	spool_is_full = true;
	assert_int_not_equal(recorder_output(&r, FRAME_OUT, "lost", 4), 0);
	spool_is_full = false;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "kept", 4), 0);
	assert_int_equal(r.streams[0].recorded, 4);
	collect(FRAME_OUT, &out);
	assert_int_equal(out.len, 4);
	assert_memory_equal(buf_head(&out), "kept", 4);
	buf_done(&out);
}

static void
a_marker_stands_between_what_was_shown(void **state)
{
	struct recorder r = begin(RECORDER_TERMINAL);
	struct span in;
	struct frame f;

	(void)state;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "a", 1), 0);
	assert_int_equal(recorder_marker(&r, "cut"), 0);
	assert_int_equal(recorder_output(&r, FRAME_OUT, "b", 1), 0);
	in = buf_span(&spool);
	assert_true(frame_next(&in, &f) > 0 && f.type == FRAME_OUT);
	assert_true(frame_next(&in, &f) > 0 && f.type == FRAME_MARKER && span_is(f.data, "cut"));
	assert_true(frame_next(&in, &f) > 0 && f.type == FRAME_OUT && span_is(f.data, "b"));
}

static void
a_full_spool_is_told_at_once(void **state)
{
	struct recorder r = begin(RECORDER_TERMINAL);

	(void)state;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "a", 1), 0);
	spool_is_full = true;
	assert_int_not_equal(recorder_output(&r, FRAME_OUT, "b", 1), 0);
	assert_int_not_equal(recorder_resize(&r, 1, 1), 0);
	assert_int_not_equal(recorder_end(&r, 0, ""), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_terminal_is_recorded_whole),
		T(a_commands_output_beyond_the_limit_is_counted_and_hashed),
		T(bodies_of_subsystems_are_never_recorded),
		T(output_that_was_not_written_is_not_counted_as_recorded),
		T(a_marker_stands_between_what_was_shown),
		T(a_full_spool_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
