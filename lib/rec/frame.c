/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: writing and reading the frames of a recording; see frame.h. Used by noded (writes), auditd (checks),
 * tsh and the exporters (read). Touches memory only.
 */
#include "rec/frame.h"

#include "base/wire.h"

enum { VARINT_BYTES_MAX = 10 };

static void
put_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t n = 0;

	do {
		bytes[n] = (uint8_t)(v & 0x7f);
		v >>= 7;
		if (v)
			bytes[n] |= 0x80;
		n++;
	} while (v);
	buf_put(b, bytes, n);
}

/* Little-endian base 128; more than 64 bits are malformed. */
static uint64_t
take_varint(struct wire *w)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
		uint8_t byte = wire_u8(w);

		/* The tenth byte has room for one bit only. */
		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	w->bad = true;
	return 0;
}

void
frame_put(struct buf *b, uint8_t type, uint64_t dt_us, struct span data)
{
	if (data.n > FRAME_DATA_MAX) {
		b->failed = true;
		return;
	}
	buf_put(b, &type, 1);
	put_varint(b, dt_us);
	put_varint(b, data.n);
	buf_put(b, data.p, data.n);
}

int
frame_next(struct span *in, struct frame *ret)
{
	struct wire w = wire_from(*in);
	uint64_t len;

	*ret = (struct frame){ 0 };
	if (in->n == 0)
		return 0;
	ret->type = wire_u8(&w);
	ret->dt_us = take_varint(&w);
	len = take_varint(&w);
	if (w.bad || len > FRAME_DATA_MAX)
		return -1;
	ret->data = wire_bytes(&w, (size_t)len);
	if (w.bad)
		return -1;
	*in = wire_rest(&w);
	return 1;
}
