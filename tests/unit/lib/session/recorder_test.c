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
begin_limited(enum recorder_what what, uint64_t limit)
{
	const struct recorder_config config = { .session = "the-session",
		.what = what,
		.limit = limit,
		.sink = take,
		.arg = &spool };
	struct recorder r;

	recorder_begin(&r, &config);
	return r;
}

static struct recorder
begin(enum recorder_what what)
{
	return begin_limited(what, 0);
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

/* However it comes, and whatever it is: only a role can shorten it. */
static void
a_commands_output_is_recorded_whole(void **state)
{
	struct recorder r = begin(RECORDER_COMMAND);
	static uint8_t data[3000000];
	struct buf out;

	(void)state;
	memcpy(data + sizeof(data) - 4, "last", 4);
	for (size_t at = 0; at < sizeof(data); at += 60000)
		assert_int_equal(recorder_output(&r, FRAME_OUT, data + at, 60000), 0);
	assert_int_equal(recorder_end(&r, 0, ""), 0);
	collect(FRAME_OUT, &out);
	assert_int_equal(out.len, sizeof(data));
	assert_memory_equal(buf_head(&out), data, sizeof(data));
	buf_done(&out);
	assert_int_equal(collect(FRAME_GAP, &out), 0);
	buf_done(&out);
	recorder_done(&r);
}

/* first bytes, gap with the hash, last bytes, in pieces of `step`. */
static void
check_limit(size_t n, uint64_t limit, size_t step, size_t want_first, size_t want_last)
{
	struct recorder r = begin_limited(RECORDER_COMMAND, limit);
	uint8_t *data = malloc(n), digest[SHA256_BYTES];
	struct buf out;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(recorder_output(&r, FRAME_OUT, data + at,
				     n - at < step ? n - at : step),
		    0);
	/* A limit of its own. */
	assert_int_equal(recorder_output(&r, FRAME_ERR, "whole", limit < 5 ? 1 : 5), 0);
	assert_int_equal(recorder_end(&r, 255, "KILL"), 0);
	collect(FRAME_OUT, &out);
	assert_int_equal(out.len, want_first + want_last);
	assert_memory_equal(buf_head(&out), data, want_first);
	assert_memory_equal(buf_head(&out) + want_first, data + n - want_last, want_last);
	buf_done(&out);
	assert_int_equal(collect(FRAME_ERR, &out) > 0, true);
	assert_memory_equal(buf_head(&out), "whole", limit < 5 ? 1 : 5);
	buf_done(&out);
	size_t gap = n - want_first - want_last;
	assert_int_equal(collect(FRAME_GAP, &out), gap ? 1 : 0);
	if (gap) {
		assert_int_equal(out.len, 8 + 1 + SHA256_BYTES);
		assert_int_equal(buf_head(&out)[6] << 8 | buf_head(&out)[7], gap & 0xffff);
		assert_int_equal(buf_head(&out)[8], FRAME_OUT);
		sha256_of((struct span){ data + want_first, gap }, digest);
		assert_memory_equal(buf_head(&out) + 9, digest, SHA256_BYTES);
	}
	buf_done(&out);
	collect(FRAME_EXIT, &out);
	assert_memory_equal(buf_head(&out), "\0\0\0\xffKILL", 8);
	buf_done(&out);
	recorder_done(&r);
	free(data);
	buf_reset(&spool);
}

static void
a_limit_leaves_out_the_middle_and_says_its_length_and_hash(void **state)
{
	static const size_t steps[] = { 1, 7, 300, 501, 1499, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		check_limit(1500, 1000, steps[i], 500, 500);
		check_limit(1000, 1000, steps[i], 500, 500);
		check_limit(1001, 1000, steps[i], 500, 500);
		check_limit(999, 1000, steps[i], 500, 499);
		check_limit(10, 1000, steps[i], 10, 0);
		check_limit(100, 1, steps[i], 1, 0);
		check_limit(5000, 3, steps[i], 2, 1);
	}
	/* The end is kept in memory: no more than 64 KiB of it. */
	check_limit(900000, 400000, 65536, 400000 - 65536, 65536);
}

static void
a_limit_is_not_for_terminals(void **state)
{
	struct recorder r = begin_limited(RECORDER_TERMINAL, 10);
	struct buf out;

	(void)state;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "more than ten bytes", 19), 0);
	collect(FRAME_OUT, &out);
	assert_int_equal(out.len, 19);
	buf_done(&out);
	assert_int_equal(recorder_input(&r, (const uint8_t *)"typed", 5), 0);
	assert_int_equal(collect(FRAME_IN, &out), 0);
	buf_done(&out);
}

static void
bodies_of_parsed_transfers_are_not_recorded(void **state)
{
	struct recorder r = begin(RECORDER_TRANSFER);
	struct buf out;

	(void)state;
	assert_int_equal(recorder_output(&r, FRAME_OUT, "secret file", 11), 0);
	assert_int_equal(recorder_output(&r, FRAME_ERR, "no such file", 12), 0);
	assert_int_equal(recorder_input(&r, (const uint8_t *)"secret file", 11), 0);
	assert_int_equal(collect(FRAME_IN, &out), 0);
	buf_done(&out);
	assert_int_equal(recorder_end(&r, 0, ""), 0);
	assert_int_equal(collect(FRAME_OUT, &out), 0);
	buf_done(&out);
	assert_int_equal(collect(FRAME_ERR, &out), 1);
	assert_true(span_is(buf_span(&out), "no such file"));
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
		T(a_commands_output_is_recorded_whole),
		T(a_limit_leaves_out_the_middle_and_says_its_length_and_hash),
		T(a_limit_is_not_for_terminals),
		T(bodies_of_parsed_transfers_are_not_recorded),
		T(output_that_was_not_written_is_not_counted_as_recorded),
		T(a_marker_stands_between_what_was_shown),
		T(a_full_spool_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
