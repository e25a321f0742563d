/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: bounded zstd, and the records inside a batch; see batch.h.
 */
#include "rec/batch.h"

#include <string.h>
#include <zstd.h>

#include "base/wire.h"

enum {
	/* What travels is compressed in passing, what is kept for years with more care. */
	BATCH_LEVEL = 3,
	BATCH_LEVEL_KEPT = 6,
	/* Of what is packed while somebody waits for it: on 64 KiB hardly worse than level 3, and faster by a fifth. Those
	 * below 1 gain as much again only where they leave text twice as large. */
	RECORD_LEVEL = 1,
	BATCH_ROOM = 1024, /* a frame's own bytes, and more */
};

/* The first byte of a zstd frame (RFC 8878, 3.1.1), and what stands there of one beside lines that end as a terminal's do. */
enum { ZSTD_FIRST = 0x28, CRLF_FIRST = 0x29 };

/* Made once a process: a context is a megabyte, and its tables are what a small batch would mostly cost. NULL: no memory. */
static ZSTD_CCtx *
packer(int level)
{
	static ZSTD_CCtx *made;

	if (!made)
		made = ZSTD_createCCtx();
	if (made)
		(void)ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, level);
	return made;
}

static ZSTD_DCtx *
unpacker(void)
{
	static ZSTD_DCtx *made;

	if (!made)
		made = ZSTD_createDCtx();
	return made;
}

static int
compress(struct span raw, struct span beside, int level, struct buf *out)
{
	size_t room = ZSTD_compressBound(raw.n);
	uint8_t *dst = buf_reserve(out, room);
	ZSTD_CCtx *z = packer(level);
	size_t n;

	/* A prefix counts for one frame. */
	if (!dst || !z || ZSTD_isError(ZSTD_CCtx_refPrefix(z, beside.p, beside.n)))
		return -1;
	n = ZSTD_compress2(z, dst, room, raw.n ? (const void *)raw.p : "", raw.n);
	if (ZSTD_isError(n))
		return -1;
	buf_commit(out, n);
	return 0;
}

/* A terminal ends lines with CR LF, its text with LF: beside the text as it is each line's end would be two pieces more. */
static int
put_crlf(struct span text, struct buf *out)
{
	buf_init(out, 2 * BATCH_RAW_MAX);
	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		buf_put(out, text.p, n);
		if (end)
			buf_put(out, "\r\n", 2);
		n += end ? 1 : 0;
		text = (struct span){ text.p + n, text.n - n };
	}
	return buf_ok(out) ? 0 : -1;
}

int
batch_compress(struct span raw, struct buf *out)
{
	return compress(raw, (struct span){ NULL, 0 }, BATCH_LEVEL, out);
}

int
batch_compress_beside(struct span raw, struct span beside, struct buf *out)
{
	size_t from = out->len;
	struct buf lines;
	int done;

	if (raw.n < 2 || !memmem(raw.p, raw.n, "\r\n", 2))
		return compress(raw, beside, BATCH_LEVEL_KEPT, out);
	done = put_crlf(beside, &lines);
	if (done == 0)
		done = compress(raw, buf_span(&lines), BATCH_LEVEL_KEPT, out);
	if (done == 0)
		buf_head(out)[from] = CRLF_FIRST;
	buf_done(&lines);
	return done;
}

int
batch_compress_record(struct span counted, struct buf *out)
{
	return compress(counted, (struct span){ NULL, 0 }, RECORD_LEVEL, out);
}

size_t
batch_expanded(struct span z)
{
	size_t sum = 0;

	while (z.n > 0) {
		unsigned long long raw = ZSTD_getFrameContentSize(z.p, z.n);
		size_t n = ZSTD_findFrameCompressedSize(z.p, z.n);

		/* Also what does not say it, or is no frame: both are numbers beyond any bound. */
		if (raw > BATCH_RAW_MAX - sum || ZSTD_isError(n))
			return 0;
		sum += (size_t)raw;
		z.p += n;
		z.n -= n;
	}
	return sum;
}

static int
expand(struct span z, struct span beside, size_t raw_len, struct buf *out)
{
	ZSTD_DCtx *context = unpacker();
	uint8_t *dst;
	size_t n;

	if (!context || z.n == 0 || raw_len > BATCH_RAW_MAX)
		return -1;
	/* What the frames say of themselves is compared before a byte is unpacked: a few kilobytes may claim to be
	 * gigabytes. */
	if (batch_expanded(z) != raw_len)
		return -1;
	dst = buf_reserve(out, raw_len ? raw_len : 1);
	if (!dst || ZSTD_isError(ZSTD_DCtx_refPrefix(context, beside.p, beside.n)))
		return -1;
	n = ZSTD_decompressDCtx(context, dst, raw_len, z.p, z.n);
	if (ZSTD_isError(n) || n != raw_len)
		return -1;
	buf_commit(out, n);
	return 0;
}

int
batch_expand_beside(struct span z, struct span beside, size_t raw_len, struct buf *out)
{
	struct buf frame, lines;
	int done = -1;

	if (z.n == 0 || z.p[0] != CRLF_FIRST)
		return expand(z, beside, raw_len, out);
	buf_init(&frame, 2 * BATCH_RAW_MAX);
	if (put_crlf(beside, &lines) == 0 && buf_put(&frame, z.p, z.n)) {
		buf_head(&frame)[0] = ZSTD_FIRST;
		done = expand(buf_span(&frame), buf_span(&lines), raw_len, out);
	}
	buf_done(&frame);
	buf_done(&lines);
	return done;
}

int
batch_expand(struct span z, size_t raw_len, struct buf *out)
{
	return expand(z, (struct span){ NULL, 0 }, raw_len, out);
}

int
batch_next(struct span *in, struct span *ret_record)
{
	struct wire w = wire_from(*in);

	*ret_record = (struct span){ NULL, 0 };
	if (in->n == 0)
		return 0;
	*ret_record = wire_string(&w);
	if (w.bad)
		return -1;
	*in = wire_rest(&w);
	return 1;
}

void
batch_put(struct buf *b, struct span record)
{
	wire_put_string(b, record);
}

/* --- making one ------------------------------------------------------------------------------------ */

void
batch_out_init(struct batch_out *b, size_t max)
{
	*b = (struct batch_out){ .count = 0 };
	/* What cannot be compressed becomes more, the smaller its frames the more. */
	buf_init(&b->data, 2 * max + BATCH_ROOM);
	buf_init(&b->run, max);
}

void
batch_out_reset(struct batch_out *b)
{
	buf_reset(&b->data);
	buf_reset(&b->run);
	b->count = 0;
	b->raw_len = 0;
}

void
batch_out_done(struct batch_out *b)
{
	buf_done(&b->data);
	buf_done(&b->run);
}

/* What came as it is becomes a frame together: small records have much in common. */
static int
end_run(struct batch_out *b)
{
	if (b->run.len == 0)
		return 0;
	if (batch_compress(buf_span(&b->run), &b->data))
		return -1;
	buf_reset(&b->run);
	return 0;
}

int
batch_out_add(struct batch_out *b, struct span record)
{
	batch_put(&b->run, record);
	if (!buf_ok(&b->run))
		return -1;
	b->count++;
	b->raw_len += 4 + record.n;
	return 0;
}

int
batch_out_add_frame(struct batch_out *b, struct span z)
{
	if (end_run(b) || !buf_put(&b->data, z.p, z.n))
		return -1;
	b->count++;
	b->raw_len += batch_expanded(z);
	return 0;
}

int
batch_out_end(struct batch_out *b)
{
	return end_run(b);
}
