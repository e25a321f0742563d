/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: bounded zstd, and the records inside a batch; see batch.h.
 */
#include "rec/batch.h"

#include <zstd.h>

#include "base/wire.h"

enum { BATCH_LEVEL = 3 };

int
batch_compress(struct span raw, struct buf *out)
{
	size_t room = ZSTD_compressBound(raw.n);
	uint8_t *dst = buf_reserve(out, room);
	size_t n;

	if (!dst)
		return -1;
	n = ZSTD_compress(dst, room, raw.n ? (const void *)raw.p : "", raw.n, BATCH_LEVEL);
	if (ZSTD_isError(n))
		return -1;
	buf_commit(out, n);
	return 0;
}

int
batch_expand(struct span z, size_t raw_len, struct buf *out)
{
	uint8_t *dst;
	size_t n;

	if (z.n == 0 || raw_len > BATCH_RAW_MAX)
		return -1;
	/* What the frame says of itself is compared before a byte is unpacked: a few kilobytes may claim to be
	 * gigabytes. */
	if (ZSTD_getFrameContentSize(z.p, z.n) != raw_len)
		return -1;
	dst = buf_reserve(out, raw_len ? raw_len : 1);
	if (!dst)
		return -1;
	n = ZSTD_decompress(dst, raw_len, z.p, z.n);
	if (ZSTD_isError(n) || n != raw_len)
		return -1;
	buf_commit(out, n);
	return 0;
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
