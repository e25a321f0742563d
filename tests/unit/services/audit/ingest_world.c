/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_world: see ingest_world.h. */
#include "ingest_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_world.h"
#include "base/str.h"
#include "base/str.h"
#include "rec/batch.h"

/* --- the store ---------------------------------------------------------------------- */

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
		s->idx = s->batch->idx;
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
store_ingest_begin(struct store *s, struct store_place *places, size_t n, store_done_fn *done,
    void *arg)
{
	s->begins++;
	for (size_t i = 0; i < n; i++) {
		places[i].found = true;
		places[i].at = s->at[places[i].source];
	}
	operation(s, done, arg,
	    (struct store_answer){ .outcome = once(&s->next_begin), .idx = s->idx });
}

void
store_look(struct store *s, struct facts *facts, store_done_fn *done, void *arg)
{
	const struct fact fact = { .source = 1, .connection = CONNECTION };

	s->looks++;
	assert_true(facts_is_wanting(facts));
	if (s->began)
		assert_int_equal(facts_put(facts, FACT_SESSION, s->began, &fact), 0);
	operation(s, done, arg, (struct store_answer){ .outcome = once(&s->next_look) });
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
	/* Numbers without gaps, whoever wrote before. */
	assert_int_equal(batch->idx - batch->events, s->idx);
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
	s->batch = batch;
	operation(s, done, arg, a);
}

void
store_ingest_rollback(struct store *s, store_done_fn *done, void *arg)
{
	s->rollbacks++;
	operation(s, done, arg, (struct store_answer){ .outcome = STORE_OK });
}

/* --- the world ---------------------------------------------------------------------- */

static void
on_committed(void *stream, uint64_t seq)
{
	struct stream *st = stream;

	assert_true(seq >= st->committed); /* a place never goes back */
	st->committed = seq;
	st->told++;
}

static void
on_recorded(const struct batch_news *news, void *arg)
{
	struct world *w = arg;

	w->recorded++;
	(void)str_copy(w->session, sizeof(w->session), news->session);
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

int
set_up(void **state)
{
	static const struct ingest_events events = { on_committed, on_recorded, on_pause, on_end };
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(loop_new(&w->loop), 0);
	w->store.has_day = true;
	w->store.idx = 7;
	assert_int_equal(ingest_new(&w->in,
			     &(struct ingest_config){ .loop = w->loop, .store = &w->store, .arg = w },
			     &events),
	    0);
	w->store.ready = true;
	ingest_store_ready(w->in);
	*state = w;
	return 0;
}

int
tear_down(void **state)
{
	struct world *w = *state;

	ingest_free(w->in);
	loop_free(w->loop);
	free(w);
	return 0;
}

void
turn(struct world *w)
{
	loop_turn(w->loop, 5);
	if (w->store.done)
		answer(&w->store);
}

void
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

struct ingest_source *
open_log(struct world *w, const char *log, struct stream *st)
{
	struct ingest_source *s = ingest_open(w->in, RPC_PROXY, PROXY_ID, log, "host", st);
	int told = st->told;

	assert_non_null(s);
	for (int i = 0; i < TURNS_MAX && st->told == told && !st->ended; i++)
		turn(w);
	return s;
}

void
put_event(struct buf *raw, const char *message)
{
	struct buf b;

	buf_init(&b, 4096);
	batch_put(raw,
	    pack_event(&b,
		&(struct event_spec){ .type = "tunnel.open",
		    .code = "TT001I",
		    .message = message }));
	buf_done(&b);
}

int
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

int
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

int
feed_frames(struct ingest_source *s, uint64_t seq, const char *session)
{
	struct buf raw, b;
	int done;

	buf_init(&raw, 65536);
	buf_init(&b, 65536);
	batch_put(&raw, pack_frames(&b, session, span_str("")));
	done = ingest_add(s, seq, 1, 0, &raw);
	buf_done(&raw);
	buf_done(&b);
	return done;
}

struct ingest_source *
open_node(struct world *w, struct stream *st)
{
	struct ingest_source *s = ingest_open(w->in, RPC_NODE, NODE, LOG_A, "host", st);

	assert_non_null(s);
	for (int i = 0; i < TURNS_MAX && !st->told; i++)
		turn(w);
	return s;
}
