/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that records become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/batch.h"
#include "audit_world.h"
#include "rec/frame.h"

enum { OURS = 1, THEIRS = 2 };

static struct proof_world world;

/* A transaction: records are added twice when facts have to be asked for, as group.c does it. */
struct tx {
	struct facts *known, *facts;
	struct batch_refusals refusals;
	struct batch batch;
	struct batch_item items[64];
	struct buf bytes[64];
	int n;
};

static void
tx_init(struct tx *t)
{
	*t = (struct tx){ .known = facts_new(NULL) };
	t->facts = facts_new(t->known);
	batch_init(&t->batch);
}

static void
tx_done(struct tx *t)
{
	batch_done(&t->batch);
	for (int i = 0; i < t->n; i++)
		buf_done(&t->bytes[i]);
	facts_free(t->facts);
	facts_free(t->known);
}

/* Where to pack the next record, of that source. */
static struct buf *
next(struct tx *t, enum rpc_who who, int32_t source)
{
	struct buf *b = &t->bytes[t->n];

	buf_init(b, 1 << 20);
	t->items[t->n] = (struct batch_item){
		.producer = { who, source == OURS ? NODE : OTHER, source },
		.seq = (uint64_t)t->n + 10,
		.refusals = &t->refusals,
	};
	t->n++;
	return b;
}

static void
tx_build(struct tx *t)
{
	const struct judge judge = { .facts = t->facts, .now_us = NOW_US };

	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(batch_begin(&t->batch, &judge, 41), 0);
		for (int i = 0; i < t->n; i++) {
			t->items[i].record = buf_span(&t->bytes[i]);
			assert_int_equal(batch_add(&t->batch, &t->items[i]), 0);
		}
		if (!facts_is_wanting(t->facts))
			break;
		assert_int_equal(pass, 0);
		assert_int_equal(facts_answered(t->facts), 0);
		batch_done(&t->batch);
	}
	assert_int_equal(batch_finish(&t->batch), 0);
}

static void
add_proof(struct tx *t, int32_t source)
{
	const struct proof_spec spec = { .user = "alice" };
	struct buf data, signature;

	proof_make(&world, &spec, &data, &signature);
	pack_proof(next(t, RPC_NODE, source), CONNECTION, buf_span(&data), buf_span(&signature),
	    NOW_US);
	buf_done(&data);
	buf_done(&signature);
}

static void
add_session_event(struct tx *t, const char *type, const char *code)
{
	static const char *const start[] = { "kind", "shell", "cols", "80", "rows", "24", NULL };
	static const char *const end[] = { "kind", "shell", "exit_status", "3", NULL };

	pack_event(next(t, RPC_NODE, OURS),
	    &(struct event_spec){ .type = type,
		.code = code,
		.user = "alice",
		.login = "root",
		.session = SESSION,
		.connection = CONNECTION,
		.node_name = "invented",
		.time_us = INT64_C(1795339000123456),
		.fields = strcmp(code, "T2000I") == 0 ? start : end });
}

static bool
contains(const struct buf *b, const char *text)
{
	return memmem(buf_head(b), b->len, text, strlen(text)) != NULL;
}

static void
a_batch_counts_rows_and_knows_sessions(void **state)
{
	struct buf data;
	struct tx t;

	(void)state;
	buf_init(&data, 65536);
	frame_put(&data, FRAME_OUT, 1, span_str("shown on the screen"));
	tx_init(&t);
	add_proof(&t, OURS);
	add_session_event(&t, "session.start", "T2000I");
	pack_frames(next(&t, RPC_NODE, OURS), SESSION, buf_span(&data));
	pack_frames(next(&t, RPC_NODE, OURS), SESSION, buf_span(&data));
	add_session_event(&t, "session.end", "T2004I");
	pack_frames(next(&t, RPC_NODE, THEIRS), SESSION, buf_span(&data)); /* another producer's */
	tx_build(&t);
	assert_int_equal(t.batch.proofs, 1);
	assert_int_equal(t.batch.events, 3); /* and one that says what was set aside */
	assert_int_equal(t.batch.idx, 44);
	assert_int_equal(t.batch.chunks, 1); /* both frames of the session in one */
	assert_int_equal(t.batch.dead, 1);
	assert_true(contains(&t.batch.chunk_rows, "shown on the screenshown on the screen"));
	assert_true(contains(&t.batch.sessions, "\"sid\":\"" SESSION "\",\"source\":1"));
	assert_true(contains(&t.batch.sessions, "\"exit_status\":3"));
	assert_true(contains(&t.batch.sessions, "\"started\":\"2026-11-22T09:16:40.123456Z\""));
	assert_true(contains(&t.batch.sessions, "\"bytes\":38"));
	assert_true(contains(&t.batch.sessions, "\"node_name\":\"node-1\""));
	assert_true(contains(&t.batch.sessions, "\"backed\":\"signature\""));
	assert_true(contains(&t.batch.event_rows, "audit.refuse"));
	assert_true(
	    contains(&t.batch.event_rows, "{\"env\":\"prod\"}")); /* labels of the registry */
	tx_done(&t);
	buf_done(&data);
}

static void
what_the_judge_wants_to_know_is_asked_before_any_row_is_made(void **state)
{
	const struct judge *j;
	struct tx t;

	(void)state;
	tx_init(&t);
	add_proof(&t, OURS);
	add_session_event(&t, "session.start", "T2000I");
	assert_int_equal(batch_begin(&t.batch,
			     &(struct judge){ .facts = t.facts, .now_us = NOW_US }, 0),
	    0);
	j = &t.batch.judge;
	for (int i = 0; i < t.n; i++) {
		t.items[i].record = buf_span(&t.bytes[i]);
		assert_int_equal(batch_add(&t.batch, &t.items[i]), 0);
	}
	assert_true(facts_is_wanting(j->facts));
	assert_int_equal(t.batch.proofs + t.batch.events + t.batch.dead, 0);
	assert_string_equal(facts_wanted(t.facts, FACT_CONNECTION), "{" CONNECTION "}");
	assert_string_equal(facts_wanted(t.facts, FACT_SESSION), "{" SESSION "}");
	assert_int_equal(strlen(facts_wanted(t.facts, FACT_SIGNED)), 66);
	tx_done(&t);
}

static void
gaps_and_dead_letters_are_rows_too(void **state)
{
	struct tx t;

	(void)state;
	tx_init(&t);
	pack_event(next(&t, RPC_PROXY, OURS),
	    &(struct event_spec){ .type = "tunnel.open", .code = "TT001I" });
	t.items[0].lost = 9;
	for (int i = 1; i < 3; i++) {
		pack_event(next(&t, RPC_PROXY, OURS),
		    &(struct event_spec){ .type = "tunnel.open", .code = "TT001I" });
		t.items[i].dead = "the database said no";
	}
	t.items[2].quiet = true; /* not even an event about it */
	tx_build(&t);
	assert_int_equal(t.batch.gaps, 1);
	assert_int_equal(t.batch.events, 2);
	assert_int_equal(t.batch.dead, 2);
	assert_true(contains(&t.batch.dead_rows, "the database said no"));
	assert_int_equal(t.batch.sessions.len, 0);
	tx_done(&t);
}

static void
refusals_are_said_at_most_twenty_times_a_minute(void **state)
{
	struct tx t;

	(void)state;
	tx_init(&t);
	for (int i = 0; i < 60; i++)
		pack_event(next(&t, RPC_NODE, OURS), &(struct event_spec){ .type = "no.such" });
	tx_build(&t);
	assert_int_equal(t.batch.dead, 60);
	assert_int_equal(t.batch.events, BATCH_REFUSALS_MAX);
	/* The first one of the next minute says how many there were. */
	t.refusals.minute_us -= INT64_C(60000000);
	batch_done(&t.batch);
	t.n = 1;
	tx_build(&t);
	assert_int_equal(t.batch.events, 1);
	assert_true(contains(&t.batch.event_rows, "\"more\": \"40\"") ||
	    contains(&t.batch.event_rows, "\"more\":\"40\""));
	for (int i = 1; i < 60; i++)
		buf_done(&t.bytes[i]);
	tx_done(&t);
}

static void
many_frames_make_several_chunks(void **state)
{
	static uint8_t big[60000];
	struct buf data;
	struct tx t;

	(void)state;
	memset(big, 'x', sizeof(big));
	buf_init(&data, 1 << 20);
	frame_put(&data, FRAME_OUT, 1, (struct span){ big, sizeof(big) });
	frame_put(&data, FRAME_OUT, 1, (struct span){ big, sizeof(big) });
	tx_init(&t);
	add_proof(&t, OURS);
	add_session_event(&t, "session.start", "T2000I");
	/* Eight of them are just below a megabyte. */
	for (int i = 0; i < 17; i++)
		pack_frames(next(&t, RPC_NODE, OURS), SESSION, buf_span(&data));
	tx_build(&t);
	assert_int_equal(t.batch.chunks, 3);
	tx_done(&t);
	buf_done(&data);
}

/* Of one frame with that text. */
static void
build_one(struct tx *t, struct span text)
{
	struct buf data;

	buf_init(&data, 1 << 20);
	frame_put(&data, FRAME_OUT, 1, text);
	tx_init(t);
	add_proof(t, OURS);
	add_session_event(t, "session.start", "T2000I");
	pack_frames(next(t, RPC_NODE, OURS), SESSION, buf_span(&data));
	add_session_event(t, "session.end", "T2004I");
	tx_build(t);
	assert_int_equal(t->batch.chunks, 1);
	buf_done(&data);
}

static void
build_text(struct tx *t, int lines)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < lines; i++)
		buf_printf(&text, "this is the line with number-%d\n", i);
	build_one(t, buf_span(&text));
	buf_done(&text);
}

/* Wherever its few lines end; and of characters that are not cut. */
static void
of_much_without_lines_both_ends_are_kept(void **state)
{
	static uint8_t text[60000];
	static const size_t ends[] = { 0, 5, 2047, 2048, 2049, 30000, 55903, 55904, 57951, 57952,
		57953, 59999 };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct tx t;

		for (size_t k = 0; k < sizeof(text); k += 3)
			memcpy(text + k, "\xe2\x82\xac", 3);
		memcpy(text + ends[i] / 3 * 3, "a\nb", 3);
		build_one(&t, (struct span){ text, sizeof(text) });
		assert_true(t.batch.chunk_rows.len < 12000);
		assert_true(contains(&t.batch.chunk_rows, "\xe2\x82\xac\n[") ||
		    contains(&t.batch.chunk_rows, "a\n\n["));
		tx_done(&t);
	}
}

static void
what_somebody_can_read_is_kept_as_text(void **state)
{
	struct tx t;

	(void)state;
	build_text(&t, 900);
	for (int i = 0; i < 900; i++) {
		char line[64];

		snprintf(line, sizeof(line), "this is the line with number-%d\n", i);
		assert_true(contains(&t.batch.chunk_rows, line));
	}
	tx_done(&t);
}

static void
of_much_at_once_both_ends_are_kept_in_whole_lines_and_what_is_not_there_is_said(void **state)
{
	struct tx t;

	(void)state;
	build_text(&t, 1500);
	assert_true(contains(&t.batch.chunk_rows, "this is the line with number-0\nthis"));
	assert_true(contains(&t.batch.chunk_rows, "with number-1499\n"));
	assert_true(contains(&t.batch.chunk_rows, "\n\n["));
	assert_true(contains(&t.batch.chunk_rows,
	    " bytes more: session_find() finds their words, `tsh play` shows them]\nthis is the line with number-14"));
	assert_false(contains(&t.batch.chunk_rows, "this is the line with number-750\n"));
	assert_true(t.batch.chunk_rows.len < 15000);
	tx_done(&t);
}

static int
set_up(void **state)
{
	(void)state;
	proof_world_init(&world);
	world_bundle = &world.bundle;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	proof_world_done(&world);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_counts_rows_and_knows_sessions),
		cmocka_unit_test(what_the_judge_wants_to_know_is_asked_before_any_row_is_made),
		cmocka_unit_test(gaps_and_dead_letters_are_rows_too),
		cmocka_unit_test(refusals_are_said_at_most_twenty_times_a_minute),
		cmocka_unit_test(many_frames_make_several_chunks),
		cmocka_unit_test(what_somebody_can_read_is_kept_as_text),
		cmocka_unit_test(of_much_without_lines_both_ends_are_kept),
		cmocka_unit_test(
		    of_much_at_once_both_ends_are_kept_in_whole_lines_and_what_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
