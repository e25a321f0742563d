/* SPDX-License-Identifier: Apache-2.0 */
/* When records go into the database, in which groups, and what becomes of them when it says no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_world.h"
#include "base/clock.h"
#include "ingest_world.h"
#include "rec/batch.h"

/* --- turns and groups ---------------------------------------------------------------------- */

static void
a_log_is_told_its_place_and_then_its_commits(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s;

	w->store.n_sources = 1;
	snprintf(w->store.names[1], sizeof(w->store.names[1]), "%s", LOG_A);
	w->store.at[1] = 41;
	s = open_log(w, LOG_A, &st);
	assert_int_equal(st.committed, 41);
	assert_int_equal(feed(s, 42, 3, 0), INGEST_OK);
	settle(w);
	assert_int_equal(st.committed, 44);
	assert_int_equal(w->store.events, 3);
	assert_int_equal(w->store.writes, 1);
	ingest_close(s);
}

static void
records_of_all_logs_share_a_transaction(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);

	assert_int_equal(feed(sb, 1, 5, 0), INGEST_OK);
	assert_int_equal(feed(sa, 1, 7, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.writes, 1);
	assert_int_equal(a.committed, 7);
	assert_int_equal(b.committed, 5);
	ingest_close(sa);
	ingest_close(sb);
}

/* What two groups take, the second not to its full. */
enum { FULL = INGEST_GROUP_RECORDS, AHEAD = 2000, BOTH = FULL + AHEAD };

static void
a_group_has_at_most_so_many_records(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, 2 * FULL + 1, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.largest, FULL);
	assert_int_equal(w->store.writes, 3);
	assert_int_equal(st.committed, 2 * FULL + 1);
	ingest_close(s);
}

/* Until that many groups were sent to the database; the last one has no answer yet. */
static void
until_writes(struct world *w, int n)
{
	for (int i = 0; i < TURNS_MAX && w->store.writes < n; i++)
		turn(w);
	assert_int_equal(w->store.writes, n);
	loop_turn(w->loop, 5);
}

static void
rows_are_made_while_the_group_before_is_being_written(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, BOTH, 0), INGEST_OK);
	until_writes(w, 1);
	assert_int_equal(w->in->group.n, FULL);
	assert_int_equal(w->in->next.n, AHEAD);
	/* Slice by slice: what the database was given before goes out in between. */
	assert_true(w->in->next.added <= INGEST_SLICE_RECORDS);
	for (int i = 0; i < 20; i++)
		loop_turn(w->loop, 5);
	assert_true(w->in->next.built);
	assert_int_equal(w->in->next.added, AHEAD);
	assert_int_equal(st.committed, 0);
	settle(w);
	assert_int_equal(w->store.events, BOTH);
	assert_int_equal(w->store.begins, 2);
	assert_int_equal(st.committed, BOTH);
	ingest_close(s);
}

static void
rows_that_are_half_made_are_finished_before_the_lock_is_taken(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, BOTH, 0), INGEST_OK);
	until_writes(w, 1);
	assert_true(w->in->next.added < AHEAD);
	turn(w); /* committed */
	loop_turn(w->loop, 5);
	assert_int_equal(w->in->group.n, AHEAD);
	assert_int_equal(w->store.writes, 1);
	assert_true(w->in->group.built);
	settle(w);
	assert_int_equal(w->store.events, BOTH);
	assert_int_equal(w->store.begins, 2);
	ingest_close(s);
}

static void
rows_that_were_made_ahead_are_made_again_when_another_auditd_wrote(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, BOTH, 0), INGEST_OK);
	until_writes(w, 1);
	turn(w); /* committed */
	w->store.idx += 5;
	settle(w); /* the store checks the numbers */
	assert_int_equal(w->store.events, BOTH);
	assert_int_equal(st.committed, BOTH);
	ingest_close(s);
}

static void
what_was_made_ahead_of_a_group_that_failed_is_undone_with_it(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.next_write = STORE_LOST;
	assert_int_equal(feed(s, 1, BOTH, 0), INGEST_OK);
	until_writes(w, 1);
	assert_int_equal(w->in->next.n, AHEAD);
	turn(w);
	assert_int_equal(w->in->next.n, 0);
	settle(w);
	assert_int_equal(w->store.events, BOTH);
	assert_int_equal(st.committed, BOTH);
	ingest_close(s);
}

static void
a_stream_that_is_replaced_forgets_what_was_made_ahead(void **state)
{
	struct world *w = *state;
	struct stream old = { 0 }, new = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &old);

	assert_int_equal(feed(s, 1, BOTH, 0), INGEST_OK);
	until_writes(w, 1);
	assert_int_equal(w->in->next.n, AHEAD);
	s = open_log(w, LOG_A, &new);
	assert_int_equal(new.committed, FULL);
	assert_int_equal(feed(s, FULL + 1, AHEAD, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.events, BOTH);
	ingest_close(s);
}

/* Records that are there already, as after a commit whose answer was lost. */
static void
a_group_made_ahead_of_which_nothing_is_left_is_let_go_of(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);

	assert_int_equal(feed(sb, 1, INGEST_GROUP_RECORDS, 0), INGEST_OK);
	until_writes(w, 1);
	assert_int_equal(feed(sa, 1, INGEST_DUE_RECORDS, 0), INGEST_OK);
	sa->grouped = INGEST_DUE_RECORDS;
	for (int i = 0; i < 3; i++) {
		ingest_kick(w->in);
		loop_turn(w->loop, 5);
	}
	assert_int_equal(sa->items, 0);
	assert_int_equal(sa->groups, 0);
	assert_int_equal(w->in->next.n_places, 0);
	assert_null(w->in->next.facts);
	settle(w);
	assert_int_equal(b.committed, INGEST_GROUP_RECORDS);
	ingest_close(sa);
	ingest_close(sb);
}

/* The other source keeps the group, and with it the place of the one of which nothing is left. */
static void
a_place_that_was_told_anew_is_not_brought_back_by_what_was_made_ahead(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);

	w->store.next_write = STORE_REFUSED; /* so that what was made ahead will be undone */
	assert_int_equal(feed(sb, 1, INGEST_GROUP_RECORDS, 0), INGEST_OK);
	until_writes(w, 1);
	assert_int_equal(feed(sa, 1, 10, 0), INGEST_OK);
	assert_int_equal(feed(sb, INGEST_GROUP_RECORDS + 1, INGEST_DUE_RECORDS, 0), INGEST_OK);
	sa->grouped = 10;
	ingest_kick(w->in);
	loop_turn(w->loop, 5);
	assert_int_equal(w->in->next.n, INGEST_DUE_RECORDS);
	assert_int_equal(w->in->next.n_places, 2);
	group_forget_place(w->in, sa);
	assert_int_equal(w->in->next.n_places, 0);
	assert_int_equal(sa->groups, 0);
	settle(w);
	assert_int_equal(b.committed, INGEST_GROUP_RECORDS + INGEST_DUE_RECORDS);
	ingest_close(sa);
	ingest_close(sb);
}

static void
a_record_of_which_no_rows_can_be_made_is_found_and_becomes_a_dead_letter(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, 9, 0), INGEST_OK);
	for (int expected = 4; expected >= 1; expected /= 2) {
		assert_int_equal(group_prepare(w->in, &w->in->group), 0);
		group_failed(w->in, &w->in->group);
		assert_int_equal(w->in->group_max, expected);
		group_return(w->in);
	}
	for (int i = 0; i < INGEST_FAILS_MAX; i++) {
		assert_int_equal(group_prepare(w->in, &w->in->group), 0);
		assert_int_equal(w->in->group.n, 1);
		assert_int_equal(w->in->group.batch.dead, 0);
		group_failed(w->in, &w->in->group);
		group_return(w->in);
	}
	settle(w);
	assert_int_equal(w->store.dead, 1);
	assert_int_equal(w->store.events, 8 + 1); /* and the event about it */
	assert_int_equal(st.committed, 9);
	ingest_close(s);
}

static void
records_out_of_order_are_not_taken(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);
	struct buf raw;

	assert_int_equal(feed(s, 2, 1, 0), INGEST_E_ORDER);
	assert_int_equal(feed(s, 0, 1, 0), INGEST_E_ORDER);
	assert_int_equal(feed(s, 5, 1, 3), INGEST_E_ORDER);
	assert_int_equal(feed(s, 1, 0, 0), INGEST_E_MALFORMED);
	buf_init(&raw, 4096);
	put_event(&raw, "one");
	assert_int_equal(ingest_add(s, 1, 2, 0, &raw), INGEST_E_MALFORMED); /* it holds one */
	buf_done(&raw);
	assert_int_equal(feed(s, 5, 1, 4), INGEST_OK); /* 1 to 4 are lost for ever */
	settle(w);
	assert_int_equal(w->store.gaps, 1);
	assert_int_equal(st.committed, 5);
	ingest_close(s);
}

/* --- when the database says no ------------------------------------------------------------------ */

static void
a_refused_group_is_halved_until_the_one_bad_record_is_found(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.poison = "record 77;";
	assert_int_equal(feed(s, 1, 200, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.events, 199 + 1); /* one says that a record was set aside */
	assert_int_equal(w->store.dead, 1);
	assert_int_equal(st.committed, 200);
	assert_int_equal(w->store.smallest, 1);
	assert_true(w->store.writes < 30); /* halves, not one by one */
	assert_int_equal(ingest_counters(w->in).dead, 1);
	/* And back to whole groups. */
	w->store.writes = 0;
	assert_int_equal(feed(s, 201, 900, 0), INGEST_OK);
	settle(w);
	w->store.writes = 0;
	assert_int_equal(feed(s, 1101, 900, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.writes, 1);
	ingest_close(s);
}

static void
many_dead_letters_in_a_row_are_the_databases_fault(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.poison = "record"; /* every one */
	assert_int_equal(feed(s, 1, INGEST_DEAD_RUN + 10, 0), INGEST_OK);
	for (int i = 0; i < TURNS_MAX && !w->in->retry_wait; i++)
		turn(w);
	assert_true(w->in->retry_wait);
	assert_int_equal(w->store.dead, INGEST_DEAD_RUN);
	w->store.poison = NULL; /* repaired: the rest is taken as it is */
	settle(w);
	assert_int_equal(w->store.events, BATCH_REFUSALS_MAX + 10);
	assert_int_equal(st.committed, INGEST_DEAD_RUN + 10);
	ingest_close(s);
}

static void
a_refusal_for_no_fault_of_the_records_is_tried_again_later(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.next_write = STORE_REFUSED;
	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	int64_t came_ms = w->in->oldest_ms;
	for (int i = 0; i < TURNS_MAX && !w->in->retry_wait; i++)
		turn(w);
	assert_int_equal(w->store.writes, 1);
	assert_true(w->in->retry_wait);
	/* They have waited since they came, not since the try that failed. */
	assert_int_equal(w->in->oldest_ms, came_ms);
	int64_t refused_us = clock_mono_us();
	settle(w);
	/* Not before it has waited, however slow the machine is. */
	assert_true(clock_mono_us() - refused_us >= INGEST_RETRY_MS * 900);
	assert_int_equal(w->store.writes, 2);
	assert_int_equal(w->store.events, 10);
	assert_int_equal(w->store.dead, 0);
	ingest_close(s);
}

static void
a_transaction_that_cannot_begin_is_undone_and_tried_again(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.next_begin = STORE_REFUSED;
	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.rollbacks, 1);
	assert_int_equal(st.committed, 10);
	assert_int_equal(w->store.events, 10);
	ingest_close(s);
}

static void
a_lost_connection_loses_and_doubles_nothing(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.next_begin = STORE_LOST;
	w->store.next_write = STORE_LOST;
	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	settle(w);
	assert_int_equal(st.committed, 10);
	assert_int_equal(w->store.events, 10);
	ingest_close(s);
}

static void
a_commit_whose_answer_was_lost_is_seen_and_acknowledged(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.commit_unheard = true;
	assert_int_equal(feed(s, 1, 10, 0), INGEST_OK);
	settle(w);
	assert_int_equal(st.committed, 10);
	assert_int_equal(w->store.events, 10);
	assert_int_equal(w->store.writes, 1);
	assert_int_equal(w->store.rollbacks, 1); /* there was nothing left to write */
	ingest_close(s);
}

static void
a_log_that_another_auditd_serves_ends_here(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);

	assert_int_equal(feed(sa, 1, 3, 0), INGEST_OK);
	assert_int_equal(feed(sb, 1, 3, 0), INGEST_OK);
	w->store.at[1] = 2; /* record 1 and 2 came the other way, and are there */
	settle(w);
	assert_int_equal(a.committed, 3);
	assert_int_equal(w->store.events, 4);
	assert_int_equal(feed(sa, 4, 3, 0), INGEST_OK);
	w->store.at[1] = 1; /* the database was restored from yesterday */
	settle(w);
	assert_true(a.ended);
	assert_int_equal(a.code, RPC_ABORTED);
	assert_int_equal(w->store.events, 4);
	assert_false(b.ended);
	ingest_close(sb);
}

static void
the_database_comes_and_goes(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.ready = false;
	ingest_store_lost(w->in);
	assert_int_equal(feed(s, 1, 1500, 0), INGEST_OK);
	for (int i = 0; i < 30; i++)
		turn(w);
	assert_int_equal(w->store.begins, 0);
	w->store.ready = true;
	ingest_store_ready(w->in);
	settle(w);
	assert_int_equal(st.committed, 1500);
	ingest_close(s);
}

static void
partitions_are_made_before_records_of_a_day_without(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	w->store.has_day = false;
	assert_int_equal(feed(s, 1, 1, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.maintains, 1);
	assert_int_equal(st.committed, 1);
	/* Refused: records wait, and it is tried again. */
	w->store.has_day = false;
	w->store.next_maintain = STORE_REFUSED;
	assert_int_equal(feed(s, 2, 1, 0), INGEST_OK);
	settle(w);
	assert_int_equal(st.committed, 2);
	ingest_close(s);
}

/* --- what the database has about sessions ------------------------------------------------------- */

static void
the_owner_of_a_session_is_asked_once_and_remembered(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_node(w, &st);

	w->store.began = SESSION;
	assert_int_equal(feed_frames(s, 1, SESSION), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.looks, 1);
	assert_int_equal(feed_frames(s, 2, SESSION), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.looks, 1);
	assert_int_equal(w->store.dead, 0);
	/* One that nobody began is asked for every time: it may have begun meanwhile. */
	w->store.began = NULL;
	for (uint64_t seq = 3; seq < 5; seq++) {
		assert_int_equal(feed_frames(s, seq, CONNECTION), INGEST_OK);
		settle(w);
	}
	assert_int_equal(w->store.looks, 3);
	assert_int_equal(w->store.dead, 2);
	assert_int_equal(st.committed, 4);
	ingest_close(s);
}

static void
asking_that_fails_costs_no_record(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_node(w, &st);

	w->store.began = SESSION;
	w->store.next_look = STORE_LOST;
	assert_int_equal(feed_frames(s, 1, SESSION), INGEST_OK);
	settle(w);
	assert_int_equal(st.committed, 1);
	assert_int_equal(w->store.looks, 2);
	assert_int_equal(w->store.dead, 0);
	ingest_close(s);
}

static void
what_was_learned_in_a_transaction_that_failed_is_forgotten(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_node(w, &st);

	w->store.began = SESSION;
	w->store.next_write = STORE_LOST;
	assert_int_equal(feed_frames(s, 1, SESSION), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.looks, 2);
	assert_int_equal(st.committed, 1);
	ingest_close(s);
}

static void
whoever_watches_a_session_hears_of_what_is_committed_and_of_nothing_else(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_node(w, &st);

	w->store.began = SESSION;
	w->store.next_write = STORE_LOST;
	assert_int_equal(feed_frames(s, 1, SESSION), INGEST_OK);
	for (int i = 0; i < TURNS_MAX && w->store.writes < 1; i++)
		turn(w);
	assert_int_equal(w->recorded, 0);
	settle(w);
	assert_int_equal(w->recorded, 1);
	assert_string_equal(w->session, SESSION);
	/* Of what was set aside nobody hears. */
	assert_int_equal(feed_frames(s, 2, CONNECTION), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.dead, 1);
	assert_int_equal(w->recorded, 1);
	ingest_close(s);
}

/* --- the end ---------------------------------------------------------------------- */

static void
on_drained(void *arg)
{
	*(bool *)arg = true;
}

static void
draining_writes_what_is_queued_and_takes_no_more(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);
	bool drained = false;

	assert_int_equal(feed(s, 1, 3, 0), INGEST_OK);
	ingest_drain(w->in, on_drained, &drained);
	assert_true(st.paused);
	assert_false(drained);
	for (int i = 0; i < TURNS_MAX && !drained; i++)
		turn(w);
	assert_true(drained);
	assert_int_equal(st.committed, 3);
	ingest_close(s);
}

static void
draining_does_not_wait_for_a_database_that_is_away(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);
	bool drained = false;

	w->store.ready = false;
	ingest_store_lost(w->in);
	assert_int_equal(feed(s, 1, 3, 0), INGEST_OK);
	ingest_drain(w->in, on_drained, &drained);
	for (int i = 0; i < TURNS_MAX && !drained; i++)
		turn(w);
	assert_true(drained);
	assert_int_equal(st.committed, 0); /* the producer keeps them */
	ingest_close(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WORLD_TEST(a_log_is_told_its_place_and_then_its_commits),
		WORLD_TEST(records_of_all_logs_share_a_transaction),
		WORLD_TEST(a_group_has_at_most_so_many_records),
		WORLD_TEST(rows_are_made_while_the_group_before_is_being_written),
		WORLD_TEST(rows_that_are_half_made_are_finished_before_the_lock_is_taken),
		WORLD_TEST(rows_that_were_made_ahead_are_made_again_when_another_auditd_wrote),
		WORLD_TEST(what_was_made_ahead_of_a_group_that_failed_is_undone_with_it),
		WORLD_TEST(a_stream_that_is_replaced_forgets_what_was_made_ahead),
		WORLD_TEST(a_group_made_ahead_of_which_nothing_is_left_is_let_go_of),
		WORLD_TEST(a_place_that_was_told_anew_is_not_brought_back_by_what_was_made_ahead),
		WORLD_TEST(
		    a_record_of_which_no_rows_can_be_made_is_found_and_becomes_a_dead_letter),
		WORLD_TEST(records_out_of_order_are_not_taken),
		WORLD_TEST(a_refused_group_is_halved_until_the_one_bad_record_is_found),
		WORLD_TEST(many_dead_letters_in_a_row_are_the_databases_fault),
		WORLD_TEST(a_refusal_for_no_fault_of_the_records_is_tried_again_later),
		WORLD_TEST(a_transaction_that_cannot_begin_is_undone_and_tried_again),
		WORLD_TEST(a_lost_connection_loses_and_doubles_nothing),
		WORLD_TEST(a_commit_whose_answer_was_lost_is_seen_and_acknowledged),
		WORLD_TEST(a_log_that_another_auditd_serves_ends_here),
		WORLD_TEST(the_database_comes_and_goes),
		WORLD_TEST(partitions_are_made_before_records_of_a_day_without),
		WORLD_TEST(the_owner_of_a_session_is_asked_once_and_remembered),
		WORLD_TEST(asking_that_fails_costs_no_record),
		WORLD_TEST(what_was_learned_in_a_transaction_that_failed_is_forgotten),
		WORLD_TEST(
		    whoever_watches_a_session_hears_of_what_is_committed_and_of_nothing_else),
		WORLD_TEST(draining_writes_what_is_queued_and_takes_no_more),
		WORLD_TEST(draining_does_not_wait_for_a_database_that_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
