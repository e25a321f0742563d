/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: the logs of producers, their streams, and the queue of their records; see ingest.h. Memory only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "audit/ingest_priv.h"
#include "rec/batch.h"

/* --- items ---------------------------------------------------------------------- */

/* Records point into the batch that they came in: it stays until the last of them is gone. */
static void
pack_release(struct pack *p)
{
	if (--p->refs)
		return;
	buf_done(&p->raw);
	free(p);
}

/* Out of whatever list it is in. */
void
ingest_item_free(struct ingest *in, struct item *it)
{
	struct ingest_source *s = it->source;

	list_del(&it->link);
	in->queue_items--;
	in->queue_bytes -= it->record.n;
	s->items--;
	s->producer->bytes -= it->record.n;
	pack_release(it->pack);
	free(it->dead);
	free(it);
}

/* --- flow control ---------------------------------------------------------------------- */

/* Down to half before it goes on, so that a stream is not switched for each record. */
static bool
is_beyond(size_t bytes, size_t most, bool paused)
{
	return bytes > (paused ? most / 2 : most);
}

void
source_flow(struct ingest *in, struct ingest_source *s)
{
	size_t bytes = s->producer->bytes;
	bool want = in->drained || in->queue_bytes > INGEST_CEILING_BYTES ||
	    (in->crowded && bytes > INGEST_RESERVE_BYTES) ||
	    is_beyond(bytes, INGEST_PRODUCER_BYTES, s->paused);

	if (want == s->paused || !s->stream)
		return;
	s->paused = want;
	in->events.pause(s->stream, want);
}

void
source_flow_all(struct ingest *in)
{
	size_t pos = 0;
	void *value;

	while (map_next(in->sources, &pos, NULL, &value))
		source_flow(in, value);
}

/* What one log takes up is its producer's, and of the whole: others may have to stop, or can go on. */
void
source_flow_of(struct ingest *in, struct ingest_source *s)
{
	bool paused = s->paused, crowded = in->crowded;

	in->crowded = is_beyond(in->queue_bytes, INGEST_QUEUE_BYTES, crowded);
	source_flow(in, s);
	if (s->paused != paused || in->crowded != crowded || in->crowded)
		source_flow_all(in);
}

/* --- sources ---------------------------------------------------------------------- */

/* Freed by whoever lets go last: its stream, its records, a group, or the question for its place. */
void
source_release(struct ingest_source *s)
{
	if (s->stream || s->items || s->groups || s->in->asking == s)
		return;
	list_del(&s->waiting);
	map_del(s->in->sources, s->key);
	free(s->key);
	free(s->name);
	free(s->log_id);
	free(s->host);
	free(s);
}

/* Those of a producer outlive its streams: who comes again and again is not said more often. NULL: no memory. */
static struct ingest_producer *
producer_of(struct ingest *in, enum rpc_who who, const char *name)
{
	char key[300];
	struct ingest_producer *q;

	(void)str_format(key, sizeof(key), "%s/%s", rpc_who_name(who), name);
	q = map_get(in->producers, key);
	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (q && map_put(in->producers, key, q, NULL))
		return q;
	free(q);
	return NULL;
}

/* NULL: no memory. Freed by source_release. */
static struct ingest_source *
source_new(struct ingest *in, const char *key, enum rpc_who who, const char *name,
    const char *log_id)
{
	struct ingest_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->in = in;
	list_init(&s->waiting);
	s->who = who;
	s->key = strdup(key);
	s->name = strdup(name);
	s->log_id = strdup(log_id);
	s->producer = producer_of(in, who, name);
	if (!s->producer || !s->key || !s->name || !s->log_id ||
	    !map_put(in->sources, key, s, NULL)) {
		free(s->key);
		free(s->name);
		free(s->log_id);
		free(s);
		return NULL;
	}
	return s;
}

static bool
is_made_ready(const struct ingest_source *s)
{
	list_each (struct item, it, &s->in->next.items, link) {
		if (it->source == s)
			return true;
	}
	return false;
}

/* Forgets queued records: their producer will send them again. Those of the transaction that runs stay: what the database
 * does with them is not known yet. */
static void
drop_queued(struct ingest_source *s)
{
	struct ingest *in = s->in;

	if (is_made_ready(s))
		group_unprepare(in);
	list_each (struct item, it, &in->queue, link) {
		if (it->source == s)
			ingest_item_free(in, it);
	}
}

void
source_reset(struct ingest_source *s, enum rpc_code code, const char *why)
{
	void *stream = s->stream;

	drop_queued(s);
	s->opened = false;
	if (!stream)
		return;
	s->stream = NULL;
	list_del(&s->waiting);
	s->in->events.end(stream, code, why);
}

/* One stream a log: the newest wins, since the producer knows better which of them it uses. */
struct ingest_source *
ingest_open(struct ingest *in, enum rpc_who who, const char *name, const char *log_id,
    const char *host, void *stream)
{
	struct ingest_source *s;
	char *copy = strdup(host);
	char key[400];

	(void)str_format(key, sizeof(key), "%s/%s/%s", rpc_who_name(who), name, log_id);
	s = map_get(in->sources, key);
	if (!s)
		s = source_new(in, key, who, name, log_id);
	if (!s || !copy) {
		free(copy);
		return NULL;
	}
	free(s->host);
	s->host = copy;
	/* The producer may have lost sight of its old stream before we did. */
	source_reset(s, RPC_ABORTED, "another stream of this log was opened");
	s->stream = stream;
	s->paused = false;
	s->opened = false;
	list_del(&s->waiting);
	list_add(&in->opening, &s->waiting);
	ingest_kick(in);
	return s;
}

/* The records that were taken stay: they are committed whether or not somebody waits to hear it. */
void
ingest_close(struct ingest_source *s)
{
	if (!s)
		return;
	s->stream = NULL;
	list_del(&s->waiting);
	source_release(s);
}

/* --- taking records ---------------------------------------------------------------------- */

/* Appends the items of p to list; negative without memory, 1 when p does not hold count records. */
static int
split(struct ingest_source *s, struct pack *p, uint64_t seq, uint32_t count, struct list *list)
{
	struct span in = buf_span(&p->raw);

	for (uint32_t i = 0; i < count; i++) {
		struct item *it;
		struct span record;

		if (batch_next(&in, &record) <= 0)
			return 1;
		it = calloc(1, sizeof(*it));
		if (!it)
			return -1;
		it->source = s;
		it->pack = p;
		it->seq = seq + i;
		it->record = record;
		p->refs++;
		list_add(list, &it->link);
	}
	return in.n ? 1 : 0;
}

/* In order of arrival, over all sources: nobody's records overtake anybody's. */
static void
enqueue(struct ingest_source *s, struct list *list)
{
	struct ingest *in = s->in;

	if (list_empty(&in->queue) && !list_empty(list))
		in->oldest_ms = loop_now_ms(in->loop);
	list_each (struct item, it, list, link) {
		list_del(&it->link);
		list_add(&in->queue, &it->link);
		in->queue_items++;
		in->queue_bytes += it->record.n;
		s->items++;
		s->producer->bytes += it->record.n;
	}
}

int
ingest_add(struct ingest_source *s, uint64_t first_seq, uint32_t count, uint64_t lost,
    struct buf *raw)
{
	struct pack *p;
	struct list list;
	int done;

	/* Numbers become bigint in the database, which is signed. */
	if (!s->opened || first_seq > (uint64_t)INT64_MAX - count || lost > first_seq ||
	    first_seq != s->queued + 1 + lost)
		return INGEST_E_ORDER;
	/* Every batch must move the place on, or a stream could go on for ever without one. */
	if (!count)
		return INGEST_E_MALFORMED;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -1;
	p->refs = 1;
	p->raw = *raw;
	list_init(&list);
	/* All or none: a batch that is half a lie is not taken by half. */
	done = split(s, p, first_seq, count, &list);
	if (done) {
		list_each (struct item, it, &list, link) {
			list_del(&it->link);
			free(it);
		}
		free(p); /* the bytes stay the caller's */
		return done < 0 ? -1 : INGEST_E_MALFORMED;
	}
	buf_init(raw, raw->max);
	list_first(struct item, &list, link)->lost = lost;
	enqueue(s, &list);
	pack_release(p);
	s->queued = first_seq + count - 1;
	source_flow_of(s->in, s);
	ingest_kick(s->in);
	return INGEST_OK;
}
