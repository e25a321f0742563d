/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When records go into the database, in which groups, and what becomes of them when it says no: ingest, writer, group
 * and source over a store of this file that answers what the test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/ingest_priv.h"
#include "audit/store.h"
#include "proto/audit.pb-c.h"
#include "rec/batch.h"

#define NODE  "11111111-2222-4333-8444-555555555555"
#define LOG_A "aaaaaaaa-0000-4000-8000-000000000001"
#define LOG_B "aaaaaaaa-0000-4000-8000-000000000002"

enum { SOURCES_MAX = 8, TURNS_MAX = 4000 };

/* --- the store ---------------------------------------------------------------------- */

struct store {
	bool ready, has_day;
	uint64_t at[SOURCES_MAX]; /* committed, by the number of the source */
	char names[SOURCES_MAX][64];
	int n_sources;

	store_done_fn *done; /* the operation that waits for its answer */
	void *arg;
	struct store_answer answer;
	const struct store_place *places; /* to take over when the answer is given */
	size_t n_places;

	/* What the next operation of a kind answers instead. */
	enum store_outcome next_place, next_begin, next_write, next_maintain;
	enum store_outcome every_write;
	const char *poison;  /* records that hold this text are not taken */
	bool commit_unheard; /* the next write is committed, but its answer is lost */

	int begins, writes, rollbacks, maintains;
	int events, dead, gaps;
	int largest, smallest; /* groups that were written */
};

static void
operation(struct store *s, store_done_fn *done, void *arg, struct store_answer answer)
{
	assert_null(s->done); /* one at a time */
	s->done = done;
	s->arg = arg;
	s->answer = answer;
	if (!s->answer.why)
		s->answer.why = "because of the test";
}

static enum store_outcome
once(enum store_outcome *next)
{
	enum store_outcome now = *next;

	*next = STORE_OK;
	return now;
}

static void
answer(struct store *s)
{
	store_done_fn *done = s->done;
	struct store_answer a = s->answer;

	s->done = NULL;
	if (s->places && (a.outcome == STORE_OK || s->commit_unheard)) {
		for (size_t i = 0; i < s->n_places; i++)
			s->at[s->places[i].source] = s->places[i].seq;
	}
	if (s->places && s->commit_unheard) {
		s->commit_unheard = false;
		a.outcome = STORE_LOST;
	}
	s->places = NULL;
	done(&a, s->arg);
}

bool
store_is_ready(const struct store *s)
{
	return s->ready;
}

bool
store_has_day(const struct store *s, int64_t unix_us)
{
	(void)unix_us;
	return s->has_day;
}

void
store_maintain(struct store *s, store_done_fn *done, void *arg)
{
	s->maintains++;
	s->has_day = true;
	operation(s, done, arg, (struct store_answer){ .outcome = once(&s->next_maintain) });
}

void
store_find_source(struct store *s, const char *const key[4], store_done_fn *done, void *arg)
{
	struct store_answer a = { .outcome = once(&s->next_place) };

	for (int i = 1; i <= s->n_sources; i++) {
		if (strcmp(s->names[i], key[2]) == 0)
			a.source = i;
	}
	if (!a.source) {
		a.source = ++s->n_sources;
		snprintf(s->names[a.source], sizeof(s->names[0]), "%s", key[2]);
	}
	a.seq = s->at[a.source];
	operation(s, done, arg, a);
}

void
store_begin(struct store *s, struct store_place *places, size_t n, store_done_fn *done, void *arg)
{
	s->begins++;
	/* Sorted, as store.h promises; there are at most two in these tests. */
	if (n == 2 && places[0].source > places[1].source) {
		struct store_place p = places[0];

		places[0] = places[1];
		places[1] = p;
	}
	for (size_t i = 0; i < n; i++) {
		places[i].found = true;
		places[i].at = s->at[places[i].source];
	}
	operation(s, done, arg, (struct store_answer){ .outcome = once(&s->next_begin), .idx = 7 });
}

static bool
holds(const struct buf *rows, const char *text)
{
	return text && memmem(buf_head(rows), rows->len, text, strlen(text)) != NULL;
}

void
store_write(struct store *s, struct batch *batch, const struct store_place *places, size_t n,
    store_done_fn *done, void *arg)
{
	struct store_answer a = { .outcome = once(&s->next_write) };
	int size = 0;

	s->writes++;
	if (s->every_write)
		a.outcome = s->every_write;
	if (holds(&batch->event_rows, s->poison))
		a.outcome = STORE_BAD_DATA;
	for (size_t i = 0; i < n; i++)
		size += (int)places[i].records;
	if (a.outcome == STORE_OK) {
		s->events += batch->events;
		s->dead += batch->dead;
		s->gaps += batch->gaps;
		s->largest = size > s->largest ? size : s->largest;
		s->smallest = !s->smallest || size < s->smallest ? size : s->smallest;
	}
	s->places = places;
	s->n_places = n;
	operation(s, done, arg, a);
}

void
store_rollback(struct store *s, store_done_fn *done, void *arg)
{
	s->rollbacks++;
	operation(s, done, arg, (struct store_answer){ .outcome = STORE_OK });
}

/* --- the world ---------------------------------------------------------------------- */

struct stream {
	uint64_t committed;
	int told;
	bool paused, ended;
	enum rpc_code code;
};

struct world {
	struct loop *loop;
	struct store store;
	struct ingest *in;
};

static void
on_committed(void *stream, uint64_t seq)
{
	struct stream *st = stream;

	assert_true(seq >= st->committed); /* a place never goes back */
	st->committed = seq;
	st->told++;
}

static void
on_pause(void *stream, bool paused)
{
	((struct stream *)stream)->paused = paused;
}

static void
on_end(void *stream, enum rpc_code code, const char *why)
{
	struct stream *st = stream;

	assert_true(*why != 0);
	st->ended = true;
	st->code = code;
}

static int
set_up(void **state)
{
	static const struct ingest_events events = { on_committed, on_pause, on_end };
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(loop_new(&w->loop), 0);
	w->store.has_day = true;
	assert_int_equal(ingest_new(&w->in, w->loop, &w->store, &events), 0);
	w->store.ready = true;
	ingest_store_ready(w->in);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	ingest_free(w->in);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void
turn(struct world *w)
{
	loop_turn(w->loop, 5);
	if (w->store.done)
		answer(&w->store);
}

/* Until everything that was queued is written, or thrown out. */
static void
settle(struct world *w)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		turn(w);
		if (!w->store.done && !ingest_counters(w->in).queued &&
		    w->in->writer == WRITER_IDLE)
			return;
	}
	fail_msg("records wait for ever");
}

static struct ingest_source *
open_log(struct world *w, const char *log, struct stream *st)
{
	struct ingest_source *s = ingest_open(w->in, RPC_NODE, NODE, log, "host", st);
	int told = st->told;

	assert_non_null(s);
	for (int i = 0; i < TURNS_MAX && st->told == told && !st->ended; i++)
		turn(w);
	return s;
}

static void
put_event(struct buf *raw, const char *message)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Event e = AUDIT__EVENT__INIT;
	uint8_t packed[512];

	e.type = "exec";
	e.code = "T3002I";
	e.message = message;
	m.what_case = AUDIT__RECORD__WHAT_EVENT;
	m.event = &e;
	assert_true(protobuf_c_message_get_packed_size(&m.base) <= sizeof(packed));
	batch_put(raw, (struct span){ packed, protobuf_c_message_pack(&m.base, packed) });
}

/* Records first .. first + n - 1, whose messages are "record <number>;". */
static int
feed(struct ingest_source *s, uint64_t first, uint32_t n, uint64_t lost)
{
	struct buf raw;
	char text[64];
	int done;

	buf_init(&raw, 1 << 20);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "record %d;", (int)(first + i));
		put_event(&raw, text);
	}
	done = ingest_add(s, first, n, lost, &raw);
	buf_done(&raw);
	return done;
}

/* One record of that many bytes. */
static int
feed_bytes(struct ingest_source *s, uint64_t seq, size_t bytes)
{
	struct buf raw;
	uint8_t *junk = calloc(1, bytes);
	int done;

	assert_non_null(junk);
	buf_init(&raw, bytes + 16);
	batch_put(&raw, (struct span){ junk, bytes });
	done = ingest_add(s, seq, 1, 0, &raw);
	buf_done(&raw);
	free(junk);
	return done;
}

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

static void
a_group_has_at_most_a_thousand_records(void **state)
{
	struct world *w = *state;
	struct stream st = { 0 };
	struct ingest_source *s = open_log(w, LOG_A, &st);

	assert_int_equal(feed(s, 1, 2500, 0), INGEST_OK);
	settle(w);
	assert_int_equal(w->store.largest, INGEST_GROUP_RECORDS);
	assert_int_equal(w->store.writes, 3);
	assert_int_equal(st.committed, 2500);
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
	assert_int_equal(w->store.events, 199);
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
	assert_int_equal(w->store.events, 10);
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
	for (int i = 0; i < TURNS_MAX && !w->in->retry_wait; i++)
		turn(w);
	assert_int_equal(w->store.writes, 1);
	for (int i = 0; i < 20; i++) /* not again at once */
		turn(w);
	assert_int_equal(w->store.writes, 1);
	assert_int_equal(st.committed, 0);
	settle(w);
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
a_source_with_too_much_waiting_is_paused_until_half_is_written(void **state)
{
	struct world *w = *state;
	struct stream a = { 0 }, b = { 0 };
	struct ingest_source *sa = open_log(w, LOG_A, &a), *sb = open_log(w, LOG_B, &b);

	w->store.ready = false;
	ingest_store_lost(w->in);
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(feed_bytes(sa, i, 1024 * 1024), INGEST_OK);
	assert_false(a.paused); /* exactly what it may have */
	assert_int_equal(feed_bytes(sa, 5, 1), INGEST_OK);
	assert_true(a.paused);
	assert_false(b.paused);
	w->store.ready = true;
	ingest_store_ready(w->in);
	for (int i = 0; i < TURNS_MAX && a.committed < 1; i++)
		turn(w);
	assert_true(a.paused); /* three quarters are left */
	settle(w);
	assert_false(a.paused);
	ingest_close(sa);
	ingest_close(sb);
}

static void
all_are_paused_when_the_whole_queue_is_full(void **state)
{
	struct world *w = *state;
	struct stream st[17] = { { 0 } }, small = { 0 };
	struct ingest_source *s[17], *idle;
	char log[40];

	w->store.ready = true;
	idle = open_log(w, LOG_A, &small);
	for (int i = 0; i < 6; i++) {
		snprintf(log, sizeof(log), "bbbbbbbb-0000-4000-8000-0000000000%02d", i);
		s[i] = open_log(w, log, &st[i]);
	}
	w->store.ready = false;
	ingest_store_lost(w->in);
	/* A producer may go on for as long as its pause has not reached it. */
	for (int i = 0; i < 6; i++) {
		for (uint64_t n = 1; n <= 11; n++)
			assert_int_equal(feed_bytes(s[i], n, 1024 * 1024), INGEST_OK);
	}
	assert_true(small.paused);
	w->store.ready = true;
	ingest_store_ready(w->in);
	settle(w);
	assert_false(small.paused);
	for (int i = 0; i < 6; i++) {
		assert_false(st[i].paused);
		ingest_close(s[i]);
	}
	ingest_close(idle);
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

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WORLD_TEST(a_log_is_told_its_place_and_then_its_commits),
		WORLD_TEST(records_of_all_logs_share_a_transaction),
		WORLD_TEST(a_group_has_at_most_a_thousand_records),
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
		WORLD_TEST(a_place_that_cannot_be_read_ends_the_stream_or_is_asked_again),
		WORLD_TEST(a_second_stream_of_a_log_ends_the_first),
		WORLD_TEST(what_was_queued_is_written_although_the_stream_is_gone),
		WORLD_TEST(a_source_with_too_much_waiting_is_paused_until_half_is_written),
		WORLD_TEST(all_are_paused_when_the_whole_queue_is_full),
		WORLD_TEST(draining_writes_what_is_queued_and_takes_no_more),
		WORLD_TEST(draining_does_not_wait_for_a_database_that_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
