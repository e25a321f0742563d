/* SPDX-License-Identifier: Apache-2.0 */
/* The records of producers: parsed, as JSON, and what frames say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/event.h"
#include "audit/record.h"
#include "audit_world.h"
#include "rec/frame.h"

static void
what_is_no_record_is_bad_and_harmless(void **state)
{
	static const uint8_t junk[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f };
	static const uint8_t nul_in_type[] = { 0x0a, 0x05, 0x12, 0x03, 'a', 0, 'b' };
	struct record r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	record_open(&r, (struct span){ junk, sizeof(junk) });
	assert_int_equal(r.kind, RECORD_BAD);
	record_close(&r);
	record_open(&r, (struct span){ nul_in_type, sizeof(nul_in_type) });
	assert_int_equal(r.kind, RECORD_BAD);
	assert_string_equal(r.type, ""); /* texts are there all the same */
	record_close(&r);
	record_open(&r, (struct span){ NULL, 0 });
	assert_int_equal(r.kind, RECORD_BAD);
	assert_non_null(r.bad);
	record_close(&r);
	record_open(&r, pack_frames(&b, SESSION, span_str("\x01")));
	assert_int_equal(r.kind, RECORD_BAD);
	record_close(&r);
	record_open(&r, pack_frames(&b, "not a uuid", span_str("")));
	assert_int_equal(r.kind, RECORD_FRAMES);
	assert_true(r.session.given);
	assert_false(r.session.set);
	record_close(&r);
	buf_done(&b);
}

static void
json_is_escaped_and_says_what_is_known_better(void **state)
{
	static const char *const fields[] = { "exit_status", "3", NULL };
	const struct policy_label label = { "env", "prod" };
	const struct policy_labels labels = { &label, 1 };
	const struct record_view view = { NODE, "node-1", &labels, "signature" };
	struct record r;
	struct buf b, json;

	(void)state;
	buf_init(&b, 65536);
	buf_init(&json, 65536);
	record_open(&r,
	    pack_event(&b,
		&(struct event_spec){ .type = "exec",
		    .code = "X",
		    .user = "ali\"ce\\",
		    .message = "tab\there",
		    .node_name = "invented",
		    .label = "invented",
		    .session = "aaaaaaaa-BBBB-4ccc-8ddd-eeeeeeeeeeee",
		    .time_us = INT64_C(1795339000123456),
		    .raw = "user",
		    .fields = fields }));
	assert_string_equal(r.session.text, SESSION);
	assert_string_equal(record_field(&r, "exit_status"), "3");
	assert_string_equal(record_field(&r, "no such field"), "");
	record_json(&r, &view, &json);
	buf_put(&json, "", 1);
	assert_string_equal((const char *)buf_head(&json),
	    "{\"id\":\"1\",\"type\":\"exec\",\"code\":\"X\",\"time\":\"2026-11-22T09:16:40.123456Z\",\"ok\":true,"
	    "\"user\":\"ali\\\"ce\\\\\",\"backed\":\"signature\",\"node\":\"" NODE
	    "\",\"node_name\":\"node-1\",\"session\":\"aaaaaaaa-BBBB-4ccc-8ddd-eeeeeeeeeeee\","
	    "\"message\":\"tab\\u0009here\",\"fields\":{\"exit_status\":\"3\"},\"labels\":{\"env\":\"prod\"},"
	    "\"raw\":{\"user\":\"ff\"}}");
	record_close(&r);
	buf_done(&b);
	buf_done(&json);
}

static void
a_refusal_is_an_event_without_anything_that_steers_a_terminal(void **state)
{
	const struct record_refusal refusal = {
		.reason = "a code that events of this type do not have",
		.kind = "node",
		.name = NODE,
		.type = "user.\x1b[2J",
		.user = "alice",
		.session = "",
		.more = 3,
		.time_us = NOW_US
	};
	struct record r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(record_pack_refusal(&refusal, &b), 0);
	record_open(&r, buf_span(&b));
	assert_int_equal(r.kind, RECORD_EVENT);
	assert_string_equal(r.type, event_type(EVENT_AUDIT_REFUSE)->name);
	assert_false(r.ok);
	assert_string_equal(r.user, "");
	assert_string_equal(record_field(&r, "claimed_type"), "user.?[2J");
	assert_string_equal(record_field(&r, "claimed_user"), "alice");
	assert_string_equal(record_field(&r, "producer"), NODE);
	assert_string_equal(record_field(&r, "more"), "3");
	for (size_t i = 0; i < r.n_fields; i++)
		assert_true(
		    event_type_has(event_type(EVENT_AUDIT_REFUSE), record_field_key(&r, i)));
	record_close(&r);
	buf_done(&b);
}

static void
frames_are_summed_up(void **state)
{
	struct record_frames f;
	struct shown shown;
	struct buf b, text;

	(void)state;
	shown_init(&shown);
	buf_init(&b, 65536);
	buf_init(&text, 65536);
	frame_put(&b, FRAME_RESIZE, 0, (struct span){ (const uint8_t *)"\0\120\0\30", 4 });
	frame_put(&b, FRAME_OUT, 100, span_str("\x1b[1mhello"));
	frame_put(&b, FRAME_RESIZE, 5, (struct span){ (const uint8_t *)"\0\1\0\1", 4 });
	frame_put(&b, FRAME_EXIT, 7, (struct span){ (const uint8_t *)"\0\0\0\11KILL", 8 });
	assert_int_equal(record_read_frames(buf_span(&b), &f, &shown, &text), 0);
	shown_end(&shown, &text);
	assert_int_equal(f.frames, 4);
	assert_int_equal(f.span_us, 112);
	assert_int_equal(f.bytes, 9);
	assert_int_equal(f.cols, 80);
	assert_int_equal(f.rows, 24);
	assert_true(f.has_exit);
	assert_int_equal(f.exit_status, 9);
	assert_string_equal(f.exit_signal, "KILL");
	assert_true(span_is(buf_span(&text), "hello"));
	buf_done(&b);
	buf_done(&text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_record_is_bad_and_harmless),
		cmocka_unit_test(json_is_escaped_and_says_what_is_known_better),
		cmocka_unit_test(a_refusal_is_an_event_without_anything_that_steers_a_terminal),
		cmocka_unit_test(frames_are_summed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
