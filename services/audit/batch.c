/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: rows for COPY; see batch.h. Recordings are in batch_session.c.
 */
#include "audit/batch.h"

#include <string.h>

#include "api/event.h"
#include "audit/batch_priv.h"
#include "base/log.h"
#include "base/str.h"
#include "db/db.h"

#define MINUTE_US INT64_C(60000000)

enum { NAME_COLUMN_MAX = 1025 };

/* Buffers that every batch has; the first five are data of COPY. */
enum { BATCH_TABLES = 5, BATCH_BUFS = 8, BATCH_KEEP = 8 * 1024 * 1024 };

static void
list_bufs(struct batch *b, struct buf *bufs[BATCH_BUFS])
{
	struct buf *const all[BATCH_BUFS] = { &b->event_rows, &b->chunk_rows, &b->proof_rows,
		&b->dead_rows, &b->gap_rows, &b->sessions, &b->ended, &b->body };

	memcpy(bufs, all, sizeof(all));
}

void
batch_init(struct batch *b)
{
	struct buf *bufs[BATCH_BUFS];

	*b = (struct batch){ .now_us = 0 };
	list_bufs(b, bufs);
	for (int i = 0; i < BATCH_BUFS; i++)
		buf_init(bufs[i], BATCH_ROWS_MAX);
}

void
batch_done(struct batch *b)
{
	struct buf *bufs[BATCH_BUFS];

	batch_sessions_free(b);
	list_bufs(b, bufs);
	for (int i = 0; i < BATCH_BUFS; i++)
		buf_done(bufs[i]);
}

/* Every table's data begins with COPY's header, so that rows are only appended. */
int
batch_begin(struct batch *b, const struct judge *judge, int64_t idx)
{
	struct buf *bufs[BATCH_BUFS];

	batch_sessions_free(b);
	list_bufs(b, bufs);
	for (int i = 0; i < BATCH_BUFS; i++) {
		/* To grow from nothing each time cost more than the rows did; a batch of huge records must not
		 * be paid for ever. */
		if (bufs[i]->cap > BATCH_KEEP)
			buf_done(bufs[i]);
		buf_reset(bufs[i]);
		if (i < BATCH_TABLES)
			db_copy_begin(bufs[i]);
	}
	b->judge = *judge;
	b->now_us = judge->now_us;
	b->idx = idx;
	b->events = b->chunks = b->proofs = b->dead = b->gaps = 0;
	b->by_session = map_new();
	return b->by_session ? 0 : -1;
}

/* --- events ---------------------------------------------------------------------- */

static void
put_uuid(struct buf *rows, const struct record_uuid *id)
{
	if (id->set)
		db_copy_uuid(rows, id->bytes);
	else
		db_copy_null(rows);
}

/* A name as far as an index takes it (2 704 bytes, incompressible ones too); all of it is in the body. Whoever fails to
 * sign in chooses his name. */
static void
put_name(struct buf *rows, const char *name)
{
	char cut[NAME_COLUMN_MAX];
	size_t n = strlen(name);

	if (n < sizeof(cut)) {
		db_copy_bytes(rows, (struct span){ (const uint8_t *)name, n });
		return;
	}
	str_clean(cut, sizeof(cut), name, n);
	db_copy_bytes(rows, span_str(cut));
}

/* Number, order and types of the columns are those of COPY in store_ingest.c (write_events); the
 * other tables' likewise. */
static int
put_event(struct batch *b, const struct batch_item *item, const struct record *r,
    const struct verdict *v, struct span canon)
{
	struct buf *rows = &b->event_rows, *body = &b->body;

	buf_reset(body);
	/* For people's SQL. What the producer sent stands beside it, byte for byte (canon). */
	record_json(r, &v->view, body);
	db_copy_row(rows, 20);
	db_copy_time(rows, b->now_us);
	db_copy_i64(rows, b->idx);
	db_copy_time(rows, r->time_us);
	db_copy_bool(rows, v->at_doubtful);
	db_copy_bytes(rows, span_str(r->type));
	db_copy_bytes(rows, span_str(r->code));
	db_copy_bool(rows, r->ok);
	put_name(rows, r->user);
	db_copy_bytes(rows, span_str(v->view.backed));
	db_copy_bytes(rows, span_str(r->login));
	put_name(rows, v->view.node);
	db_copy_bytes(rows, span_str(v->view.node_name));
	put_uuid(rows, &r->session);
	put_uuid(rows, &r->connection);
	db_copy_bytes(rows, span_str(r->remote_addr));
	db_copy_bytes(rows, span_str(r->text));
	db_copy_i32(rows, item->producer.source);
	db_copy_i64(rows, (int64_t)item->seq);
	db_copy_bytes(rows, canon);
	db_copy_jsonb(rows, buf_span(body));
	b->events++;
	/* Order within the trail where times are equal: counted through all transactions. */
	b->idx++;
	return buf_ok(body) && buf_ok(rows) ? 0 : -1;
}

/* --- proofs ---------------------------------------------------------------------- */

static int
put_proof(struct batch *b, const struct batch_item *item, const struct record *r,
    const struct proof *proof)
{
	struct buf *rows = &b->proof_rows;

	db_copy_row(rows, 11);
	db_copy_uuid(rows, r->connection.bytes);
	db_copy_time(rows, b->now_us);
	db_copy_i32(rows, item->producer.source);
	db_copy_i64(rows, (int64_t)item->seq);
	db_copy_bytes(rows, (struct span){ proof->session_id, sizeof(proof->session_id) });
	db_copy_bytes(rows, span_str(proof->user));
	db_copy_bytes(rows, span_str(proof->login));
	db_copy_time(rows, proof->from_us);
	db_copy_time(rows, proof->until_us);
	db_copy_bytes(rows, r->signed_data);
	db_copy_bytes(rows, r->signature);
	b->proofs++;
	return buf_ok(rows) ? 0 : -1;
}

/* --- what is set aside ---------------------------------------------------------------------- */

/* Whether there may be one more event about the producer; *more: how many there were not before it. */
static bool
may_say(const struct batch *b, struct batch_refusals *q, uint64_t *more)
{
	if (b->now_us - q->minute_us >= MINUTE_US) {
		q->minute_us = b->now_us;
		q->said = 0;
	}
	if (q->said >= BATCH_REFUSALS_MAX) {
		q->unsaid++;
		return false;
	}
	q->said++;
	*more = q->unsaid;
	/* The numbers are a copy (refusals.next), which counts only when this transaction is
	 * committed: see group_commit. */
	q->unsaid = 0;
	return true;
}

/* The event that says so. It takes source and number of the record it is about: with them the dead letter is found. */
static int
put_refusal(struct batch *b, const struct batch_item *item, const struct record *r,
    struct record_refusal *refusal)
{
	struct verdict v = { .backed = "self",
		.view = { .node = "", .node_name = "", .backed = "self" } };
	struct record own;
	struct buf packed;
	int done = -1;

	refusal->kind = rpc_who_name(item->producer.who);
	refusal->name = item->producer.name;
	refusal->type = r->type;
	refusal->user = r->user;
	refusal->session = r->session.text;
	refusal->time_us = b->now_us;
	/* Its name by the registry, not by the record: that one was not believed. */
	if (item->producer.who == RPC_NODE) {
		const struct replica_host *host = replica_host(b->judge.replica,
		    item->producer.name);

		v.view.node = item->producer.name;
		v.view.node_name = host ? host->name : "";
	}
	buf_init(&packed, BATCH_ROWS_MAX);
	if (record_pack_refusal(refusal, &packed) == 0) {
		record_open(&own, buf_span(&packed));
		if (own.kind == RECORD_EVENT)
			done = put_event(b, item, &own, &v, buf_span(&packed));
		record_close(&own);
	}
	buf_done(&packed);
	return done;
}

static int
set_aside(struct batch *b, const struct batch_item *item, const struct record *r, const char *why)
{
	struct record_refusal refusal = { .reason = why };
	char seq[24];

	db_copy_row(&b->dead_rows, 5);
	db_copy_time(&b->dead_rows, b->now_us);
	db_copy_i32(&b->dead_rows, item->producer.source);
	db_copy_i64(&b->dead_rows, (int64_t)item->seq);
	db_copy_bytes(&b->dead_rows, span_str(why));
	db_copy_bytes(&b->dead_rows, item->record);
	b->dead++;
	/* The record is kept whatever happens below: nothing that was acknowledged is thrown
	 * away. */
	if (!buf_ok(&b->dead_rows))
		return -1;
	/* A producer that only sends rubbish must not fill the trail with our words about it. */
	if (item->quiet || !may_say(b, item->refusals, &refusal.more))
		return 0;
	(void)str_format(seq, sizeof(seq), "%llu", (unsigned long long)item->seq);
	log_warn("record set aside in audit_dead_letter", "source", item->producer.name, "seq", seq,
	    "cause", why, NULL);
	return put_refusal(b, item, r, &refusal);
}

static int
add_gap(struct batch *b, const struct batch_item *item)
{
	db_copy_row(&b->gap_rows, 4);
	db_copy_time(&b->gap_rows, b->now_us);
	db_copy_i32(&b->gap_rows, item->producer.source);
	/* The numbers that the producer itself says it lost, its log having been full. */
	db_copy_i64(&b->gap_rows, (int64_t)(item->seq - item->lost));
	db_copy_i64(&b->gap_rows, (int64_t)(item->seq - 1));
	b->gaps++;
	return buf_ok(&b->gap_rows) ? 0 : -1;
}

/* --- records ---------------------------------------------------------------------- */

/* Of nodes alone: a proxy says client.disconnect too, of connections that are none of a node's. */
static bool
put_ended(struct batch *b, const struct batch_item *item, const struct record *r)
{
	if (item->producer.who != RPC_NODE || !r->connection.set ||
	    strcmp(r->type, "client.disconnect") != 0)
		return true;
	buf_put(&b->ended, b->ended.len ? "," : "{", 1);
	return buf_put(&b->ended, r->connection.text, strlen(r->connection.text));
}

static int
add_rows(struct batch *b, const struct batch_item *item, const struct record *r,
    const struct verdict *v)
{
	switch (r->kind) {
	case RECORD_EVENT:
		if (put_event(b, item, r, v, item->record) < 0 || !put_ended(b, item, r))
			return -1;
		return batch_session_event(b, item, r, &v->view);
	case RECORD_PROOF:
		return put_proof(b, item, r, &v->proof);
	default:
		return batch_session_frames(b, item, r);
	}
}

/* Negative: no memory. What the judge asked for in vain is in judge.facts afterwards. */
int
batch_add(struct batch *b, const struct batch_item *item)
{
	struct verdict v = { .bad = item->dead };
	struct record r;
	int done = 0;

	if (item->lost && add_gap(b, item) < 0)
		return -1;
	record_open(&r, item->record);
	if (!item->dead)
		done = judge_record(&b->judge, &item->producer, &r, &v);
	/* Only what is wanting is collected then: the rows are made in the next pass. */
	if (done == 0 && !facts_is_wanting(b->judge.facts))
		done = v.bad ? set_aside(b, item, &r, v.bad) : add_rows(b, item, &r, &v);
	record_close(&r);
	return done;
}

int
batch_finish(struct batch *b)
{
	struct buf *bufs[BATCH_BUFS];
	/* Sessions first: their last chunks are rows too, and must stand before the end of the
	 * data. */
	bool fine = batch_sessions_finish(b) == 0;

	if (b->ended.len)
		fine = buf_put(&b->ended, "}", 2) &&
		    fine; /* with the NUL: it is a query parameter */
	list_bufs(b, bufs);
	for (int i = 0; i < BATCH_TABLES; i++) {
		db_copy_end(bufs[i]);
		fine = fine && buf_ok(bufs[i]);
	}
	return fine ? 0 : -1;
}
