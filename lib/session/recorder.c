/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder: see recorder.h. Called for every piece of output before it is sent on.
 *
 * Security: what a session's user does must not reach what was recorded; that is the sink's part.
 */
#include "session/recorder.h"

#include <string.h>

#include "base/clock.h"
#include "base/wire.h"

enum { FRAMES_MAX = FRAME_DATA_MAX + 64 };

void
recorder_begin(struct recorder *r, const struct recorder_config *config)
{
	*r = (struct recorder){ .config = *config, .last_us = clock_mono_us() };
}

/* A frame says how long after the one before it happened, on the clock that cannot be set. */
static int
put(struct recorder *r, enum frame_type type, struct span data)
{
	int64_t now_us = clock_mono_us();
	struct buf b;

	buf_init(&b, FRAMES_MAX);
	frame_put(&b, (uint8_t)type, now_us > r->last_us ? (uint64_t)(now_us - r->last_us) : 0,
	    data);
	int result = buf_ok(&b) ? r->config.sink(r->config.session, buf_span(&b), r->config.arg)
				: -1;
	/* A frame that was not kept has taken no time: the next one's is counted from the last that
	 * was. */
	if (result == 0)
		r->last_us = now_us;
	buf_done(&b);
	return result;
}

static void
skip(struct recorder_stream *s, const void *p, size_t n)
{
	if (s->skipped == 0)
		sha256_init(&s->skipped_hash);
	/* Only counted and hashed: who has the bytes can show later that they are those. */
	s->skipped += n;
	sha256_add(&s->skipped_hash, p, n);
}

int
recorder_output(struct recorder *r, enum frame_type type, const void *p, size_t n)
{
	struct recorder_stream *s = &r->streams[type == FRAME_ERR];
	size_t keep = n;

	if (r->config.what == RECORDER_NO_BODIES)
		return 0;
	/* Once something was left out nothing more is kept: what follows a gap would be misread. */
	if (r->config.what == RECORDER_COMMAND) {
		uint64_t limit = r->config.limit;
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
recorder_resize(struct recorder *r, uint32_t cols, uint32_t rows)
{
	const uint8_t data[4] = { (uint8_t)(cols >> 8), (uint8_t)cols, (uint8_t)(rows >> 8),
		(uint8_t)rows };

	return put(r, FRAME_RESIZE, (struct span){ data, sizeof(data) });
}

int
recorder_marker(struct recorder *r, const char *text)
{
	return put(r, FRAME_MARKER, span_str(text));
}

static int
put_gap(struct recorder *r, enum frame_type type)
{
	struct recorder_stream *s = &r->streams[type == FRAME_ERR];
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
recorder_end(struct recorder *r, uint32_t status, const char *signal)
{
	struct buf b;

	/* Only now: a gap goes on to the end, and its length and hash are known then. */
	if (put_gap(r, FRAME_OUT) || put_gap(r, FRAME_ERR))
		return -1;
	buf_init(&b, 64);
	wire_put_u32(&b, status);
	buf_put(&b, signal, strlen(signal));
	int result = buf_ok(&b) ? put(r, FRAME_EXIT, buf_span(&b)) : -1;
	buf_done(&b);
	return result;
}
