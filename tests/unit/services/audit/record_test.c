/* SPDX-License-Identifier: Apache-2.0 */
/* What auditd makes of the records of producers: judged, as JSON, as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/batch.h"
#include "audit/record.h"
#include "base/mem.h"
#include "proto/audit.pb-c.h"
#include "rec/frame.h"

#define NODE    "11111111-2222-4333-8444-555555555555"
#define OTHER   "99999999-2222-4333-8444-555555555555"
#define SESSION "aaaaaaaa-BBBB-4ccc-8ddd-eeeeeeeeeeee"

static struct span
pack(const Audit__Record *m, struct buf *b)
{
	size_t n = protobuf_c_message_get_packed_size(&m->base);
	uint8_t *p = buf_reserve(b, n);

	assert_non_null(p);
	protobuf_c_message_pack(&m->base, p);
	buf_commit(b, n);
	return buf_span(b);
}

static struct span
event(struct buf *b, const char *type, const char *node, const char *session)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Event e = AUDIT__EVENT__INIT;
	Common__Label f = COMMON__LABEL__INIT, *fields[] = { &f };

	f.key = "exit_status";
	f.value = "3";
	e.id = "1";
	e.type = type;
	e.code = "X";
	e.ok = true;
	e.user = "ali\"ce\\";
	e.message = "tab\there";
	e.node = node;
	e.session = session;
	e.time_us = INT64_C(1795339000123456);
	e.fields = fields;
	e.n_fields = 1;
	m.what_case = AUDIT__RECORD__WHAT_EVENT;
	m.event = &e;
	return pack(&m, b);
}

static struct span
frames(struct buf *b, const char *session, struct span data)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Frames f = AUDIT__FRAMES__INIT;

	f.session = session;
	f.data = (ProtobufCBinaryData){ data.n, (uint8_t *)(uintptr_t)data.p };
	m.what_case = AUDIT__RECORD__WHAT_FRAMES;
	m.frames = &f;
	return pack(&m, b);
}

static void
a_node_speaks_about_itself_only(void **state)
{
	struct record r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	record_open(&r, event(&b, "exec", "", ""), RPC_NODE, NODE);
	assert_null(r.bad);
	assert_string_equal(r.node, NODE);
	record_close(&r);
	buf_reset(&b);
	record_open(&r, event(&b, "exec", NODE, ""), RPC_NODE, NODE);
	assert_null(r.bad);
	record_close(&r);
	buf_reset(&b);
	record_open(&r, event(&b, "exec", OTHER, ""), RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	buf_reset(&b);
	/* A proxy speaks about every node. */
	record_open(&r, event(&b, "tunnel.open", OTHER, ""), RPC_PROXY, NODE);
	assert_null(r.bad);
	assert_string_equal(r.node, OTHER);
	record_close(&r);
	buf_done(&b);
}

static void
what_is_no_record_is_bad_and_harmless(void **state)
{
	static const uint8_t junk[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f };
	static const uint8_t nul_in_type[] = { 0x0a, 0x05, 0x12, 0x03, 'a', 0, 'b' };
	struct record r;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	record_open(&r, (struct span){ junk, sizeof(junk) }, RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	record_open(&r, (struct span){ nul_in_type, sizeof(nul_in_type) }, RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	record_open(&r, (struct span){ NULL, 0 }, RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	record_open(&r, event(&b, "", "", ""), RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	buf_reset(&b);
	record_open(&r, frames(&b, "not a uuid", span_str("")), RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	buf_reset(&b);
	record_open(&r, frames(&b, SESSION, span_str("\x01")), RPC_NODE, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	buf_reset(&b);
	record_open(&r, frames(&b, SESSION, span_str("")), RPC_AUTH, NODE);
	assert_non_null(r.bad);
	record_close(&r);
	buf_done(&b);
}

static void
json_is_escaped(void **state)
{
	struct record r;
	struct buf b, json;

	(void)state;
	buf_init(&b, 65536);
	buf_init(&json, 65536);
	record_open(&r, event(&b, "exec", "", SESSION), RPC_NODE, NODE);
	assert_true(r.has_session);
	assert_string_equal(r.session_text, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
	record_json(&r, &json);
	buf_put(&json, "", 1);
	assert_string_equal((const char *)buf_head(&json),
	    "{\"id\":\"1\",\"type\":\"exec\",\"code\":\"X\",\"time\":\"2026-11-22T09:16:40.123456Z\",\"ok\":true,"
	    "\"user\":\"ali\\\"ce\\\\\",\"node\":\"" NODE "\",\"session\":\"" SESSION
	    "\",\"message\":\"tab\\u0009here\","
	    "\"fields\":{\"exit_status\":\"3\"}}");
	record_close(&r);
	buf_done(&b);
	buf_done(&json);
}

static void
frames_are_summed_up(void **state)
{
	struct record_frames f;
	struct buf b, text;

	(void)state;
	buf_init(&b, 65536);
	buf_init(&text, 65536);
	frame_put(&b, FRAME_RESIZE, 0, (struct span){ (const uint8_t *)"\0\120\0\30", 4 });
	frame_put(&b, FRAME_OUT, 100, span_str("\x1b[1mhello"));
	frame_put(&b, FRAME_RESIZE, 5, (struct span){ (const uint8_t *)"\0\1\0\1", 4 });
	frame_put(&b, FRAME_EXIT, 7, (struct span){ (const uint8_t *)"\0\0\0\11KILL", 8 });
	assert_int_equal(record_read_frames(buf_span(&b), &f, &text), 0);
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

static void
add(struct batch *b, enum rpc_who who, int32_t source, uint64_t seq, struct span record)
{
	struct batch_item item = { .who = who,
		.name = NODE,
		.source = source,
		.seq = seq,
		.record = record };

	assert_int_equal(batch_add(b, &item), 0);
}

static bool
contains(const struct buf *b, const char *text)
{
	return memmem(buf_head(b), b->len, text, strlen(text)) != NULL;
}

static void
a_batch_counts_rows_and_knows_sessions(void **state)
{
	struct buf start, end, f1, f2, data;
	struct batch b;

	(void)state;
	buf_init(&start, 65536);
	buf_init(&end, 65536);
	buf_init(&f1, 65536);
	buf_init(&f2, 65536);
	buf_init(&data, 65536);
	frame_put(&data, FRAME_OUT, 1, span_str("shown on the screen"));
	assert_int_equal(batch_init(&b, INT64_C(1795339000000000), 41), 0);
	add(&b, RPC_NODE, 1, 10, event(&start, "session.start", "", SESSION));
	add(&b, RPC_NODE, 1, 11, frames(&f1, SESSION, buf_span(&data)));
	add(&b, RPC_NODE, 1, 12, frames(&f2, SESSION, buf_span(&data)));
	add(&b, RPC_NODE, 1, 13, event(&end, "session.end", "", SESSION));
	add(&b, RPC_NODE, 2, 5, buf_span(&f1)); /* another producer's frames for the same session */
	assert_int_equal(batch_finish(&b), 0);
	assert_int_equal(b.events, 2);
	assert_int_equal(b.idx, 43);
	assert_int_equal(b.chunks, 1); /* both frames of the session in one */
	assert_int_equal(b.dead, 1);
	assert_true(contains(&b.chunk_rows, "shown on the screenshown on the screen"));
	assert_true(
	    contains(&b.sessions, "\"sid\":\"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee\",\"source\":1"));
	assert_true(contains(&b.sessions, "\"exit_status\":3"));
	assert_true(contains(&b.sessions, "\"started\":\"2026-11-22T09:16:40.123456Z\""));
	assert_true(contains(&b.sessions, "\"bytes\":38"));
	batch_done(&b);
	buf_done(&start);
	buf_done(&end);
	buf_done(&f1);
	buf_done(&f2);
	buf_done(&data);
}

static void
gaps_and_dead_letters_are_rows_too(void **state)
{
	struct batch_item item = { .who = RPC_NODE,
		.name = NODE,
		.source = 1,
		.seq = 100,
		.lost = 9 };
	struct batch b;
	struct buf e;

	(void)state;
	buf_init(&e, 65536);
	item.record = event(&e, "exec", "", "");
	assert_int_equal(batch_init(&b, 0, 0), 0);
	assert_int_equal(batch_add(&b, &item), 0);
	item.seq = 101;
	item.lost = 0;
	item.dead = "the database said no";
	assert_int_equal(batch_add(&b, &item), 0);
	assert_int_equal(batch_finish(&b), 0);
	assert_int_equal(b.gaps, 1);
	assert_int_equal(b.events, 1);
	assert_int_equal(b.dead, 1);
	assert_true(contains(&b.dead_rows, "the database said no"));
	assert_int_equal(b.sessions.len, 0);
	batch_done(&b);
	buf_done(&e);
}

static void
many_frames_make_several_chunks(void **state)
{
	static uint8_t big[60000];
	struct buf data, f;
	struct batch b;

	(void)state;
	memset(big, 'x', sizeof(big));
	buf_init(&data, 1 << 20);
	buf_init(&f, 1 << 20);
	frame_put(&data, FRAME_OUT, 1, (struct span){ big, sizeof(big) });
	frame_put(&data, FRAME_OUT, 1, (struct span){ big, sizeof(big) });
	frames(&f, SESSION, buf_span(&data));
	assert_int_equal(batch_init(&b, 0, 0), 0);
	for (uint64_t seq = 1; seq <= 7; seq++)
		add(&b, RPC_NODE, 1, seq, buf_span(&f));
	assert_int_equal(batch_finish(&b), 0);
	assert_int_equal(b.chunks, 4);
	batch_done(&b);
	buf_done(&data);
	buf_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_speaks_about_itself_only),
		cmocka_unit_test(what_is_no_record_is_bad_and_harmless),
		cmocka_unit_test(json_is_escaped),
		cmocka_unit_test(frames_are_summed_up),
		cmocka_unit_test(a_batch_counts_rows_and_knows_sessions),
		cmocka_unit_test(gaps_and_dead_letters_are_rows_too),
		cmocka_unit_test(many_frames_make_several_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
