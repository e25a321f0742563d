/* SPDX-License-Identifier: Apache-2.0 */
/* The logs of producers: places, streams that replace each other, and how much may wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_world.h"
#include "ingest_world.h"

/* --- streams and their queue ---------------------------------------------------------------------- */

static void
a_place_that_cannot_be_read_ends_the_stream_or_is_asked_again(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 }, again = { 0 };

	w->store.next_place = STORE_BAD_DATA; /* it has started 1000 logs already */
	(void)open_log(w, LOG_A, &st);
	assert_true(st.ended);
	assert_int_equal(st.code, RPC_UNAVAILABLE);
	w->store.next_place = STORE_LOST;
	ingest_close(open_log(w, LOG_A, &again));
	assert_false(again.ended);
	assert_int_equal(again.told, 1);
}

static void
a_second_stream_of_a_log_ends_the_first(void **state)
{
	struct world *w = *state;
	struct stream old = { 0 }, new = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &old);

	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	for (int i = 0; i < TURNS_MAX && !w->store.writes; i++)
		turn(w);
	/* What is on its way to the database changes the place: the new stream is told it afterwards. */
	assert_int_equal(feed(s, 11, 10, 0), INGEST_OK);
	s = open_log(w, LOG_A, &new);
	assert_true(old.ended);
	assert_int_equal(old.code, RPC_ABORTED);
	assert_int_equal(new.committed, 10);
	assert_int_equal(feed(s, 11, 10, 0), INGEST_OK); /* what was queued was forgotten */
	settle(w);
	assert_int_equal(new.committed, 20);
	assert_int_equal(w->store.events, 20);
	ingest_close(s);
}

static void
what_was_queued_is_written_although_the_stream_is_gone(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	ingest_close(s);
	settle(w);
	assert_int_equal(w->store.events, 10);
	assert_int_equal(st.committed, 0); /* nobody to tell */
	assert_int_equal(ingest_counters(w->in).streams, 0);
}

static void
a_producer_with_too_much_waiting_is_paused_over_all_its_logs_until_half_is_written(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 }, other = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);
	struct ingest_source *so = open_node(w, &other);

	w->store.ready = false;
	ingest_store_lost(w->in);
	for (uint64_t i = 1; i <= 2; i++) {
		assert_int_equal(feed_bytes(sa, i, 1024 * 1024), INGEST_OK);
		assert_int_equal(feed_bytes(sb, i, 1024 * 1024), INGEST_OK);
	}
	assert_false(a.paused); /* exactly what it may have */
	assert_int_equal(feed_bytes(sa, 3, 1), INGEST_OK);
	assert_true(a.paused);
	assert_true(b.paused); /* another log of the same producer */
	assert_false(other.paused);
	w->in->group_max = 1;
	w->store.ready = true;
	ingest_store_ready(w->in);
	for (int i = 0; i < TURNS_MAX && a.committed < 1; i++)
		turn(w);
	assert_true(a.paused); /* three quarters are left */
	settle(w);
	assert_false(a.paused);
	assert_false(b.paused);
	ingest_close(sa);
	ingest_close(sb);
	ingest_close(so);
}

/* The log of a producer that has no other. */
static struct ingest_source *
crowd(struct world *w, int i, struct stream *st)
{
	struct ingest_source *s;
	char name[40], log[40];

	snprintf(name, sizeof(name), "cccccccc-0000-4000-8000-0000000000%02d", i);
	snprintf(log, sizeof(log), "bbbbbbbb-0000-4000-8000-0000000000%02d", i);
	s = ingest_open(w->in, RPC_PROXY, name, log, "host", st);
	assert_non_null(s);
	for (int k = 0; k < TURNS_MAX && !st->told; k++)
		turn(w);
	return s;
}

static void
who_has_little_to_say_is_not_paused_for_others_until_nothing_more_fits(void **state)
{
	enum { CROWD = 6 };
	struct world *w = *state;
	struct stream st[CROWD] = { { 0 } }, small = { 0 };
	struct ingest_source *s[CROWD], *quiet = open_node(w, &small);

	for (int i = 0; i < CROWD; i++)
		s[i] = crowd(w, i, &st[i]);
	w->store.ready = false;
	ingest_store_lost(w->in);
	/* A producer may go on for as long as its pause has not reached it. */
	for (int i = 0; i < CROWD; i++) {
		for (uint64_t n = 1; n <= 11; n++)
			assert_int_equal(feed_bytes(s[i], n, 1024 * 1024), INGEST_OK);
	}
	assert_true(w->in->crowded);
	assert_true(st[0].paused);
	assert_false(small.paused);
	assert_int_equal(feed_bytes(quiet, 1, 1000), INGEST_OK);
	assert_false(small.paused);
	for (int i = 0; i < CROWD; i++) {
		for (uint64_t n = 12; n <= 22; n++)
			assert_int_equal(feed_bytes(s[i], n, 1024 * 1024), INGEST_OK);
	}
	assert_true(small.paused);
	w->store.ready = true;
	ingest_store_ready(w->in);
	settle(w);
	assert_false(small.paused);
	for (int i = 0; i < CROWD; i++) {
		assert_false(st[i].paused);
		ingest_close(s[i]);
	}
	ingest_close(quiet);
}

static void
who_comes_again_is_not_said_more_often(void **state)
{
	struct world *w = *state;
	uint64_t seq = 1;

	/* Frames that nobody may send, over stream after stream. */
	for (int i = 0; i < 5; i++) {
		struct stream st = { 0 };
		struct ingest_source *s = open_node(w, &st);

		for (int k = 0; k < 10; k++)
			assert_int_equal(feed_frames(s, seq++, SESSION), INGEST_OK);
		settle(w);
		ingest_close(s);
	}
	assert_int_equal(w->store.dead, 50);
	assert_int_equal(w->store.events, BATCH_REFUSALS_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WORLD_TEST(a_place_that_cannot_be_read_ends_the_stream_or_is_asked_again),
		WORLD_TEST(a_second_stream_of_a_log_ends_the_first),
		WORLD_TEST(what_was_queued_is_written_although_the_stream_is_gone),
		WORLD_TEST(
		    a_producer_with_too_much_waiting_is_paused_over_all_its_logs_until_half_is_written),
		WORLD_TEST(who_has_little_to_say_is_not_paused_for_others_until_nothing_more_fits),
		WORLD_TEST(who_comes_again_is_not_said_more_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
