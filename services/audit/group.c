/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: the records of one transaction: taken from the queue, settled against what the database has, made into rows,
 * acknowledged or put back. Called by writer.c. Memory only.
 */
#include <stdlib.h>

#include "audit/ingest_priv.h"
#include "base/log.h"

/* --- taking ---------------------------------------------------------------------- */

/* When waiting for more would win nothing: it is full, old enough, the last, or on the search for
 * a record at fault. */
bool
group_is_due(const struct ingest *in)
{
	if (list_empty(&in->queue) || in->retry_wait)
		return false;
	return in->queue_items >= INGEST_GROUP_RECORDS || in->queue_bytes >= INGEST_GROUP_BYTES ||
	    in->drained || in->group_max < INGEST_GROUP_RECORDS ||
	    loop_now_ms(in->loop) - in->oldest_ms >= INGEST_GROUP_MS;
}

/* Out of the queue into `flight`, where they stay until the transaction is over. */
static void
take_items(struct ingest *in)
{
	size_t bytes = 0;

	list_each (struct item, it, &in->queue, link) {
		/* One record goes always, however large, or the queue would stand still. */
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
void
group_return(struct ingest *in)
{
	while (!list_empty(&in->flight)) {
		struct list *last = in->flight.prev;

		list_del(last);
		list_add(in->queue.next, last);
	}
	in->flight_items = 0;
}

void
group_drop(struct ingest *in)
{
	while (!list_empty(&in->flight))
		ingest_item_free(in, list_first(struct item, &in->flight, link));
	in->flight_items = 0;
}

/* A place for each source that has records in the group. */
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

int
group_take(struct ingest *in)
{
	take_items(in);
	if (list_places(in) == 0)
		return 0;
	group_return(in);
	return -1;
}

/* --- settling: what the database knows decides ------------------------------------------------- */

/* The places are sorted by store_ingest_begin. */
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
		ingest_item_free(in, it);
		in->flight_items--;
	}
	source_reset(s, RPC_ABORTED,
	    "the log is elsewhere than expected; go on from the place that the next stream tells");
}

/* One pass over the group; false: a source was thrown out, and the list is not what it was. */
static bool
settle_once(struct ingest *in)
{
	for (size_t i = 0; i < in->n_places; i++) {
		in->places[i].seq = in->places[i].at;
		in->places[i].records = 0;
	}
	list_each (struct item, it, &in->flight, link) {
		struct store_place *p = place_of(in, it->source->id);

		/* Committed already: the connection to the database was lost before the answer to
		 * COMMIT. It is acknowledged with the others. */
		if (p->found && it->seq <= p->at) {
			ingest_item_free(in, it);
			in->flight_items--;
			continue;
		}
		/* A hole that the producer did not declare. To write behind it would be to
		 * acknowledge what never came. */
		if (!p->found || it->seq != p->seq + 1 + it->lost) {
			out_of_step(in, it->source);
			return false;
		}
		p->seq = it->seq;
		p->records++;
	}
	return true;
}

void
group_settle(struct ingest *in)
{
	while (!settle_once(in))
		;
}

/* --- rows ---------------------------------------------------------------------- */

static int
add_items(struct ingest *in)
{
	list_each (struct item, it, &in->flight, link) {
		struct batch_item row = {
			.producer = { it->source->who, it->source->name, it->source->id },
			.seq = it->seq,
			.lost = it->lost,
			.record = it->record,
			.dead = it->dead,
			.quiet = it->quiet,
			.refusals = &it->source->refusals->next,
		};

		if (batch_add(&in->batch, &row) < 0)
			return -1;
	}
	return 0;
}

static void
drop_batch(struct ingest *in)
{
	if (in->batch_live)
		batch_done(&in->batch);
	in->batch_live = false;
}

/* 0 ready to be written, 1 the database must be asked first, negative without memory. */
int
group_build(struct ingest *in)
{
	int64_t now = ingest_wall_us();
	struct judge judge = { .replica = in->replica };

	/* The time of ingest never goes back, whatever the clock does: partitions and searches go by it. */
	in->last_us = now > in->last_us ? now : in->last_us;
	if (!in->facts)
		in->facts = facts_new(in->known);
	if (!in->facts)
		return -1;
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		/* Counted from what is committed, since the same records may be built several
		 * times. */
		s->refusals->next = s->refusals->now;
	}
	judge.facts = in->facts;
	judge.now_us = in->last_us;
	in->batch_live = true;
	if (batch_init(&in->batch, &judge, in->idx) < 0 || add_items(in) < 0)
		return -1;
	if (!facts_is_wanting(in->facts))
		return batch_finish(&in->batch);
	drop_batch(in);
	facts_forget(in->facts);
	return 1;
}

/* --- after the commit ---------------------------------------------------------------------- */

void
group_commit(struct ingest *in)
{
	facts_keep(in->facts);
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		s->refusals->now = s->refusals->next;
	}
}

/* Called only when the database has answered that they are committed: the producer deletes what
 * it is told here. */
void
group_acknowledge(struct ingest *in)
{
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		if (s->stream && s->opened && in->places[i].found)
			in->events.committed(s->stream, in->places[i].seq);
		source_flow(in, s);
	}
	/* At half, or every record that goes out would let one stream run for a moment. */
	if (in->all_paused && in->queue_bytes < INGEST_QUEUE_BYTES / 2) {
		in->all_paused = false;
		source_flow_all(in);
	}
}

/* --- the end ---------------------------------------------------------------------- */

void
group_over(struct ingest *in)
{
	drop_batch(in);
	facts_free(in->facts);
	in->facts = NULL;
	for (size_t i = 0; i < in->n_places; i++) {
		struct ingest_source *s = in->places[i].owner;

		s->in_group = false;
		source_release(s);
	}
	free(in->places);
	in->places = NULL;
	in->n_places = 0;
}
