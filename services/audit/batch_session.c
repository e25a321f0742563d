/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_session: what a batch knows about sessions: their frames, as chunks, and what events say about them, as JSON for
 * audit_merge_sessions. Called by batch.c. Memory only.
 *
 * The frames of a session in one batch become one chunk, or several of CHUNK_RAW_MAX bytes. Its text stands beside them, for
 * people's SQL; of more than CHUNK_TEXT_MAX of it only both ends, and its words as a filter (words.h): a second copy of all
 * that anybody prints, which no index and no compression of the database makes small, would be most of what is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/batch_priv.h"
#include "audit/json.h"
#include "audit/words.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "db/db.h"
#include "rec/batch.h"

enum {
	CHUNK_RAW_MAX = BATCH_RAW_MAX, /* what whoever plays it unpacks at once */
	CHUNK_CAP = 2 * CHUNK_RAW_MAX,
	CHUNK_TEXT_MAX = 32 * 1024, /* nobody reads, or types, that much in a few seconds */
	CHUNK_TEXT_END = 2 * 1024,  /* of more: so much of each end */
	NAME_SIZE = 256,
};

/* What this batch says about one session, and the chunk that is being collected. */
struct batch_session {
	struct batch_session *next;
	struct record_uuid id;
	int32_t source;

	struct buf frames, text;    /* of the chunk */
	struct shown shown;         /* what makes the one the other */
	struct record_frames chunk; /* numbers of the chunk */
	uint64_t first_seq;

	struct buf json; /* what events said, members of an object */
	char user[NAME_SIZE]; /* the same; one that is longer is nobody's that there is */
	uint64_t bytes;
	int chunks;
	int cols, rows;
	bool ended; /* no more frames come */
	bool has_exit;
	int32_t exit_status;
	char exit_signal[32];
};

void
batch_sessions_free(struct batch *b)
{
	while (b->session_list) {
		struct batch_session *s = b->session_list;

		b->session_list = s->next;
		buf_done(&s->frames);
		buf_done(&s->text);
		buf_done(&s->json);
		free(s);
	}
	map_free(b->by_session);
	b->by_session = NULL;
}

void
batch_each_session(const struct batch *b, batch_news_fn *each, void *arg)
{
	for (const struct batch_session *s = b->session_list; s; s = s->next) {
		const struct batch_news news = { s->id.text, s->user, s->json.len > 0 };

		each(&news, arg);
	}
}

static void
begin_text(struct batch_session *s)
{
	shown_init(&s->shown);
	shown_want_parts(&s->shown);
}

/* NULL without memory. The judge lets nobody but its own source near a session. */
static struct batch_session *
session_of(struct batch *b, const struct record *r, int32_t source)
{
	struct batch_session *s = map_get(b->by_session, r->session.text);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || !map_put(b->by_session, r->session.text, s, NULL)) {
		free(s);
		return NULL;
	}
	s->id = r->session;
	s->source = source;
	buf_init(&s->frames, CHUNK_CAP);
	buf_init(&s->text, 4 * CHUNK_CAP);
	begin_text(s);
	buf_init(&s->json, BATCH_ROWS_MAX);
	s->next = b->session_list;
	b->session_list = s;
	return s;
}

/* --- frames ---------------------------------------------------------------------- */

/* What the database has of a chunk's text. */
struct chunk_text {
	struct buf output, words; /* words empty: output is all of it */
};

/* How much of the first n bytes of a text, CHUNK_TEXT_END less at most, ends with a line, or at least with a character. */
static size_t
whole_lines(struct span text, size_t n)
{
	const uint8_t *end = memrchr(text.p + n - CHUNK_TEXT_END, '\n', CHUNK_TEXT_END);

	if (end)
		return (size_t)(end - text.p) + 1;
	while (n && (text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Both ends of the text, and in between how much is not there. */
static void
put_ends(struct span text, struct buf *out)
{
	size_t head = whole_lines(text, CHUNK_TEXT_END);
	size_t tail = whole_lines(text, text.n - CHUNK_TEXT_END);

	buf_put(out, text.p, head);
	buf_printf(out,
	    "\n[%zu bytes more: session_find() finds their words, `tsh play` shows them]\n",
	    tail - head);
	buf_put(out, text.p + tail, text.n - tail);
}

/* Without what says where the cursor went. */
static void
put_joined(struct span text, struct buf *out)
{
	while (text.n > 0) {
		const uint8_t *part = memchr(text.p, REC_TEXT_PART, text.n);
		size_t n = part ? (size_t)(part - text.p) : text.n;

		buf_put(out, text.p, n);
		n += part != NULL;
		text = (struct span){ text.p + n, text.n - n };
	}
}

/* The words as they stood on the screen, and as they came: who prints them letter by letter, or side by side without a blank,
 * hides neither. */
static int
put_words(struct span text, struct span joined, struct buf *out)
{
	struct buf both;
	int done = -1;

	if (text.n == joined.n)
		return words_filter(text, out);
	buf_init(&both, text.n + 1 + joined.n);
	buf_put(&both, text.p, text.n);
	buf_put(&both, "\n", 1);
	buf_put(&both, joined.p, joined.n);
	if (buf_ok(&both))
		done = words_filter(buf_span(&both), out);
	buf_done(&both);
	return done;
}

/* Negative: no memory. */
static int
chunk_text_make(struct span text, struct chunk_text *ret)
{
	struct buf joined;
	int done = 0;

	buf_init(&joined, text.n);
	put_joined(text, &joined);
	buf_init(&ret->output, 2 * CHUNK_TEXT_MAX);
	buf_init(&ret->words, 8 * CHUNK_CAP);
	if (joined.len <= CHUNK_TEXT_MAX) {
		buf_put(&ret->output, buf_head(&joined), joined.len);
	} else {
		put_ends(buf_span(&joined), &ret->output);
		done = put_words(text, buf_span(&joined), &ret->words);
	}
	if (!buf_ok(&joined) || !buf_ok(&ret->output))
		done = -1;
	buf_done(&joined);
	return done;
}

static void
chunk_text_done(struct chunk_text *t)
{
	buf_done(&t->output);
	buf_done(&t->words);
}

static void
hash_number(struct sha256 *h, uint64_t n, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
	sha256_add(h, b, bytes);
}

/* audit_chunk_hash in SQL: whose chunk it is, which one, and what it says. With the lengths, or what moved from one column
 * into the next would not show. */
static void
hash_chunk(const struct batch_session *s, struct span z, const struct chunk_text *t,
    uint8_t hash[SHA256_BYTES])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, s->id.bytes, sizeof(s->id.bytes));
	hash_number(&h, s->first_seq, 8);
	hash_number(&h, z.n, 4);
	hash_number(&h, t->output.len, 4);
	sha256_add(&h, z.p, z.n);
	sha256_add(&h, buf_head(&t->output), t->output.len);
	sha256_add(&h, buf_head(&t->words), t->words.len);
	sha256_end(&h, hash);
}

static void
put_chunk(struct batch *b, const struct batch_session *s, struct span z, const struct chunk_text *t)
{
	const struct record_frames *f = &s->chunk;
	uint8_t hash[SHA256_BYTES];

	hash_chunk(s, z, t, hash);
	db_copy_row(&b->chunk_rows, 11);
	db_copy_date(&b->chunk_rows, b->now_us);
	db_copy_uuid(&b->chunk_rows, s->id.bytes);
	db_copy_i64(&b->chunk_rows, (int64_t)s->first_seq);
	db_copy_i32(&b->chunk_rows, s->source);
	db_copy_i32(&b->chunk_rows, (int32_t)f->frames);
	db_copy_i64(&b->chunk_rows, f->span_us);
	db_copy_i32(&b->chunk_rows, (int32_t)s->frames.len);
	db_copy_bytes(&b->chunk_rows, (struct span){ hash, sizeof(hash) });
	db_copy_bytes(&b->chunk_rows, z);
	db_copy_bytes(&b->chunk_rows, buf_span(&t->output));
	if (t->words.len)
		db_copy_bytes(&b->chunk_rows, buf_span(&t->words));
	else
		db_copy_null(&b->chunk_rows);
}

/* The chunk that was collected becomes a row: compressed bytes for playing, text for searching.
 * Negative: no memory. */
static int
end_chunk(struct batch *b, struct batch_session *s)
{
	struct chunk_text text = { 0 };
	struct buf z;
	int done = -1;

	if (s->frames.len == 0)
		return 0;
	/* What it began last is text of the next one, which brings it along, unless there is none. */
	if (s->chunk.has_exit || s->ended)
		shown_end(&s->shown, &s->text);
	else
		shown_cut(&s->shown, &s->text);
	buf_init(&z, 2 * CHUNK_CAP);
	/* What of the text is kept beside the frames need not be in them once more. */
	if (buf_ok(&s->text) && chunk_text_make(buf_span(&s->text), &text) == 0 &&
	    batch_compress_beside(buf_span(&s->frames), buf_span(&text.output), &z) == 0) {
		put_chunk(b, s, buf_span(&z), &text);
		b->chunks++;
		s->chunks++;
		done = 0;
	}
	chunk_text_done(&text);
	buf_done(&z);
	buf_reset(&s->frames);
	buf_reset(&s->text);
	begin_text(s);
	s->chunk = (struct record_frames){ 0 };
	return done;
}

int
batch_session_frames(struct batch *b, const struct batch_item *item, const struct record *r)
{
	struct batch_session *s = session_of(b, r, item->producer.source);
	struct record_frames f;

	if (!s)
		return -1;
	/* A record is never divided: a chunk's number is that of its first record. */
	if (s->frames.len && s->frames.len + r->frames.n > CHUNK_RAW_MAX && end_chunk(b, s) < 0)
		return -1;
	if (s->frames.len == 0)
		s->first_seq = item->seq;
	shown_record(&s->shown, r->before, &s->text);
	if (record_read_frames(r->frames, &f, &s->shown, &s->text) < 0)
		return -1;
	s->chunk.frames += f.frames;
	s->chunk.span_us += f.span_us;
	s->chunk.has_exit = s->chunk.has_exit || f.has_exit;
	if (!buf_put(&s->frames, r->frames.p, r->frames.n))
		return -1;
	s->bytes += f.bytes;
	/* The first size is the session's; later ones are in the frames. */
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

/* --- events ---------------------------------------------------------------------- */

static int
field_number(const struct record *r, const char *key, uint64_t max)
{
	uint64_t v;

	return str_u64(record_field(r, key), max, &v) ? (int)v : 0;
}

/* Texts that are shown readably, and the command's exact bytes beside them where the two differ. */
static void
session_started(struct batch_session *s, const struct record *r)
{
	struct span raw = record_raw(r, "command");

	json_time(&s->json, "started", r->time_us);
	json_member(&s->json, "kind", record_field(r, "kind"));
	json_member(&s->json, "command", record_field(r, "command"));
	if (raw.n)
		json_hex(&s->json, "command_raw", raw);
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
	const char *signal = record_field(r, "exit_signal");

	json_time(&s->json, "ended", r->time_us);
	s->ended = true;
	if (*status) {
		s->has_exit = true;
		s->exit_status = field_number(r, "exit_status", INT32_MAX);
	}
	if (*signal)
		str_clean(s->exit_signal, sizeof(s->exit_signal), signal, strlen(signal));
}

int
batch_session_event(struct batch *b, const struct batch_item *item, const struct record *r,
    const struct record_view *view)
{
	bool start = strcmp(r->type, "session.start") == 0;
	struct batch_session *s;

	if (!start && strcmp(r->type, "session.end") != 0)
		return 0;
	/* Only nodes have sessions of which there are recordings. */
	if (!r->session.set || item->producer.who != RPC_NODE)
		return 0;
	s = session_of(b, r, item->producer.source);
	if (!s)
		return -1;
	if (start)
		session_started(s, r);
	else
		session_ended(s, r);
	(void)str_copy(s->user, sizeof(s->user), r->user);
	/* jsonb keeps the last of equal keys: both events say the same. */
	json_member(&s->json, "actor", r->user);
	json_member(&s->json, "backed", view->backed);
	json_member(&s->json, "login", r->login);
	json_member(&s->json, "node", view->node);
	json_member(&s->json, "node_name", view->node_name);
	json_member(&s->json, "connection", r->connection.text);
	json_member(&s->json, "remote_addr", r->remote_addr);
	return buf_ok(&s->json) ? 0 : -1;
}

/* --- the end ---------------------------------------------------------------------- */

/* One object of the array for audit_merge_sessions, which adds it to what earlier batches said. */
static int
finish_session(struct batch *b, struct batch_session *s)
{
	struct buf *out = &b->sessions;

	if (end_chunk(b, s) < 0)
		return -1;
	buf_put(out, out->len ? "," : "[", 1);
	buf_put(out, "{", 1);
	json_member(out, "sid", s->id.text);
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

int
batch_sessions_finish(struct batch *b)
{
	for (struct batch_session *s = b->session_list; s; s = s->next) {
		if (finish_session(b, s) < 0)
			return -1;
	}
	if (b->sessions.len)
		buf_put(&b->sessions, "]", 2); /* with the NUL: it is a query parameter */
	return buf_ok(&b->sessions) ? 0 : -1;
}
