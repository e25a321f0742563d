/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: the records of one transaction: taken from the queue, made into rows, checked against what the database has,
 * acknowledged or put back. Called by writer.c and ingest.c. Memory only.
 *
 * Rows are made before the lock of all writers is taken, while the transaction before them is still under way, from
 * what will be there when that one commits: its sources' places, its facts, its last number. When the database then says
 * that things stand otherwise (another auditd wrote), they are made once more, under the lock.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/ingest_priv.h"
#include "base/log.h"

/* --- taking ---------------------------------------------------------------------- */

/* When waiting for more would win nothing: there is enough, it is old enough, the last, or on the search for a record at
 * fault. */
bool
group_is_due(const struct ingest *in)
{
	size_t items = in->queue_items - in->group.n - in->next.n;
	size_t bytes = in->queue_bytes - in->group.bytes - in->next.bytes;

	if (list_empty(&in->queue) || in->retry_wait)
		return false;
	return items >= INGEST_DUE_RECORDS || bytes >= INGEST_DUE_BYTES || in->drained ||
	    in->group_max < INGEST_GROUP_RECORDS ||
	    loop_now_ms(in->loop) - in->oldest_ms >= INGEST_GROUP_MS;
}

/* Out of the queue into the group, where they stay until the transaction is over. */
static void
take_items(struct ingest *in, struct group *g)
{
	list_each (struct item, it, &in->queue, link) {
		/* One record goes always, however large, or the queue would stand still. */
		if (g->n && (g->n >= in->group_max || g->bytes + it->record.n > INGEST_GROUP_BYTES))
			break;
		list_del(&it->link);
		list_add(&g->items, &it->link);
		g->n++;
		g->bytes += it->record.n;
	}
	g->oldest_ms = in->oldest_ms;
	in->oldest_ms = loop_now_ms(in->loop);
}

/* Back to the head of the queue, in order. */
static void
give_back(struct ingest *in, struct group *g)
{
	while (!list_empty(&g->items)) {
		struct list *last = g->items.prev;

		list_del(last);
		list_add(in->queue.next, last);
	}
	/* A try that failed makes nothing younger. */
	if (g->n && g->oldest_ms < in->oldest_ms)
		in->oldest_ms = g->oldest_ms;
	g->n = g->bytes = 0;
}

static void
drop_item(struct ingest *in, struct group *g, struct item *it)
{
	g->n--;
	g->bytes -= it->record.n;
	ingest_item_free(in, it);
}

static int
compare_places(const void *a, const void *b)
{
	const struct store_place *x = a, *y = b;

	return x->source < y->source ? -1 : x->source > y->source;
}

/* A place for each source that has records in the group, sorted by the source's number. */
static int
list_places(struct group *g)
{
	g->places = calloc(g->n, sizeof(*g->places));
	g->n_places = 0;
	if (!g->places)
		return -1;
	list_each (struct item, it, &g->items, link) {
		struct ingest_source *s = it->source;

		if (s->listed)
			continue;
		s->listed = true;
		s->groups++;
		g->places[g->n_places++] = (struct store_place){
			.source = s->id,
			.owner = s,
			.found = true,
			.at = s->grouped,
			.expected = s->grouped,
		};
	}
	for (size_t i = 0; i < g->n_places; i++)
		((struct ingest_source *)g->places[i].owner)->listed = false;
	qsort(g->places, g->n_places, sizeof(*g->places), compare_places);
	return 0;
}

/* As if it had never been taken. */
static void
undo(struct ingest *in, struct group *g)
{
	for (size_t i = 0; i < g->n_places; i++)
		((struct ingest_source *)g->places[i].owner)->grouped = g->places[i].expected;
	give_back(in, g);
	group_done(in, g);
}

/* --- settling: what the database knows decides ------------------------------------------------- */

static struct store_place *
place_of(const struct group *g, int32_t id)
{
	const struct store_place key = { .source = id };

	return bsearch(&key, g->places, g->n_places, sizeof(key), compare_places);
}

/* Ends streams of which the database is elsewhere than we thought: another auditd serves the same log. */
static void
out_of_step(struct ingest *in, struct group *g, struct ingest_source *s)
{
	log_warn(
	    "a producer's log is elsewhere than expected; it starts again from what is committed",
	    "source", s->name, NULL);
	list_each (struct item, it, &g->items, link) {
		if (it->source == s)
			drop_item(in, g, it);
	}
	source_reset(s, RPC_ABORTED,
	    "the log is elsewhere than expected; go on from the place that the next stream tells");
}

/* One pass over the group; false: a source was thrown out, and the list is not what it was. */
static bool
settle_once(struct ingest *in, struct group *g)
{
	for (size_t i = 0; i < g->n_places; i++) {
		g->places[i].seq = g->places[i].at;
		g->places[i].records = 0;
	}
	list_each (struct item, it, &g->items, link) {
		struct store_place *p = place_of(g, it->source->id);

		/* Committed already: the connection to the database was lost before the answer to
		 * COMMIT. It is acknowledged with the others. */
		if (p->found && it->seq <= p->at) {
			drop_item(in, g, it);
			continue;
		}
		/* A hole that the producer did not declare. To write behind it would be to
		 * acknowledge what never came. */
		if (!p->found || it->seq != p->seq + 1 + it->lost) {
			out_of_step(in, g, it->source);
			return false;
		}
		p->seq = it->seq;
		p->records++;
	}
	return true;
}

static void
settle(struct ingest *in, struct group *g)
{
	while (!settle_once(in, g))
		;
	for (size_t i = 0; i < g->n_places; i++)
		((struct ingest_source *)g->places[i].owner)->grouped = g->places[i].seq;
}

/* --- rows ---------------------------------------------------------------------- */

/* Counted from what is committed before, since the same records may be built several times. */
static void
start_counting(struct ingest_producer *q, bool current)
{
	if (current) {
		q->pending = true;
		q->next = q->now;
	} else {
		q->ahead = q->pending ? q->next : q->now;
	}
}

static int
add_item(struct group *g, const struct item *it, bool current)
{
	struct ingest_producer *q = it->source->producer;
	struct batch_item row = {
		.producer = { it->source->who, it->source->name, it->source->id },
		.seq = it->seq,
		.lost = it->lost,
		.record = it->record,
		.dead = it->dead,
		.quiet = it->quiet,
		.refusals = current ? &q->next : &q->ahead,
	};

	return batch_add(&g->batch, &row);
}

/* The first records are passed over again at each slice: that is little beside making rows. */
static int
add_items(struct ingest *in, struct group *g, size_t n)
{
	bool current = g == &in->group;
	size_t at = 0;

	list_each (struct item, it, &g->items, link) {
		if (at++ < g->added)
			continue;
		if (!n--)
			break;
		if (add_item(g, it, current) < 0)
			return -1;
		g->added++;
	}
	return 0;
}

static int
build_begin(struct ingest *in, struct group *g)
{
	int64_t now = ingest_wall_us();
	struct judge judge = { .replica = in->replica, .facts = g->facts };

	g->built = false;
	g->added = 0;
	/* The time of ingest never goes back, whatever the clock does: partitions and searches go by it. */
	in->last_us = now > in->last_us ? now : in->last_us;
	for (size_t i = 0; i < g->n_places; i++)
		start_counting(((struct ingest_source *)g->places[i].owner)->producer,
		    g == &in->group);
	judge.now_us = in->last_us;
	return batch_begin(&g->batch, &judge, g->idx);
}

/* 0: the rows are there; 1: the database must be asked first; negative without memory. */
static int
build_end(struct group *g)
{
	if (facts_is_wanting(g->facts)) {
		facts_forget(g->facts);
		return 1;
	}
	if (batch_finish(&g->batch) < 0)
		return -1;
	g->built = true;
	return 0;
}

/* All at once; answers like build_end. */
static int
build(struct ingest *in, struct group *g)
{
	if (build_begin(in, g) < 0 || add_items(in, g, g->n) < 0)
		return -1;
	return build_end(g);
}

bool
group_is_made(const struct group *g)
{
	return g->added == g->n;
}

void
group_go_on(struct ingest *in, size_t n)
{
	struct group *g = &in->next;

	if (group_is_made(g))
		return;
	if (add_items(in, g, n) < 0 || (group_is_made(g) && build_end(g) < 0))
		undo(in, g);
}

/* Half of it, a quarter, ... one, until it is clear which record it is. Memory may be short for a while only: a record is not
 * blamed at once. */
void
group_failed(struct ingest *in, struct group *g)
{
	struct item *first = list_first(struct item, &g->items, link);

	if (g->n > 1)
		in->group_max = g->n / 2;
	else if (first && ++first->fails >= INGEST_FAILS_MAX) {
		first->quiet = first->dead != NULL;
		if (!first->dead)
			first->dead = strdup("no rows can be made of it: out of memory");
	}
}

int
group_prepare(struct ingest *in, struct group *g)
{
	bool ahead = g == &in->next;

	take_items(in, g);
	g->idx = ahead ? in->group.batch.idx : in->idx;
	g->facts = facts_new(ahead ? in->group.facts : in->known);
	if (g->facts && list_places(g) == 0) {
		settle(in, g);
		if ((ahead ? build_begin(in, g) : build(in, g)) >= 0)
			return 0;
	}
	if (g == &in->group)
		group_failed(in, g);
	undo(in, g);
	return -1;
}

/* Whether everything is as it was expected when the rows were made. */
static bool
is_as_expected(const struct group *g, int64_t idx)
{
	if (!g->built || g->idx != idx)
		return false;
	for (size_t i = 0; i < g->n_places; i++) {
		const struct store_place *p = &g->places[i];

		if (!p->found || p->at != p->expected)
			return false;
	}
	return true;
}

int
group_begun(struct ingest *in, struct group *g, int64_t idx)
{
	if (is_as_expected(g, idx))
		return 0;
	g->idx = idx;
	/* The same records are judged once more: they must not contradict themselves. */
	facts_forget(g->facts);
	settle(in, g);
	return list_empty(&g->items) ? 0 : build(in, g);
}

int
group_rebuild(struct ingest *in, struct group *g)
{
	return build(in, g);
}

/* --- after the commit ---------------------------------------------------------------------- */

/* Called only when the database has answered that they are committed: the producer deletes what
 * it is told here. */
void
group_acknowledge(struct ingest *in, struct group *g)
{
	for (size_t i = 0; i < g->n_places; i++) {
		struct ingest_source *s = g->places[i].owner;

		if (!g->places[i].found)
			continue;
		s->committed = g->places[i].seq;
		if (s->stream && s->opened)
			in->events.committed(s->stream, s->committed);
	}
}

void
group_committed(struct ingest *in, struct group *g)
{
	facts_keep(g->facts);
	in->idx = g->batch.idx;
	for (size_t i = 0; i < g->n_places; i++) {
		struct ingest_producer *q = ((struct ingest_source *)g->places[i].owner)->producer;

		if (q->pending)
			q->now = q->next;
		q->pending = false;
	}
	group_acknowledge(in, g);
	batch_each_session(&g->batch, in->events.recorded, in->arg);
}

/* --- the end ---------------------------------------------------------------------- */

void
group_done(struct ingest *in, struct group *g)
{
	while (!list_empty(&g->items))
		drop_item(in, g, list_first(struct item, &g->items, link));
	for (size_t i = 0; i < g->n_places; i++) {
		struct ingest_source *s = g->places[i].owner;

		s->groups--;
		s->producer->pending = s->producer->pending && g != &in->group;
		source_flow_of(in, s);
		source_release(s);
	}
	free(g->places);
	facts_free(g->facts);
	g->places = NULL;
	g->n_places = 0;
	g->facts = NULL;
	g->added = 0;
	g->built = false;
}

void
group_unprepare(struct ingest *in)
{
	undo(in, &in->next);
}

/* Also when none of its records is left there: undone later, the group would bring the old place back. */
void
group_forget_place(struct ingest *in, const struct ingest_source *s)
{
	for (size_t i = 0; i < in->next.n_places; i++) {
		if (in->next.places[i].owner == s) {
			group_unprepare(in);
			return;
		}
	}
}

void
group_return(struct ingest *in)
{
	struct group *g = &in->group;

	/* What was made ready builds on what is not there now. */
	group_unprepare(in);
	for (size_t i = 0; i < g->n_places; i++) {
		struct ingest_source *s = g->places[i].owner;

		s->grouped = s->committed;
	}
	give_back(in, g);
	group_done(in, g);
}

void
group_shift(struct ingest *in)
{
	struct group empty = in->group, *g = &in->group;

	/* The rows' memory is exchanged: what was written is used again for what is made ready next. */
	*g = in->next;
	list_init(&g->items);
	list_move_all(&g->items, &in->next.items);
	in->next = empty;
	list_init(&in->next.items);
	facts_stand_on(g->facts, in->known);
	for (size_t i = 0; i < g->n_places; i++) {
		struct ingest_producer *q = ((struct ingest_source *)g->places[i].owner)->producer;

		q->next = q->ahead;
		q->pending = true;
	}
}
