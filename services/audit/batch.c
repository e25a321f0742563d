/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: rows for COPY, and what a batch knows about sessions; see batch.h.
 *
 * The frames of a session in one batch become one chunk, or several of CHUNK_RAW_MAX bytes.
 */
#include "audit/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "db/db.h"
#include "audit/json.h"
#include "rec/batch.h"
#include "audit/record.h"

enum {
	BATCH_ROWS_MAX = 64 * 1024 * 1024,
	CHUNK_RAW_MAX = 256 * 1024,
	CHUNK_CAP = 2 * CHUNK_RAW_MAX, /* one record more may come on top */
};

/* What this batch says about one session, and the chunk that is being collected. */
struct batch_session {
	struct batch_session *next;
	uint8_t sid[16];
	char sid_text[37];
	int32_t source;

	struct buf frames; /* of the chunk */
	uint64_t first_seq;

	struct buf json; /* what events said, members of an object */
	uint64_t bytes;
	int chunks;
	int cols, rows;
	bool has_exit;
	int32_t exit_status;
	char exit_signal[32];
};

int
batch_init(struct batch *b, int64_t now_us, int64_t idx)
{
	*b = (struct batch){ .now_us = now_us, .idx = idx };
	buf_init(&b->event_rows, BATCH_ROWS_MAX);
	buf_init(&b->chunk_rows, BATCH_ROWS_MAX);
	buf_init(&b->dead_rows, BATCH_ROWS_MAX);
	buf_init(&b->gap_rows, BATCH_ROWS_MAX);
	buf_init(&b->sessions, BATCH_ROWS_MAX);
	db_copy_begin(&b->event_rows);
	db_copy_begin(&b->chunk_rows);
	db_copy_begin(&b->dead_rows);
	db_copy_begin(&b->gap_rows);
	b->by_session = map_new();
	return b->by_session ? 0 : -1;
}

void
batch_done(struct batch *b)
{
	while (b->session_list) {
		struct batch_session *s = b->session_list;

		b->session_list = s->next;
		buf_done(&s->frames);
		buf_done(&s->json);
		free(s);
	}
	map_free(b->by_session);
	b->by_session = NULL;
	buf_done(&b->event_rows);
	buf_done(&b->chunk_rows);
	buf_done(&b->dead_rows);
	buf_done(&b->gap_rows);
	buf_done(&b->sessions);
}

/* --- sessions ---------------------------------------------------------------------- */

/* NULL without memory. */
static struct batch_session *
session_of(struct batch *b, const struct record *r, int32_t source)
{
	struct batch_session *s = map_get(b->by_session, r->session_text);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || !map_put(b->by_session, r->session_text, s, NULL)) {
		free(s);
		return NULL;
	}
	memcpy(s->sid, r->session, sizeof(s->sid));
	memcpy(s->sid_text, r->session_text, sizeof(s->sid_text));
	s->source = source;
	buf_init(&s->frames, CHUNK_CAP);
	buf_init(&s->json, BATCH_ROWS_MAX);
	s->next = b->session_list;
	b->session_list = s;
	return s;
}

/* The chunk that was collected becomes a row. */
static int
end_chunk(struct batch *b, struct batch_session *s)
{
	uint8_t hash[SHA256_BYTES];
	struct record_frames f;
	struct buf z, text;

	if (s->frames.len == 0)
		return 0;
	buf_init(&z, 2 * CHUNK_CAP);
	buf_init(&text, 4 * CHUNK_CAP);
	sha256_of(buf_span(&s->frames), hash);
	if (batch_compress(buf_span(&s->frames), &z) < 0 ||
	    record_read_frames(buf_span(&s->frames), &f, &text) < 0 || !buf_ok(&text)) {
		buf_done(&z);
		buf_done(&text);
		return -1;
	}
	db_copy_row(&b->chunk_rows, 10);
	db_copy_date(&b->chunk_rows, b->now_us);
	db_copy_uuid(&b->chunk_rows, s->sid);
	db_copy_i64(&b->chunk_rows, (int64_t)s->first_seq);
	db_copy_i32(&b->chunk_rows, s->source);
	db_copy_i32(&b->chunk_rows, (int32_t)f.frames);
	db_copy_i64(&b->chunk_rows, f.span_us);
	db_copy_i32(&b->chunk_rows, (int32_t)s->frames.len);
	db_copy_bytes(&b->chunk_rows, (struct span){ hash, sizeof(hash) });
	db_copy_bytes(&b->chunk_rows, buf_span(&z));
	db_copy_bytes(&b->chunk_rows, buf_span(&text));
	b->chunks++;
	s->chunks++;
	buf_done(&z);
	buf_done(&text);
	buf_reset(&s->frames);
	return 0;
}

static int
field_number(const struct record *r, const char *key, uint64_t max)
{
	uint64_t v;

	return str_u64(record_field(r, key), max, &v) ? (int)v : 0;
}

static void
session_started(struct batch_session *s, const struct record *r)
{
	json_time(&s->json, "started", r->time_us);
	json_member(&s->json, "kind", record_field(r, "kind"));
	json_member(&s->json, "command", record_field(r, "command"));
	if (strcmp(record_field(r, "interactive"), "true") == 0)
		json_bool(&s->json, "interactive", true);
	if (!s->cols) {
		s->cols = field_number(r, "cols", 65535);
		s->rows = field_number(r, "rows", 65535);
	}
}

static void
session_ended(struct batch_session *s, const struct record *r)
{
	const char *status = record_field(r, "exit_status");

	json_time(&s->json, "ended", r->time_us);
	if (*status) {
		s->has_exit = true;
		s->exit_status = field_number(r, "exit_status", INT32_MAX);
	}
	if (*record_field(r, "exit_signal"))
		(void)str_copy(s->exit_signal, sizeof(s->exit_signal),
		    record_field(r, "exit_signal"));
}

/* session.start and session.end of nodes and proxies shape the row of the recording. */
static int
add_session_event(struct batch *b, const struct batch_item *item, const struct record *r)
{
	bool start = strcmp(r->type, "session.start") == 0;
	struct batch_session *s;

	if (!start && strcmp(r->type, "session.end") != 0)
		return 0;
	if (!r->has_session || (item->who != RPC_NODE && item->who != RPC_PROXY))
		return 0;
	s = session_of(b, r, item->source);
	if (!s)
		return -1;
	if (s->source != item->source)
		return 0;
	if (start)
		session_started(s, r);
	else
		session_ended(s, r);
	/* jsonb keeps the last of equal keys: both events say the same. */
	json_member(&s->json, "actor", r->user);
	json_member(&s->json, "login", r->login);
	json_member(&s->json, "node", r->node);
	json_member(&s->json, "node_name", r->node_name);
	json_member(&s->json, "remote_addr", r->remote_addr);
	return buf_ok(&s->json) ? 0 : -1;
}

static int
finish_session(struct batch *b, struct batch_session *s)
{
	struct buf *out = &b->sessions;

	if (end_chunk(b, s) < 0)
		return -1;
	buf_put(out, out->len ? "," : "[", 1);
	buf_put(out, "{", 1);
	json_member(out, "sid", s->sid_text);
	json_number(out, "source", s->source);
	json_number(out, "bytes", (int64_t)s->bytes);
	json_number(out, "chunks", s->chunks);
	if (s->cols) {
		json_number(out, "cols", s->cols);
		json_number(out, "rows", s->rows);
	}
	if (s->has_exit)
		json_number(out, "exit_status", s->exit_status);
	json_member(out, "exit_signal", s->exit_signal);
	if (s->json.len) {
		buf_put(out, ",", 1);
		buf_put(out, buf_head(&s->json), s->json.len);
	}
	buf_put(out, "}", 1);
	return buf_ok(out) ? 0 : -1;
}

/* --- rows ---------------------------------------------------------------------- */

static int
add_event(struct batch *b, const struct batch_item *item, const struct record *r)
{
	struct buf *rows = &b->event_rows;
	struct buf body;

	buf_init(&body, BATCH_ROWS_MAX);
	record_json(r, &body);
	db_copy_row(rows, 17);
	db_copy_time(rows, b->now_us);
	db_copy_i64(rows, b->idx);
	db_copy_time(rows, r->time_us);
	db_copy_bytes(rows, span_str(r->type));
	db_copy_bytes(rows, span_str(r->code));
	db_copy_bool(rows, r->ok);
	db_copy_bytes(rows, span_str(r->user));
	db_copy_bytes(rows, span_str(r->login));
	db_copy_bytes(rows, span_str(r->node));
	db_copy_bytes(rows, span_str(r->node_name));
	if (r->has_session)
		db_copy_uuid(rows, r->session);
	else
		db_copy_null(rows);
	db_copy_bytes(rows, span_str(r->remote_addr));
	db_copy_bytes(rows, span_str(r->text));
	db_copy_i32(rows, item->source);
	db_copy_i64(rows, (int64_t)item->seq);
	db_copy_bytes(rows, item->record);
	db_copy_jsonb(rows, buf_span(&body));
	if (!buf_ok(&body) || !buf_ok(rows)) {
		buf_done(&body);
		return -1;
	}
	buf_done(&body);
	b->events++;
	b->idx++;
	return add_session_event(b, item, r);
}

static int
add_dead(struct batch *b, const struct batch_item *item, const char *why)
{
	char seq[24];

	(void)str_format(seq, sizeof(seq), "%llu", (unsigned long long)item->seq);
	log_warn("record set aside in audit_dead_letter", "source", item->name, "seq", seq, "cause",
	    why, NULL);
	db_copy_row(&b->dead_rows, 5);
	db_copy_time(&b->dead_rows, b->now_us);
	db_copy_i32(&b->dead_rows, item->source);
	db_copy_i64(&b->dead_rows, (int64_t)item->seq);
	db_copy_bytes(&b->dead_rows, span_str(why));
	db_copy_bytes(&b->dead_rows, item->record);
	b->dead++;
	return buf_ok(&b->dead_rows) ? 0 : -1;
}

static int
add_gap(struct batch *b, const struct batch_item *item)
{
	db_copy_row(&b->gap_rows, 4);
	db_copy_time(&b->gap_rows, b->now_us);
	db_copy_i32(&b->gap_rows, item->source);
	db_copy_i64(&b->gap_rows, (int64_t)(item->seq - item->lost));
	db_copy_i64(&b->gap_rows, (int64_t)(item->seq - 1));
	b->gaps++;
	return buf_ok(&b->gap_rows) ? 0 : -1;
}

static int
add_frames(struct batch *b, const struct batch_item *item, const struct record *r)
{
	struct batch_session *s = session_of(b, r, item->source);
	struct record_frames f;

	if (!s || record_read_frames(r->frames, &f, NULL) < 0)
		return -1;
	if (s->source != item->source)
		return add_dead(b, item, "frames of a session that another producer began");
	if (s->frames.len && s->frames.len + r->frames.n > CHUNK_RAW_MAX && end_chunk(b, s) < 0)
		return -1;
	if (s->frames.len == 0)
		s->first_seq = item->seq;
	if (!buf_put(&s->frames, r->frames.p, r->frames.n))
		return -1;
	s->bytes += f.bytes;
	if (f.cols && !s->cols) {
		s->cols = f.cols;
		s->rows = f.rows;
	}
	if (f.has_exit) {
		s->has_exit = true;
		s->exit_status = f.exit_status;
		memcpy(s->exit_signal, f.exit_signal, sizeof(s->exit_signal));
	}
	return 0;
}

int
batch_add(struct batch *b, const struct batch_item *item)
{
	struct record r;
	int done;

	if (item->lost && add_gap(b, item) < 0)
		return -1;
	if (item->dead)
		return add_dead(b, item, item->dead);
	record_open(&r, item->record, item->who, item->name);
	if (r.bad)
		done = add_dead(b, item, r.bad);
	else if (r.is_event)
		done = add_event(b, item, &r);
	else
		done = add_frames(b, item, &r);
	record_close(&r);
	return done;
}

int
batch_finish(struct batch *b)
{
	for (struct batch_session *s = b->session_list; s; s = s->next) {
		if (finish_session(b, s) < 0)
			return -1;
	}
	if (b->sessions.len)
		buf_put(&b->sessions, "]", 2); /* with the NUL: it is a query parameter */
	db_copy_end(&b->event_rows);
	db_copy_end(&b->chunk_rows);
	db_copy_end(&b->dead_rows);
	db_copy_end(&b->gap_rows);
	return buf_ok(&b->event_rows) && buf_ok(&b->chunk_rows) && buf_ok(&b->dead_rows) &&
		buf_ok(&b->gap_rows) && buf_ok(&b->sessions)
	    ? 0
	    : -1;
}
