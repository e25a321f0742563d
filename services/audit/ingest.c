/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: whose turn it is at the writer's connection; see ingest.h.
 *
 *	away --ready--> idle --> busy: partitions | the place of a source | a group of records --> idle
 *
 * A group: begin (lock, places) -> settle (drop what is there already, end who is out of step) -> write -> acknowledge.
 * A refusal by the database halves the group until the one bad record is found; it goes to the dead letters.
 */
#include "audit/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "audit/ingest_priv.h"

static void on_turn(void *arg);
static void on_begun(enum db_code code, const char *state, const char *why, int64_t idx, void *arg);

void
ingest_kick(struct ingest *in)
{
	loop_defer(in->loop, &in->turn);
}

static int64_t
wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The writer's connection is free again. */
static void
turn_over(struct ingest *in)
{
	if (in->writer == WRITER_BUSY)
		in->writer = store_is_ready(in->store) ? WRITER_IDLE : WRITER_AWAY;
	ingest_kick(in);
}

/* Something refused for no fault of the records: not again at once. */
static void
back_off(struct ingest *in, const char *why)
{
	if (!in->said_refused)
		log_warn("the database refuses records; trying again", "cause", why, NULL);
	in->said_refused = true;
	in->retry_wait = true;
	timer_start(&in->timer, INGEST_RETRY_MS);
}

/* --- the place of a source ---------------------------------------------------------------- */

static void
on_found(const struct store_source *found, void *arg)
{
	struct ingest *in = arg;
	struct ingest_source *s = in->asking;

	in->asking = NULL;
	/* A stream that was replaced meanwhile is in `opening` again. */
	if (s->stream && list_empty(&s->waiting)) {
		if (found->code == DB_OK) {
			s->id = found->id;
			s->queued = found->seq;
			s->opened = true;
			in->events.committed(s->stream, found->seq);
			source_flow(in, s);
		} else if (found->code == DB_E_LOST) {
			list_add(&in->opening, &s->waiting);
		} else {
			source_reset(s, RPC_UNAVAILABLE, found->why);
		}
	}
	source_release(s);
	turn_over(in);
}

/* The first source in `opening` of which nothing is on its way: what is in flight may still change its place. */
static struct ingest_source *
next_to_open(struct ingest *in)
{
	list_each (struct ingest_source, s, &in->opening, waiting) {
		if (s->items == 0)
			return s;
	}
	return NULL;
}

static void
ask_place(struct ingest *in, struct ingest_source *s)
{
	const char *key[4] = { source_kind(s->who), s->name, s->log_id, s->host };

	in->writer = WRITER_BUSY;
	in->asking = s;
	list_del(&s->waiting);
	store_find_source(in->store, key, on_found, in);
}

/* --- the group ---------------------------------------------------------------------- */

static bool
group_is_due(struct ingest *in)
{
	if (list_empty(&in->queue) || in->retry_wait)
		return false;
	return in->queue_items >= INGEST_GROUP_RECORDS || in->queue_bytes >= INGEST_GROUP_BYTES ||
	    in->drained || in->group_max < INGEST_GROUP_RECORDS ||
	    loop_now_ms(in->loop) - in->oldest_ms >= INGEST_GROUP_MS;
}

static void
take_group(struct ingest *in)
{
	size_t bytes = 0;

	list_each (struct item, it, &in->queue, link) {
		if (in->flight_items &&
		    (in->flight_items >= in->group_max ||
			bytes + it->record.n > INGEST_GROUP_BYTES))
			break;
		list_del(&it->link);
		list_add(&in->flight, &it->link);
		in->flight_items++;
		bytes += it->record.n;
	}
	in->oldest_ms = loop_now_ms(in->loop);
}

/* Back to the head of the queue, in order. */
static void
return_group(struct ingest *in)
{
	while (!list_empty(&in->flight)) {
		struct list *last = in->flight.prev;

		list_del(last);
		list_add(in->queue.next, last);
	}
	in->flight_items = 0;
}

/* The places are sorted by store_begin. */
static struct store_place *
place_of(struct ingest *in, int32_t id)
{
	size_t lo = 0, hi = in->n_places;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (in->places[mid].source <= id)
			lo = mid;
		else
			hi = mid;
	}
	return &in->places[lo];
}

static int
list_places(struct ingest *in)
{
	in->places = calloc(in->flight_items, sizeof(*in->places));
	in->n_places = 0;
	if (!in->places)
		return -1;
	list_each (struct item, it, &in->flight, link) {
		struct ingest_source *s = it->source;

		if (s->in_group)
			continue;
		s->in_group = true;
		in->places[in->n_places++] = (struct store_place){ .source = s->id, .owner = s };
	}
	return 0;
}

static void
group_over(struct ingest *in)
{
	if (in->batch_live)
		batch_done(&in->batch);
	in->batch_live = false;
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		s->in_group = false;
		source_release(s);
	}
	free(in->places);
	in->places = NULL;
	in->n_places = 0;
	turn_over(in);
}

static void
start_group(struct ingest *in)
{
	take_group(in);
	in->writer = WRITER_BUSY;
	if (list_places(in) < 0) {
		return_group(in);
		back_off(in, "out of memory");
		group_over(in);
		return;
	}
	store_begin(in->store, in->places, in->n_places, on_begun, in);
}

/* --- settling: what the database knows decides ------------------------------------------------- */

/* Ends streams of which the database is elsewhere than we thought: another auditd serves the same log. */
static void
out_of_step(struct ingest *in, struct ingest_source *s)
{
	log_warn(
	    "a producer's log is elsewhere than expected; it starts again from what is committed",
	    "source", s->name, NULL);
	list_each (struct item, it, &in->flight, link) {
		if (it->source != s)
			continue;
		item_free(in, it);
		in->flight_items--;
	}
	source_reset(s, RPC_ABORTED,
	    "the log is elsewhere than expected; go on from the place that the next stream tells");
}

/* Items that continue their source stay in flight; those that are committed already go. */
static void
settle(struct ingest *in)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < in->n_places; i++) {
			in->places[i].seq = in->places[i].at;
			in->places[i].records = 0;
		}
		list_each (struct item, it, &in->flight, link) {
			struct store_place *p = place_of(in, it->source->id);

			if (p->found && it->seq <= p->at) {
				item_free(in, it);
				in->flight_items--;
				continue;
			}
			if (!p->found || it->seq != p->seq + 1 + it->lost) {
				out_of_step(in, it->source);
				again = true; /* the list has changed under us */
				break;
			}
			p->seq = it->seq;
			p->records++;
		}
	}
}

static int
build(struct ingest *in, int64_t idx)
{
	int64_t now = wall_us();

	in->last_us = now > in->last_us ? now : in->last_us;
	in->batch_live = true;
	if (batch_init(&in->batch, in->last_us, idx) < 0)
		return -1;
	list_each (struct item, it, &in->flight, link) {
		struct batch_item row = {
			.who = it->source->who,
			.name = it->source->name,
			.source = it->source->id,
			.seq = it->seq,
			.lost = it->lost,
			.record = it->record,
			.dead = it->dead,
		};

		if (batch_add(&in->batch, &row) < 0)
			return -1;
	}
	return batch_finish(&in->batch);
}

/* --- after the commit ---------------------------------------------------------------------- */

static void
acknowledge(struct ingest *in)
{
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		if (s->stream && s->opened && in->places[i].found)
			in->events.committed(s->stream, in->places[i].seq);
		source_flow(in, s);
	}
	if (in->all_paused && in->queue_bytes < INGEST_QUEUE_BYTES / 2) {
		in->all_paused = false;
		source_flow_all(in);
	}
}

static void
group_committed(struct ingest *in)
{
	in->counters.records += in->flight_items;
	in->counters.transactions++;
	in->counters.dead += (uint64_t)in->batch.dead;
	if (in->flight_items > (size_t)in->batch.dead)
		in->dead_run = 0;
	while (!list_empty(&in->flight))
		item_free(in, list_first(struct item, &in->flight, link));
	in->flight_items = 0;
	in->said_refused = false;
	if (in->group_max < INGEST_GROUP_RECORDS)
		in->group_max *= 2;
	if (in->group_max > INGEST_GROUP_RECORDS)
		in->group_max = INGEST_GROUP_RECORDS;
	acknowledge(in);
	group_over(in);
}

/* --- when the database says no ------------------------------------------------------------------ */

/* Data exceptions, violated constraints, errors raised by triggers: the record's fault (PostgreSQL manual,
 * appendix A). Everything else is the database's or ours. */
static bool
is_about_data(const char *state)
{
	return str_starts(state, "22") || str_starts(state, "23") || str_starts(state, "P0") ||
	    strcmp(state, "21000") == 0 || strcmp(state, "54000") == 0;
}

static void
group_refused(struct ingest *in, const char *state, const char *why)
{
	struct item *first = list_first(struct item, &in->flight, link);

	if (!is_about_data(state) || in->dead_run >= INGEST_DEAD_RUN) {
		in->dead_run = 0;
		back_off(in, why);
	} else if (in->flight_items > 1) {
		in->group_max = in->flight_items / 2;
	} else if (first && !first->dead) {
		first->dead = strdup(why);
		in->dead_run++;
		if (!first->dead)
			back_off(in, "out of memory");
	} else {
		back_off(in, why);
	}
	return_group(in);
	group_over(in);
}

static void
on_written(enum db_code code, const char *state, const char *why, void *arg)
{
	struct ingest *in = arg;

	switch (code) {
	case DB_OK:
		group_committed(in);
		return;
	case DB_E_LOST:
		/* Perhaps it is committed: the next begin will see. */
		return_group(in);
		group_over(in);
		return;
	default:
		group_refused(in, state, why);
	}
}

static void
on_rolled_back(void *arg)
{
	struct ingest *in = arg;

	acknowledge(in);
	group_over(in);
}

static void
on_rolled_back_for_later(void *arg)
{
	struct ingest *in = arg;

	return_group(in);
	group_over(in);
}

static void
on_begun(enum db_code code, const char *state, const char *why, int64_t idx, void *arg)
{
	struct ingest *in = arg;

	(void)state;
	if (code == DB_E_LOST) {
		return_group(in);
		group_over(in);
		return;
	}
	if (code != DB_OK) {
		back_off(in, why);
		store_rollback(in->store, on_rolled_back_for_later, in);
		return;
	}
	settle(in);
	if (list_empty(&in->flight)) {
		store_rollback(in->store, on_rolled_back, in);
		return;
	}
	if (build(in, idx) < 0) {
		back_off(in, "out of memory");
		store_rollback(in->store, on_rolled_back_for_later, in);
		return;
	}
	store_write(in->store, &in->batch, in->places, in->n_places, on_written, in);
}

/* --- the turn ---------------------------------------------------------------------- */

static void
on_maintained(bool ok, void *arg)
{
	struct ingest *in = arg;

	if (!ok)
		back_off(in, "partitions of the coming days could not be made");
	else if (!store_has_day(in->store, wall_us()))
		back_off(in,
		    "the clocks of this host and of the database differ by more than a day");
	else
		in->maintain_due = false;
	turn_over(in);
}

static bool
must_maintain(struct ingest *in)
{
	if (in->retry_wait)
		return false;
	return in->maintain_due ||
	    (!list_empty(&in->queue) && !store_has_day(in->store, wall_us()));
}

static void
finish_drain(struct ingest *in)
{
	void (*drained)(void *) = in->drained;

	if (!drained || in->writer == WRITER_BUSY ||
	    (in->writer == WRITER_IDLE && !list_empty(&in->queue)))
		return;
	in->drained = NULL;
	drained(in->drained_arg);
}

static void
on_turn(void *arg)
{
	struct ingest *in = arg;
	struct ingest_source *s;

	if (in->writer == WRITER_IDLE) {
		s = next_to_open(in);
		if (must_maintain(in)) {
			in->writer = WRITER_BUSY;
			store_maintain(in->store, on_maintained, in);
		} else if (s) {
			ask_place(in, s);
		} else if (group_is_due(in)) {
			start_group(in);
		} else if (!list_empty(&in->queue) && !in->retry_wait) {
			timer_start(&in->timer,
			    in->oldest_ms + INGEST_GROUP_MS - loop_now_ms(in->loop));
		}
	}
	finish_drain(in);
}

static void
on_timer(void *arg)
{
	struct ingest *in = arg;

	in->retry_wait = false;
	ingest_kick(in);
}

static void
on_maintain_timer(void *arg)
{
	struct ingest *in = arg;

	in->maintain_due = true;
	ingest_kick(in);
}

void
ingest_store_ready(struct ingest *in)
{
	if (in->writer == WRITER_AWAY)
		in->writer = WRITER_IDLE;
	ingest_kick(in);
}

void
ingest_store_lost(struct ingest *in)
{
	/* Busy: the operation that runs ends by itself, and then finds the store away. */
	if (in->writer == WRITER_IDLE)
		in->writer = WRITER_AWAY;
	ingest_kick(in);
}

void
ingest_drain(struct ingest *in, void (*done)(void *arg), void *arg)
{
	in->drained = done;
	in->drained_arg = arg;
	source_flow_all(in);
	ingest_kick(in);
}

struct ingest_counters
ingest_counters(const struct ingest *in)
{
	struct ingest_counters c = in->counters;

	c.queued = in->queue_items;
	c.queued_bytes = in->queue_bytes;
	c.streams = map_count(in->sources);
	return c;
}

int
ingest_new(struct ingest **ret, struct loop *loop, struct store *store,
    const struct ingest_events *events)
{
	struct ingest *in = calloc(1, sizeof(*in));

	*ret = NULL;
	if (!in)
		return -1;
	in->loop = loop;
	in->store = store;
	in->events = *events;
	in->group_max = INGEST_GROUP_RECORDS;
	list_init(&in->opening);
	list_init(&in->queue);
	list_init(&in->flight);
	deferred_init(&in->turn, on_turn, in);
	in->sources = map_new();
	if (!in->sources || timer_init(&in->timer, loop, on_timer, in) < 0 ||
	    timer_init(&in->maintain, loop, on_maintain_timer, in) < 0) {
		ingest_free(in);
		return -1;
	}
	timer_repeat(&in->maintain, INGEST_MAINTAIN_MS);
	*ret = in;
	return 0;
}

void
ingest_free(struct ingest *in)
{
	size_t pos = 0;
	void *value;

	if (!in)
		return;
	deferred_cancel(&in->turn);
	timer_done(&in->timer);
	timer_done(&in->maintain);
	return_group(in);
	while (!list_empty(&in->queue))
		item_free(in, list_first(struct item, &in->queue, link));
	if (in->batch_live)
		batch_done(&in->batch);
	free(in->places);
	in->asking = NULL;
	while (in->sources && map_next(in->sources, &pos, NULL, &value)) {
		struct ingest_source *s = value;

		s->stream = NULL;
		source_release(s);
	}
	map_free(in->sources);
	free(in);
}
