/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder: see recorder.h. Called for every piece of output before it is sent on; its input half is
 * recorder_input.c.
 *
 * Security: what a session's user does must not reach what was recorded; that is the sink's part.
 */
#include "session/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "session/recorder_priv.h"

enum {
	FRAMES_MAX = FRAME_DATA_MAX + 64,
	/* Of each output, in memory until its end: the rest of a larger limit is its beginning. */
	TAIL_MAX = 64 * 1024,
};

void
recorder_begin(struct recorder *r, const struct recorder_config *config)
{
	*r = (struct recorder){ .config = *config, .last_us = clock_mono_us() };
	/* What a terminal shows is for people, and short; only programs write without end. */
	if (config->what != RECORDER_COMMAND)
		r->config.limit = 0;
}

void
recorder_done(struct recorder *r)
{
	for (size_t i = 0; i < 2; i++) {
		free(r->streams[i].tail.ring);
		r->streams[i].tail = (struct recorder_tail){ .ring = NULL };
	}
}

/* A frame says how long after the one before it happened, on the clock that cannot be set. */
int
recorder_put(struct recorder *r, enum frame_type type, struct span data)
{
	/* Of all sessions, and kept: it is needed for every piece of output, and only until the sink returns. */
	static struct buf b;
	int64_t now_us = clock_mono_us();

	if (b.max == 0)
		buf_init(&b, FRAMES_MAX);
	buf_reset(&b);
	frame_put(&b, (uint8_t)type, now_us > r->last_us ? (uint64_t)(now_us - r->last_us) : 0,
	    data);
	int result = buf_ok(&b) ? r->config.sink(r->config.session, buf_span(&b), r->config.arg)
				: -1;
	/* A frame that was not kept has taken no time: the next one's is counted from the last that
	 * was. */
	if (result == 0)
		r->last_us = now_us;
	return result;
}

int
recorder_put_long(struct recorder *r, enum frame_type type, const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t part = n - at < FRAME_DATA_MAX ? n - at : FRAME_DATA_MAX;

		if (recorder_put(r, type, (struct span){ p + at, part }))
			return -1;
		at += part;
	}
	return 0;
}

/* --- what is left out ------------------------------------------------------------------------ */

void
recorder_gap_add(struct recorder_gap *gap, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (gap->n == 0)
		sha256_init(&gap->hash);
	/* Only counted and hashed: who has the bytes can show later that they are those. */
	gap->n += n;
	sha256_add(&gap->hash, p, n);
}

int
recorder_gap_put(struct recorder *r, struct recorder_gap *gap, enum frame_type of)
{
	uint8_t digest[SHA256_BYTES];
	struct buf b;

	if (gap->n == 0)
		return 0;
	sha256_end(&gap->hash, digest);
	buf_init(&b, 64);
	wire_put_u64(&b, gap->n);
	wire_put_u8(&b, (uint8_t)of);
	buf_put(&b, digest, sizeof(digest));
	int result = buf_ok(&b) ? recorder_put(r, FRAME_GAP, buf_span(&b)) : -1;
	buf_done(&b);
	gap->n = 0;
	return result;
}

/* --- the end of an output over its limit ------------------------------------------------------ */

static size_t
tail_size(uint64_t limit)
{
	return limit / 2 < TAIL_MAX ? (size_t)(limit / 2) : TAIL_MAX;
}

/* Out of the ring and into the gap. */
static void
tail_drop(struct recorder_stream *s, size_t n)
{
	struct recorder_tail *t = &s->tail;

	while (n > 0) {
		size_t part = t->size - t->start < n ? t->size - t->start : n;

		recorder_gap_add(&s->gap, t->ring + t->start, part);
		t->start = (t->start + part) % t->size;
		t->n -= part;
		n -= part;
	}
}

/* Whatever comes once the beginning is full: the last of it stays, and what it pushes out is in the
 * gap. Negative: no memory. */
static int
tail_add(struct recorder_stream *s, uint64_t limit, const uint8_t *p, size_t n)
{
	struct recorder_tail *t = &s->tail;

	t->size = tail_size(limit);
	if (t->size == 0) {
		recorder_gap_add(&s->gap, p, n);
		return 0;
	}
	if (!t->ring && !(t->ring = malloc(t->size)))
		return -1;
	if (n >= t->size) {
		tail_drop(s, t->n);
		recorder_gap_add(&s->gap, p, n - t->size);
		p += n - t->size;
		n = t->size;
		t->start = 0;
	} else if (t->n + n > t->size) {
		tail_drop(s, t->n + n - t->size);
	}
	for (size_t at = 0; at < n;) {
		size_t end = (t->start + t->n) % t->size;
		size_t part = t->size - end < n - at ? t->size - end : n - at;

		memcpy(t->ring + end, p + at, part);
		t->n += part;
		at += part;
	}
	return 0;
}

/* Only now: where the gap ends, and what follows it, is known at the end. */
static int
tail_put(struct recorder *r, enum frame_type type)
{
	struct recorder_stream *s = &r->streams[type == FRAME_ERR];
	struct recorder_tail *t = &s->tail;

	if (recorder_gap_put(r, &s->gap, type))
		return -1;
	if (t->n == 0)
		return 0;
	size_t first = t->size - t->start < t->n ? t->size - t->start : t->n;
	if (recorder_put_long(r, type, t->ring + t->start, first) ||
	    recorder_put_long(r, type, t->ring, t->n - first))
		return -1;
	t->n = 0;
	return 0;
}

/* --- what happens ---------------------------------------------------------------------------- */

int
recorder_output(struct recorder *r, enum frame_type type, const void *p, size_t n)
{
	struct recorder_stream *s = &r->streams[type == FRAME_ERR];
	uint64_t limit = r->config.limit;
	size_t keep = n;

	if (r->config.what == RECORDER_TRANSFER && type != FRAME_ERR)
		return 0;
	if (limit > 0) {
		uint64_t head = limit - tail_size(limit);
		uint64_t room = s->recorded < head ? head - s->recorded : 0;

		keep = n < room ? n : (size_t)room;
	}
	if (recorder_put_long(r, type, p, keep))
		return -1;
	s->recorded += keep;
	return keep < n ? tail_add(s, limit, (const uint8_t *)p + keep, n - keep) : 0;
}

int
recorder_resize(struct recorder *r, uint32_t cols, uint32_t rows)
{
	const uint8_t data[4] = { (uint8_t)(cols >> 8), (uint8_t)cols, (uint8_t)(rows >> 8),
		(uint8_t)rows };

	/* What changes nothing says nothing: a client may send it as often as it likes. */
	if (r->sized && cols == r->cols && rows == r->rows)
		return 0;
	r->sized = true;
	r->cols = cols;
	r->rows = rows;
	return recorder_put(r, FRAME_RESIZE, (struct span){ data, sizeof(data) });
}

int
recorder_marker(struct recorder *r, const char *text)
{
	return recorder_put(r, FRAME_MARKER, span_str(text));
}

int
recorder_end(struct recorder *r, uint32_t status, const char *signal)
{
	struct buf b;

	if (recorder_input_end(r) || tail_put(r, FRAME_OUT) || tail_put(r, FRAME_ERR))
		return -1;
	buf_init(&b, 64);
	wire_put_u32(&b, status);
	buf_put(&b, signal, strlen(signal));
	int result = buf_ok(&b) ? recorder_put(r, FRAME_EXIT, buf_span(&b)) : -1;
	buf_done(&b);
	return result;
}
