/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: turns what a session shows into frames in the spool. Called by session.c before it sends
 * anything on.
 *
 * Security: the spool belongs to the worker's user and is not readable for others; nothing a
 * session does reaches it.
 */
#include "node/record.h"

#include <string.h>

#include "base/clock.h"

enum { FRAMES_MAX = FRAME_DATA_MAX + 64 };

void
record_begin(struct record *r, struct node *n, const char *session, enum record_what what)
{
	*r = (struct record){ .node = n,
		.session = session,
		.what = what,
		.last_us = clock_mono_us() };
}

static int
put(struct record *r, enum frame_type type, struct span data)
{
	int64_t now_us = clock_mono_us();
	struct buf b;

	buf_init(&b, FRAMES_MAX);
	frame_put(&b, (uint8_t)type, now_us > r->last_us ? (uint64_t)(now_us - r->last_us) : 0,
	    data);
	int result = buf_ok(&b) ? audit_frames(r->node->audit, r->session, buf_span(&b)) : -1;
	if (result == 0)
		r->last_us = now_us;
	buf_done(&b);
	return result;
}

static void
skip(struct record_stream *s, const void *p, size_t n)
{
	if (s->skipped == 0)
		sha256_init(&s->skipped_hash);
	s->skipped += n;
	sha256_add(&s->skipped_hash, p, n);
}

int
record_output(struct record *r, enum frame_type type, const void *p, size_t n)
{
	struct record_stream *s = &r->streams[type == FRAME_ERR];
	size_t keep = n;

	if (r->what == RECORD_NO_BODIES)
		return 0;
	if (r->what == RECORD_COMMAND) {
		uint64_t limit = r->node->config->record_limit;
		uint64_t room = s->skipped || s->recorded >= limit ? 0 : limit - s->recorded;
		if (keep > room)
			keep = (size_t)room;
	}
	for (size_t at = 0; at < keep;) {
		size_t part = keep - at < FRAME_DATA_MAX ? keep - at : FRAME_DATA_MAX;
		if (put(r, type, (struct span){ (const uint8_t *)p + at, part }))
			return -1;
		at += part;
	}
	s->recorded += keep;
	if (keep < n)
		skip(s, (const uint8_t *)p + keep, n - keep);
	return 0;
}

int
record_resize(struct record *r, uint32_t cols, uint32_t rows)
{
	const uint8_t data[4] = { (uint8_t)(cols >> 8), (uint8_t)cols, (uint8_t)(rows >> 8),
		(uint8_t)rows };

	return put(r, FRAME_RESIZE, (struct span){ data, sizeof(data) });
}

int
record_marker(struct record *r, const char *text)
{
	return put(r, FRAME_MARKER, span_str(text));
}

static int
put_gap(struct record *r, enum frame_type type)
{
	struct record_stream *s = &r->streams[type == FRAME_ERR];
	uint8_t digest[SHA256_BYTES];
	struct buf b;

	if (s->skipped == 0)
		return 0;
	sha256_end(&s->skipped_hash, digest);
	buf_init(&b, 64);
	wire_put_u64(&b, s->skipped);
	wire_put_u8(&b, (uint8_t)type);
	buf_put(&b, digest, sizeof(digest));
	int result = buf_ok(&b) ? put(r, FRAME_GAP, buf_span(&b)) : -1;
	buf_done(&b);
	return result;
}

int
record_end(struct record *r, uint32_t status, const char *signal)
{
	struct buf b;

	if (put_gap(r, FRAME_OUT) || put_gap(r, FRAME_ERR))
		return -1;
	buf_init(&b, 64);
	wire_put_u32(&b, status);
	buf_put(&b, signal, strlen(signal));
	int result = buf_ok(&b) ? put(r, FRAME_EXIT, buf_span(&b)) : -1;
	buf_done(&b);
	return result;
}
