/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_ingest: the transaction that adds records.
 *
 *	begin:  BEGIN, audit_lock()          where numbers and sources stand, under the one lock of all writers
 *	write:  COPY events, chunks, dead letters, gaps; audit_merge_sessions; audit_advance, COMMIT
 *
 * A connection that is lost before the answer to COMMIT leaves the outcome open. The next begin waits for the
 * lock, which the server gives up only when the old transaction is over, and then reads the truth.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "audit/store_priv.h"

enum { STORE_SQL_MAX = 4 * 1024 * 1024 };

/* --- sources ---------------------------------------------------------------------- */

static void
on_source(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_source found = {
		.code = db_reply_code(r),
		.why = db_reply_text(r),
		.id = (int32_t)db_i64(r, 0, 0),
		.seq = (uint64_t)db_i64(r, 0, 1),
	};

	s->source_done(&found, s->source_arg);
}

void
store_find_source(struct store *s, const char *const key[4],
    void (*done)(const struct store_source *, void *), void *arg)
{
	s->source_done = done;
	s->source_arg = arg;
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

	for (int row = 0; row < db_rows(r); row++) {
		struct store_place key = { .source = (int32_t)db_i64(r, row, 0) };
		struct store_place *p = bsearch(&key, s->begin_places, s->begin_n, sizeof(key),
		    compare_places);

		if (!p)
			continue;
		p->found = true;
		p->at = (uint64_t)db_i64(r, row, 1);
	}
	s->begin_done(db_reply_code(r), db_reply_state(r), db_reply_text(r), db_i64(r, 0, 2),
	    s->begin_arg);
}

void
store_begin(struct store *s, struct store_place *places, size_t n,
    void (*done)(enum db_code, const char *, const char *, int64_t, void *), void *arg)
{
	struct buf sql;

	s->begin_places = places;
	s->begin_n = n;
	s->begin_done = done;
	s->begin_arg = arg;
	qsort(places, n, sizeof(*places), compare_places);
	buf_init(&sql, STORE_SQL_MAX);
	buf_printf(&sql, "BEGIN; SELECT * FROM audit_lock('{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&sql, "%s%d", i ? "," : "", places[i].source);
	buf_printf(&sql, "}')");
	buf_put(&sql, "", 1);
	if (buf_ok(&sql))
		db_exec(s->writer, (const char *)buf_head(&sql), on_begun, s);
	else
		done(DB_E_FULL, "", "out of memory", 0, arg);
	buf_done(&sql);
}

/* --- write ---------------------------------------------------------------------- */

static void on_step(const struct db_reply *r, void *arg);

static void
write_done(struct store *s, enum db_code code)
{
	s->tx.done(code, s->tx.state, s->tx.why, s->tx.arg);
}

static void
send_commit(struct store *s)
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
	/* Without memory the empty statement makes a transaction that ends with the connection. */
	db_exec(s->writer, buf_ok(&sql) ? (const char *)buf_head(&sql) : "SELECT 1/0", on_step, s);
	buf_done(&sql);
}

static void
send_sessions(struct store *s)
{
	const char *json = (const char *)buf_head(&s->tx.batch->sessions);

	db_query(s->writer, "SELECT audit_merge_sessions($1::jsonb)", &json, 1, on_step, s);
}

/* The steps in order; those with nothing to do are passed over. */
static void
next_step(struct store *s)
{
	struct batch *b = s->tx.batch;

	switch (s->tx.step++) {
	case 0:
		if (b->events) {
			db_copy(s->writer,
			    "COPY audit_event (ts, idx, at, type, code, ok, actor, login, node, node_name, session,"
			    " remote_addr, message, source, src_seq, canon, body) FROM STDIN (FORMAT binary)",
			    &b->event_rows, on_step, s);
			return;
		}
		/* fall through */
	case 1:
		s->tx.step = 2;
		if (b->chunks) {
			db_copy(s->writer,
			    "COPY rec_chunk (day, sid, seq, source, frames, span_us, raw_len, hash, data, output)"
			    " FROM STDIN (FORMAT binary)",
			    &b->chunk_rows, on_step, s);
			return;
		}
		/* fall through */
	case 2:
		s->tx.step = 3;
		if (b->dead) {
			db_copy(s->writer,
			    "COPY audit_dead_letter (ts, source, src_seq, reason, record) FROM STDIN (FORMAT binary)",
			    &b->dead_rows, on_step, s);
			return;
		}
		/* fall through */
	case 3:
		s->tx.step = 4;
		if (b->gaps) {
			db_copy(s->writer,
			    "COPY audit_gap (ts, source, from_seq, to_seq) FROM STDIN (FORMAT binary)",
			    &b->gap_rows, on_step, s);
			return;
		}
		/* fall through */
	case 4:
		s->tx.step = 5;
		if (b->sessions.len) {
			send_sessions(s);
			return;
		}
		/* fall through */
	case 5:
		s->tx.step = 6;
		send_commit(s);
		return;
	default:
		write_done(s, DB_OK);
	}
}

static void
on_rolled_back_after_error(const struct db_reply *r, void *arg)
{
	write_done(arg, db_reply_code(r) == DB_E_LOST ? DB_E_LOST : DB_E_REFUSED);
}

static void
on_step(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	switch (db_reply_code(r)) {
	case DB_OK:
		next_step(s);
		return;
	case DB_E_LOST:
		(void)str_copy(s->tx.why, sizeof(s->tx.why), db_reply_text(r));
		write_done(s, DB_E_LOST);
		return;
	default:
		(void)str_copy(s->tx.state, sizeof(s->tx.state), db_reply_state(r));
		(void)str_copy(s->tx.why, sizeof(s->tx.why), db_reply_text(r));
		db_exec(s->writer, "ROLLBACK", on_rolled_back_after_error, s);
	}
}

void
store_write(struct store *s, struct batch *batch, const struct store_place *places, size_t n,
    void (*done)(enum db_code, const char *, const char *, void *), void *arg)
{
	s->tx =
	    (struct store_tx){ .batch = batch, .places = places, .n = n, .done = done, .arg = arg };
	next_step(s);
}

static void
on_rolled_back(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	(void)r;
	s->rollback_done(s->rollback_arg);
}

void
store_rollback(struct store *s, void (*done)(void *arg), void *arg)
{
	s->rollback_done = done;
	s->rollback_arg = arg;
	db_exec(s->writer, "ROLLBACK", on_rolled_back, s);
}
