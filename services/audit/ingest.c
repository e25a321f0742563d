/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: when the writer does what, and the life of it all; see ingest.h. What the writer does is writer.c, the
 * records of one transaction group.c, the queue source.c.
 */
#include "audit/ingest.h"

#include <stdlib.h>
#include <time.h>

#include "audit/ingest_priv.h"

/* At the end of the turn, however often it is asked for: what led here may still be under way. */
void
ingest_kick(struct ingest *in)
{
	loop_defer(in->loop, &in->turn);
}

int64_t
ingest_wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- the turn ---------------------------------------------------------------------- */

/* A record of a day without a partition would be refused, and be set aside as if it were bad. */
static bool
must_maintain(struct ingest *in)
{
	if (in->retry_wait)
		return false;
	return in->maintain_due ||
	    (!list_empty(&in->queue) && !store_has_day(in->store, ingest_wall_us()));
}

static void
finish_drain(struct ingest *in)
{
	void (*drained)(void *) = in->drained;

	/* Without the database nothing more can be committed: it is not waited for. */
	if (!drained || writer_is_busy(in) ||
	    (in->writer == WRITER_IDLE && (in->next.n || !list_empty(&in->queue))))
		return;
	in->drained = NULL;
	drained(in->drained_arg);
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

/* The one that was made ready, or what waits. */
static void
start_group(struct ingest *in)
{
	group_go_on(in, in->next.n); /* what of it is not made yet, before the lock is taken */
	if (in->next.n)
		group_shift(in);
	else if (group_prepare(in, &in->group) < 0) {
		writer_back_off(in, "out of memory");
		return;
	}
	/* Perhaps its source was thrown out. */
	if (in->group.n)
		writer_enter(in, WRITER_BEGINNING);
	else
		group_done(in, &in->group);
}

/* What an idle writer does next. */
static void
choose(struct ingest *in)
{
	if (must_maintain(in)) {
		writer_enter(in, WRITER_MAINTAINING);
		/* Before groups: a producer sends nothing until it knows its place. */
	} else if ((in->asking = next_to_open(in))) {
		writer_enter(in, WRITER_PLACING);
	} else if ((in->next.n && !in->retry_wait) || group_is_due(in)) {
		start_group(in);
	} else if (!list_empty(&in->queue) && !in->retry_wait) {
		/* Until the oldest has waited long enough; more records may fill the group
		 * before. */
		timer_start(&in->timer, in->oldest_ms + INGEST_GROUP_MS - loop_now_ms(in->loop));
	}
}

/* While the database works at one group, the rows of the next one are made. Not on the search for a record at fault, when
 * the one that runs will hardly be committed. */
static void
work_ahead(struct ingest *in)
{
	if (in->next.n)
		group_go_on(in, INGEST_SLICE_RECORDS);
	else if (in->group_max == INGEST_GROUP_RECORDS && group_is_due(in))
		(void)group_prepare(in, &in->next);
	if (!group_is_made(&in->next))
		ingest_kick(in);
	/* All of it was there already, or thrown out: then there is no next group, and its places are let go of. */
	if (!in->next.n)
		group_done(in, &in->next);
}

static void
on_turn(void *arg)
{
	struct ingest *in = arg;

	if (in->writer == WRITER_IDLE)
		choose(in);
	if (in->writer == WRITER_WRITING)
		work_ahead(in);
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

/* Otherwise an operation runs, and looks at the store when it ends. */
void
ingest_store_ready(struct ingest *in)
{
	if (in->writer == WRITER_AWAY)
		writer_enter(in, WRITER_IDLE);
}

void
ingest_store_lost(struct ingest *in)
{
	/* Busy: the operation that runs ends by itself, and then finds the store away. */
	if (in->writer == WRITER_IDLE)
		writer_enter(in, WRITER_AWAY);
}

/* done is called once, when nothing is under way and nothing more can be written. */
void
ingest_drain(struct ingest *in, void (*done)(void *arg), void *arg)
{
	in->drained = done;
	in->drained_arg = arg;
	source_flow_all(in);
	ingest_kick(in);
}

static int64_t
oldest_ms(const struct ingest *in)
{
	const int64_t now = loop_now_ms(in->loop);
	int64_t since = list_empty(&in->queue) ? now : in->oldest_ms;

	if (in->next.n && in->next.oldest_ms < since)
		since = in->next.oldest_ms;
	if (in->group.n && in->group.oldest_ms < since)
		since = in->group.oldest_ms;
	return now - since;
}

struct ingest_counters
ingest_counters(const struct ingest *in)
{
	struct ingest_counters c = in->counters;

	c.queued = in->queue_items;
	c.queued_bytes = in->queue_bytes;
	c.streams = map_count(in->sources);
	c.oldest_ms = oldest_ms(in);
	return c;
}

int
ingest_new(struct ingest **ret, const struct ingest_config *config,
    const struct ingest_events *events)
{
	struct ingest *in = calloc(1, sizeof(*in));

	*ret = NULL;
	if (!in)
		return -1;
	in->loop = config->loop;
	in->store = config->store;
	in->replica = config->replica;
	in->events = *events;
	in->arg = config->arg;
	in->group_max = INGEST_GROUP_RECORDS;
	list_init(&in->opening);
	list_init(&in->queue);
	list_init(&in->group.items);
	list_init(&in->next.items);
	batch_init(&in->group.batch);
	batch_init(&in->next.batch);
	deferred_init(&in->turn, on_turn, in);
	in->sources = map_new();
	in->producers = map_new();
	in->known = facts_new(NULL);
	if (!in->sources || !in->producers || !in->known ||
	    timer_init(&in->timer, in->loop, on_timer, in) < 0 ||
	    timer_init(&in->maintain, in->loop, on_maintain_timer, in) < 0) {
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
	/* Nobody is told any more. */
	while (in->sources && map_next(in->sources, &pos, NULL, &value))
		((struct ingest_source *)value)->stream = NULL;
	group_done(in, &in->next);
	group_done(in, &in->group);
	batch_done(&in->next.batch);
	batch_done(&in->group.batch);
	while (!list_empty(&in->queue))
		ingest_item_free(in, list_first(struct item, &in->queue, link));
	in->asking = NULL;
	pos = 0;
	while (in->sources && map_next(in->sources, &pos, NULL, &value))
		source_release(value);
	map_free(in->sources);
	pos = 0;
	while (in->producers && map_next(in->producers, &pos, NULL, &value))
		free(value);
	map_free(in->producers);
	facts_free(in->known);
	free(in);
}
