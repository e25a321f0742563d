/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown: see shown.h. Called by noded, which makes records, by auditd and by tsh. Memory only.
 *
 * Security: frames are a node's, and the bytes in them its users'.
 */
#include "rec/shown.h"

#include <string.h>

#include "base/str.h"
#include "base/wire.h"

enum { GAP_HASH_BYTES = 32, GAP_TEXT_MAX = 160 };

static const uint8_t stream_types[SHOWN_STREAMS] = { FRAME_OUT, FRAME_ERR, FRAME_IN,
	FRAME_IN_TEXT };

void
shown_init(struct shown *s)
{
	s->begun = false;
	for (size_t i = 0; i < SHOWN_STREAMS; i++) {
		rec_text_init(&s->streams[i].text);
		s->streams[i].n = 0;
		s->streams[i].line = 0;
	}
}

void
shown_want_parts(struct shown *s)
{
	for (size_t i = 0; i < SHOWN_STREAMS; i++)
		s->streams[i].text.parts = true;
}

static struct shown_stream *
stream_of(struct shown *s, uint8_t type)
{
	for (size_t i = 0; i < SHOWN_STREAMS; i++)
		if (stream_types[i] == type)
			return &s->streams[i];
	return NULL;
}

/* --- what is held back --------------------------------------------------------------------------- */

/* Bytes at the end that begin a character of UTF-8 and do not end it. */
static size_t
unfinished(const uint8_t *p, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		uint8_t c = p[n - back];

		if (c < 0x80)
			return 0;
		if (c >= 0xc0)
			return back < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u) ? back : 0;
	}
	return 0;
}

/* What a word may have in it: more than people take for one, so that none is torn. */
static bool
is_of_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    c == '_' || c >= 0x80;
}

static const uint8_t *
last_gap(const uint8_t *p, size_t n)
{
	while (n > 0)
		if (!is_of_word(p[--n]))
			return p + n;
	return NULL;
}

/* How many bytes at the end the next record brings along: the line that is not ended. Of a long one what follows an ESC,
 * which begins a sequence wherever it comes, or, when there is none, the last word and what stands before it. */
static size_t
held(const struct shown_stream *st)
{
	size_t n = st->line < st->n ? (size_t)st->line : st->n;
	const uint8_t *p = st->tail + (st->n - n), *at;

	if (st->line <= SHOWN_HOLD_MAX)
		return n;
	at = memchr(p, 0x1b, n);
	if (!at)
		at = last_gap(p, n);
	return at ? n - (size_t)(at - p) : unfinished(p, n);
}

/* Makes text of the first n bytes of the tail. */
static void
release(struct shown_stream *st, size_t n, struct buf *out)
{
	if (out)
		rec_text_add(&st->text, (struct span){ st->tail, n }, out);
	st->n -= n;
	memmove(st->tail, st->tail + n, st->n);
}

static void
put_bytes(struct shown_stream *st, struct span data, struct buf *out)
{
	const uint8_t *end = data.n ? memrchr(data.p, '\n', data.n) : NULL;

	st->line = end ? (uint64_t)(data.p + data.n - (end + 1)) : st->line + data.n;
	/* Whole lines at once, so that those of one stream stand where they came between those of
	 * another. */
	if (end || data.n >= SHOWN_HOLD_MAX) {
		size_t rest = st->line < SHOWN_HOLD_MAX ? (size_t)st->line : SHOWN_HOLD_MAX;

		release(st, st->n, out);
		if (rest > data.n)
			rest = data.n;
		if (out)
			rec_text_add(&st->text, (struct span){ data.p, data.n - rest }, out);
		data.p += data.n - rest;
		data.n = rest;
	} else if (st->n + data.n > SHOWN_HOLD_MAX) {
		release(st, st->n + data.n - SHOWN_HOLD_MAX, out);
	}
	if (data.n > 0)
		memcpy(st->tail + st->n, data.p, data.n);
	st->n += data.n;
}

void
shown_record(struct shown *s, struct span before, struct buf *out)
{
	struct frame f;

	for (size_t i = 0; i < SHOWN_STREAMS; i++)
		s->streams[i].line = 0;
	/* Malformed ones end here: what a record says of itself is not worth losing it. */
	while (frame_next(&before, &f) > 0) {
		struct shown_stream *st = stream_of(s, f.type);

		if (st && !s->begun)
			put_bytes(st, f.data, out);
		else if (st)
			st->line += f.data.n;
	}
	s->begun = true;
}

/* --- frames -------------------------------------------------------------------------------------- */

static const char *
name_of(uint8_t type)
{
	return type == FRAME_IN ? "input" : type == FRAME_ERR ? "errors" : "output";
}

/* In a line of its own: "[4096 bytes of input not recorded, sha256:...]". */
static void
put_gap(struct span data, struct buf *out)
{
	struct wire w = wire_from(data);
	uint64_t n = wire_u64(&w);
	uint8_t type = wire_u8(&w);
	struct span digest = wire_bytes(&w, GAP_HASH_BYTES);
	char hex[2 * GAP_HASH_BYTES + 1], text[GAP_TEXT_MAX];

	if (w.bad || !out)
		return;
	str_hex(hex, digest.p, digest.n);
	if (str_format(text, sizeof(text), "\n[%llu bytes of %s not recorded, sha256:%s]\n",
		(unsigned long long)n, name_of(type), hex))
		buf_put(out, text, strlen(text));
}

static void
end_line(struct shown_stream *st, struct buf *out)
{
	release(st, st->n, out);
	st->line = 0;
}

void
shown_add(struct shown *s, const struct frame *f, struct buf *out)
{
	struct shown_stream *st = stream_of(s, f->type);

	if (st) {
		put_bytes(st, f->data, out);
	} else if (f->type == FRAME_GAP) {
		for (size_t i = 0; i < SHOWN_STREAMS; i++)
			end_line(&s->streams[i], out);
		put_gap(f->data, out);
	}
}

void
shown_cut(struct shown *s, struct buf *out)
{
	for (size_t i = 0; i < SHOWN_STREAMS; i++) {
		struct shown_stream *st = &s->streams[i];

		release(st, st->n - held(st), out);
	}
}

void
shown_end(struct shown *s, struct buf *out)
{
	for (size_t i = 0; i < SHOWN_STREAMS; i++) {
		release(&s->streams[i], s->streams[i].n, out);
		rec_text_end(&s->streams[i].text, out);
	}
}

void
shown_before(const struct shown *s, struct buf *ret)
{
	for (size_t i = 0; i < SHOWN_STREAMS; i++) {
		const struct shown_stream *st = &s->streams[i];
		size_t n = held(st);

		if (n > 0)
			frame_put(ret, stream_types[i], 0,
			    (struct span){ st->tail + (st->n - n), n });
	}
}
