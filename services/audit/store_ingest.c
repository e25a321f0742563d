/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_ingest: the transaction that adds records.
 *
 *	begin:  BEGIN, audit_lock()          where numbers and sources stand, under the one lock of all writers
 *	look:   what is there about connections and sessions that memory does not know
 *	write:  COPY events, chunks, proofs, dead letters, gaps; audit_merge_sessions, audit_end_connections; audit_advance,
 *	        COMMIT
 *
 * A connection that is lost before the answer to COMMIT leaves the outcome open. The next begin waits for the
 * lock, which the server gives up only when the old transaction is over, and then reads the truth.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/store_priv.h"
#include "base/clock.h"
#include "base/str.h"

enum { STORE_SQL_MAX = 4 * 1024 * 1024 };

/* --- sources ---------------------------------------------------------------------- */

/* One row: the source's number, made now when it is a new one, and the place it is at. */
static void
on_source(const struct db_reply *r, void *arg)
{
	struct store_answer a = store_answer_of(r);

	a.source = (int32_t)db_i64(r, 0, 0);
	a.seq = (uint64_t)db_i64(r, 0, 1);
	store_answered(arg, &a);
}

void
store_find_source(struct store *s, const char *const key[4], store_done_fn *done, void *arg)
{
	store_operation(s, done, arg);
	db_query(s->writer, "SELECT source, at_seq FROM audit_find_source($1, $2, $3::uuid, $4)",
	    key, 4, on_source, s);
}

/* --- begin ---------------------------------------------------------------------- */

static int
compare_places(const void *a, const void *b)
{
	const struct store_place *x = a, *y = b;

	return x->source < y->source ? -1 : x->source > y->source;
}

static void
on_begun(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = store_answer_of(r);

	for (int row = 0; row < db_rows(r); row++) {
		struct store_place key = { .source = (int32_t)db_i64(r, row, 0) };
		struct store_place *p = bsearch(&key, s->begin_places, s->begin_n, sizeof(key),
		    compare_places);

		/* A source that was not asked for: the server's answer is not trusted to index our memory. */
		if (!p)
			continue;
		p->found = true;
		p->at = (uint64_t)db_i64(r, row, 1);
	}
	a.idx = db_i64(r, 0, 2);
	store_answered(s, &a);
}

void
store_ingest_begin(struct store *s, struct store_place *places, size_t n, store_done_fn *done,
    void *arg)
{
	const struct store_answer full = { .outcome = STORE_REFUSED, .why = "out of memory" };
	struct buf sql;

	store_operation(s, done, arg);
	s->began_us = clock_mono_us();
	s->begin_places = places;
	s->begin_n = n;
	for (size_t i = 0; i < n; i++)
		places[i].found = false;
	buf_init(&sql, STORE_SQL_MAX);
	/* Numbers of ours only: nothing of a producer is ever part of SQL's text. */
	buf_printf(&sql, "BEGIN; SELECT * FROM audit_lock('{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&sql, "%s%d", i ? "," : "", places[i].source);
	buf_printf(&sql, "}')");
	buf_put(&sql, "", 1);
	if (buf_ok(&sql))
		db_exec(s->writer, (const char *)buf_head(&sql), on_begun, s);
	else
		store_answered(s, &full);
	buf_done(&sql);
}

/* --- look ---------------------------------------------------------------------- */

static const char look_sql[] =
    "SELECT 0, connection::text, p.source, '', username, login, (extract(epoch FROM valid_from) * 1000000)::bigint,"
    " coalesce((extract(epoch FROM e.ts) * 1000000)::bigint, 0)"
    " FROM audit_proof p LEFT JOIN audit_ended e USING (connection) WHERE connection = ANY ($1::uuid[])"
    " UNION ALL SELECT 1, sid::text, source, coalesce(connection::text, ''), '', '', 0, (ended IS NOT NULL)::int"
    " FROM rec_session WHERE sid = ANY ($2::uuid[])"
    " UNION ALL SELECT 2, encode(session_id, 'hex'), source, connection::text, '', '', 0, 0"
    " FROM audit_proof WHERE session_id = ANY (SELECT decode(hex, 'hex') FROM unnest($3::text[]) AS hex)";

static void
on_looked(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = store_answer_of(r);

	/* Into the transaction's facts: they count until it is rolled back. */
	for (int row = 0; a.outcome == STORE_OK && row < db_rows(r); row++) {
		const struct fact fact = {
			.source = (int32_t)db_i64(r, row, 2),
			.connection = db_text(r, row, 3),
			.user = db_text(r, row, 4),
			.login = db_text(r, row, 5),
			.from_us = db_i64(r, row, 6),
			.ended_us = db_i64(r, row, 7),
		};

		if (facts_put(s->facts, (enum fact_kind)db_i64(r, row, 0), db_text(r, row, 1),
			&fact) < 0) {
			a.outcome = STORE_REFUSED;
			a.why = "out of memory";
		}
	}
	store_answered(s, &a);
}

void
store_look(struct store *s, struct facts *facts, store_done_fn *done, void *arg)
{
	const struct store_answer full = { .outcome = STORE_REFUSED, .why = "out of memory" };
	const char *params[FACT_KINDS];
	bool fine = true;

	store_operation(s, done, arg);
	s->facts = facts;
	for (int i = 0; i < FACT_KINDS; i++) {
		params[i] = facts_wanted(facts, (enum fact_kind)i);
		fine = fine && params[i];
	}
	if (fine)
		db_query(s->writer, look_sql, params, FACT_KINDS, on_looked, s);
	else
		store_answered(s, &full);
}

/* --- write ---------------------------------------------------------------------- */

static void on_step(const struct db_reply *r, void *arg);

/* Each starts what has to be done; false: there is nothing of it in this batch. */
static bool
copy_rows(struct store *s, const char *sql, int rows, const struct buf *data)
{
	if (rows == 0)
		return false;
	s->tx.copy_us = clock_mono_us();
	db_copy(s->writer, sql, buf_span(data), on_step, s);
	return true;
}

static bool
write_events(struct store *s)
{
	return copy_rows(s,
	    "COPY audit_event (ts, idx, at, at_doubtful, type, code, ok, actor, backed, login, node, node_name,"
	    " session, connection, remote_addr, message, source, src_seq, canon, body)"
	    " FROM STDIN (FORMAT binary)",
	    s->tx.batch->events, &s->tx.batch->event_rows);
}

static bool
write_chunks(struct store *s)
{
	return copy_rows(s,
	    "COPY rec_chunk (day, sid, seq, source, frames, span_us, raw_len, hash, data, output, words)"
	    " FROM STDIN (FORMAT binary)",
	    s->tx.batch->chunks, &s->tx.batch->chunk_rows);
}

static bool
write_proofs(struct store *s)
{
	return copy_rows(s,
	    "COPY audit_proof (connection, ts, source, src_seq, session_id, username, login, valid_from,"
	    " valid_until, signed_data, signature) FROM STDIN (FORMAT binary)",
	    s->tx.batch->proofs, &s->tx.batch->proof_rows);
}

static bool
write_dead(struct store *s)
{
	return copy_rows(s,
	    "COPY audit_dead_letter (ts, source, src_seq, reason, record) FROM STDIN (FORMAT binary)",
	    s->tx.batch->dead, &s->tx.batch->dead_rows);
}

static bool
write_gaps(struct store *s)
{
	return copy_rows(s,
	    "COPY audit_gap (ts, source, from_seq, to_seq) FROM STDIN (FORMAT binary)",
	    s->tx.batch->gaps, &s->tx.batch->gap_rows);
}

static bool
merge_sessions(struct store *s)
{
	const char *json = (const char *)buf_head(&s->tx.batch->sessions);

	if (!s->tx.batch->sessions.len)
		return false;
	db_query(s->writer, "SELECT audit_merge_sessions($1::jsonb)", &json, 1, on_step, s);
	return true;
}

static bool
end_connections(struct store *s)
{
	struct buf *ended = &s->tx.batch->ended;
	const char *params[2] = { (const char *)buf_head(ended), NULL };
	char now[24];

	if (!ended->len)
		return false;
	(void)str_format(now, sizeof(now), "%" PRId64, s->tx.batch->now_us);
	params[1] = now;
	db_query(s->writer, "SELECT audit_end_connections($1::uuid[], $2::bigint)", params, 2,
	    on_step, s);
	return true;
}

/* The places move in the same transaction as the records: neither can be there without the other. */
static bool
commit(struct store *s)
{
	struct buf sql;

	buf_init(&sql, STORE_SQL_MAX);
	buf_printf(&sql, "SELECT audit_advance('{");
	for (size_t i = 0; i < s->tx.n; i++)
		buf_printf(&sql, "%s%d", i ? "," : "", s->tx.places[i].source);
	buf_printf(&sql, "}','{");
	for (size_t i = 0; i < s->tx.n; i++)
		buf_printf(&sql, "%s%" PRIu64, i ? "," : "", s->tx.places[i].seq);
	buf_printf(&sql, "}','{");
	for (size_t i = 0; i < s->tx.n; i++)
		buf_printf(&sql, "%s%" PRIu64, i ? "," : "", s->tx.places[i].records);
	buf_printf(&sql, "}',%" PRId64 "); COMMIT", s->tx.batch->idx);
	buf_put(&sql, "", 1);
	/* Without memory a statement that fails: it takes the transaction back. */
	db_exec(s->writer, buf_ok(&sql) ? (const char *)buf_head(&sql) : "SELECT 1/0", on_step, s);
	buf_done(&sql);
	return true;
}

/* Each in a message of its own, since COPY needs the answer of the one before. */
static bool (*const write_steps[])(struct store *s) = { write_events, write_chunks, write_proofs,
	write_dead, write_gaps, merge_sessions, end_connections, commit };

enum { WRITE_STEPS = sizeof(write_steps) / sizeof(write_steps[0]) };

static void
count_commit(struct store *s)
{
	const struct batch *b = s->tx.batch;
	struct store_stats *stats = &s->stats;

	stats->rows[STORE_EVENTS] += (uint64_t)b->events;
	stats->rows[STORE_CHUNKS] += (uint64_t)b->chunks;
	stats->rows[STORE_PROOFS] += (uint64_t)b->proofs;
	stats->rows[STORE_DEAD] += (uint64_t)b->dead;
	stats->rows[STORE_GAPS] += (uint64_t)b->gaps;
	stats->last_commit_ms = clock_wall_ms();
	histogram_add(&stats->commits, clock_mono_us() - s->began_us);
}

/* Steps without rows ask nothing of the server; the commit is always there. */
static void
next_step(struct store *s)
{
	const struct store_answer committed = { .outcome = STORE_OK, .why = "" };

	while (s->tx.step < WRITE_STEPS) {
		if (write_steps[s->tx.step++](s))
			return;
	}
	count_commit(s);
	store_answered(s, &committed);
}

static void
on_rolled_back_after_error(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = { .outcome = s->tx.outcome, .why = s->tx.why };

	if (db_reply_code(r) == DB_E_LOST)
		a.outcome = STORE_LOST;
	store_answered(s, &a);
}

static void
on_step(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = store_answer_of(r);

	if (s->tx.copy_us)
		histogram_add(&s->stats.copies, clock_mono_us() - s->tx.copy_us);
	s->tx.copy_us = 0;

	switch (a.outcome) {
	case STORE_OK:
		next_step(s);
		return;
	/* No ROLLBACK: there is nobody to say it to, and the server does it by itself. */
	case STORE_LOST:
		store_answered(s, &a);
		return;
	default:
		/* Kept over the ROLLBACK: what the caller does next depends on why it failed, and not on how
		 * the rolling back went. */
		s->tx.outcome = a.outcome;
		(void)str_copy(s->tx.why, sizeof(s->tx.why), a.why);
		db_exec(s->writer, "ROLLBACK", on_rolled_back_after_error, s);
	}
}

void
store_write(struct store *s, struct batch *batch, const struct store_place *places, size_t n,
    store_done_fn *done, void *arg)
{
	store_operation(s, done, arg);
	s->tx = (struct store_tx){ .batch = batch, .places = places, .n = n };
	next_step(s);
}

static void
on_rolled_back(const struct db_reply *r, void *arg)
{
	const struct store_answer a = store_answer_of(r);

	store_answered(arg, &a);
}

/* Also when BEGIN failed: ROLLBACK without a transaction is a warning only. */
void
store_ingest_rollback(struct store *s, store_done_fn *done, void *arg)
{
	store_operation(s, done, arg);
	db_exec(s->writer, "ROLLBACK", on_rolled_back, s);
}
