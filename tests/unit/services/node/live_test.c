/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that died with the worker that served them, or ended while nothing could be written: each
 * gets its session.end, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/audit_log_priv.h"
#include "base/file.h"
#include "base/str.h"
#include "node/live.h"
#include "rec/chunk.h"
#include "serve_world.h"

#define SESSION "0189abcd-0000-4000-8000-000000000001"
#define OTHER   "0189abcd-0000-4000-8000-000000000009"

static const struct session_info info = { .uuid = SESSION,
	.connection = "0189abcd-0000-4000-8000-000000000002",
	.user = "alice",
	.login = "root",
	.remote_addr = "192.0.2.7",
	.kind = SESSION_EXEC,
	.command = "make world",
	.started_us = 1234567 };

/* Another worker starts over the same folder. */
static void
start_again(void)
{
	struct err e = { "" };

	live_close(world->node.live);
	if (live_open(&world->node.live, &world->node, &e))
		fail_msg("%s", e.text);
}

static void
put_file(const char *name, const char *text)
{
	struct err e = { "" };
	char path[160];

	str_format(path, sizeof(path), "%s/live/%s", world->dir, name);
	if (file_write(path, 0600, text, strlen(text), &e))
		fail_msg("%s", e.text);
}

static void
a_session_that_died_with_its_worker_gets_its_end(void **state)
{
	(void)state;
	assert_int_equal(live_put(&world->node, &info), 0);
	assert_int_equal(world_live_files(), 1);
	start_again();
	assert_int_equal(world_live_files(), 0);
	assert_int_equal(world_events("session.end"), 1);
	assert_string_equal(world_field("session.end", "session"), SESSION);
	assert_string_equal(world_field("session.end", "connection"), info.connection);
	assert_string_equal(world_field("session.end", "user"), "alice");
	assert_string_equal(world_field("session.end", "login"), "root");
	assert_string_equal(world_field("session.end", "remote_addr"), "192.0.2.7");
	assert_string_equal(world_field("session.end", "kind"), "exec");
	assert_string_equal(world_field("session.end", "command"), "make world");
	assert_string_equal(world_field("session.end", "exit_status"), "255");
	assert_string_equal(world_field("session.end", "started_us"), "1234567");
	assert_non_null(strstr(world_field("session.end", "message"), "worker ended"));
	/* Nobody saw how the command ended, or how much it wrote. */
	assert_int_equal(world_events("exec"), 0);
	assert_string_equal(world_field("session.end", "rx"), "");
	start_again();
	assert_int_equal(world_events("session.end"), 1);
}

static void
a_torn_file_still_names_its_session(void **state)
{
	(void)state;
	put_file(SESSION, "torn");
	start_again();
	assert_int_equal(world_live_files(), 0);
	assert_int_equal(world_events("session.end"), 1);
	assert_string_equal(world_field("session.end", "session"), SESSION);
	assert_string_equal(world_field("session.end", "user"), "");
}

static void
a_file_of_another_name_is_left_alone(void **state)
{
	(void)state;
	put_file("README", "not a session");
	put_file("0189ABCD-0000-4000-8000-000000000001", "neither");
	start_again();
	assert_int_equal(world_live_files(), 2);
	assert_int_equal(world_events("session.end"), 0);
}

/* The log is full, then auditd takes what is in it. */
static void
an_end_that_could_not_be_written_is_written_when_there_is_room(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	world_fill_log();
	fake_monitor_exited(0, false);
	UNTIL(c->closed);
	assert_int_equal(world_events("session.end"), 0);
	assert_int_equal(world_live_files(), 1);
	audit_log_committed(world->node.audit, rec_log_last(world->node.audit->rec));
	UNTIL(world_live_files() == 0);
	assert_int_equal(world_events("session.end"), 1);
	assert_non_null(strstr(world_field("session.end", "message"), "spool"));
}

/* --- what had gathered --------------------------------------------------------------------------- */

/* The chunk of a session that ran in the worker before: frames of one type, about to become the record `closing`. */
static void
put_chunk(const char *session, uint8_t type, uint64_t closing)
{
	struct rec_chunk *c;
	struct err e = { "" };
	struct buf b;
	char path[160];

	put_file(session, "torn");
	str_format(path, sizeof(path), "%s/live/%s.chunk", world->dir, session);
	if (rec_chunk_open(&c, path, &e))
		fail_msg("%s", e.text);
	buf_init(&b, 1024);
	frame_put(&b, type, 0, span_str("0000"));
	assert_true(rec_chunk_add(c, buf_span(&b)));
	rec_chunk_closing(c, closing);
	if (type == FRAME_EXIT)
		rec_chunk_closed(c, buf_span(&b));
	buf_done(&b);
	rec_chunk_free(c);
}

/* The log has grown beyond the number by what was written for others. */
static void
a_chunk_that_became_no_record_is_not_taken_for_one(void **state)
{
	uint64_t last = audit_log_last(world->node.audit);

	(void)state;
	put_chunk(SESSION, FRAME_OUT, 0);
	start_again();
	assert_int_equal(world_frames(FRAME_OUT), 1);
	assert_true(audit_log_last(world->node.audit) > last);
	put_chunk(OTHER, FRAME_OUT, last + 1);
	start_again();
	assert_int_equal(world_frames(FRAME_OUT), 2);
	assert_int_equal(world_frames(FRAME_EXIT), 2);
	assert_int_equal(world_events("session.end"), 2);
}

static void
a_chunk_that_became_a_record_is_not_recorded_twice(void **state)
{
	(void)state;
	put_chunk(SESSION, FRAME_OUT, 0);
	start_again();
	assert_int_equal(world_frames(FRAME_OUT), 1);
	world_reopen_log();
	assert_true(audit_log_found(world->node.audit) > 0);
	put_chunk(OTHER, FRAME_OUT, audit_log_found(world->node.audit));
	start_again();
	assert_int_equal(world_frames(FRAME_OUT), 1);
	assert_int_equal(world_frames(FRAME_EXIT), 2);
	assert_int_equal(world_events("session.end"), 2);
}

static void
an_exit_that_is_recorded_is_not_recorded_again(void **state)
{
	(void)state;
	put_chunk(SESSION, FRAME_EXIT, 0);
	start_again();
	assert_int_equal(world_frames(FRAME_EXIT),
	    0); /* it is in a record that this log never had */
	assert_int_equal(world_events("session.end"), 1);
	assert_int_equal(world_live_files(), 0);
}

static void
a_running_session_is_not_buried(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	start_again();
	assert_int_equal(world_live_files(), 1);
	assert_int_equal(world_events("session.end"), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_session_that_died_with_its_worker_gets_its_end),
		T(a_torn_file_still_names_its_session),
		T(a_file_of_another_name_is_left_alone),
		T(an_end_that_could_not_be_written_is_written_when_there_is_room),
		T(a_chunk_that_became_no_record_is_not_taken_for_one),
		T(a_chunk_that_became_a_record_is_not_recorded_twice),
		T(an_exit_that_is_recorded_is_not_recorded_again),
		T(a_running_session_is_not_buried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
