/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: reader and writer of the SSH data types (RFC 4251 section 5); see
 * wire.h. The one place where lengths from the network meet arithmetic.
 */
#include "base/wire.h"

#include <string.h>

/* n bytes, or NULL and bad. After bad nothing more is read, so that a caller
 * that checks late sees zeroes and never bytes out of step. */
static const uint8_t *
take(struct wire *w, size_t n)
{
	const uint8_t *p = w->p;

	if (w->bad || n > w->left) {
		w->bad = true;
		w->left = 0;
		return NULL;
	}
	if (n) {
		w->p += n;
		w->left -= n;
	}
	return p;
}

uint8_t
wire_u8(struct wire *w)
{
	const uint8_t *p = take(w, 1);

	return p ? p[0] : 0;
}

bool
wire_bool(struct wire *w)
{
	return wire_u8(w) != 0;
}

uint32_t
wire_u32(struct wire *w)
{
	const uint8_t *p = take(w, 4);

	if (!p)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t
wire_u64(struct wire *w)
{
	const uint8_t *p = take(w, 8);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

struct span
wire_bytes(struct wire *w, size_t n)
{
	const uint8_t *p = take(w, n);

	if (w->bad)
		return (struct span){ NULL, 0 };
	return (struct span){ p, n };
}

struct span
wire_string(struct wire *w)
{
	uint32_t n = wire_u32(w);

	return wire_bytes(w, n);
}

void
wire_text(struct wire *w, char *dst, size_t size)
{
	struct span s = wire_string(w);

	if (size)
		dst[0] = 0;
	if (w->bad || s.n == 0) {
		if (size == 0)
			w->bad = true;
		return;
	}
	/* Too long is an error and not a shorter name: half a user name is another user's. */
	if (s.n >= size || memchr(s.p, 0, s.n)) {
		w->bad = true;
		w->left = 0;
		return;
	}
	memcpy(dst, s.p, s.n);
	dst[s.n] = 0;
}

struct span
wire_mpint(struct wire *w)
{
	struct span s = wire_string(w);

	if (w->bad || s.n == 0)
		return s;
	/* A set top bit is a negative number; a zero byte is allowed only in front of a set top bit. */
	if ((s.p[0] & 0x80) || (s.p[0] == 0 && (s.n == 1 || !(s.p[1] & 0x80)))) {
		w->bad = true;
		w->left = 0;
		return (struct span){ NULL, 0 };
	}
	if (s.p[0] == 0) {
		s.p++;
		s.n--;
	}
	return s;
}

struct span
wire_rest(const struct wire *w)
{
	if (w->bad)
		return (struct span){ NULL, 0 };
	return (struct span){ w->p, w->left };
}

bool
wire_end(const struct wire *w)
{
	return !w->bad && w->left == 0;
}

bool
wire_next_name(struct span *list, struct span *name)
{
	const uint8_t *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	name->p = list->p;
	name->n = comma ? (size_t)(comma - list->p) : list->n;
	list->p += name->n;
	list->n -= name->n;
	if (comma) {
		list->p++;
		list->n--;
	}
	return true;
}

bool
wire_has_name(struct span list, const char *name)
{
	struct span s;

	while (wire_next_name(&list, &s))
		if (span_is(s, name))
			return true;
	return false;
}

void
wire_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void
wire_put_bool(struct buf *b, bool v)
{
	wire_put_u8(b, v ? 1 : 0);
}

static void
store_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void
wire_put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	store_u32(p, v);
	buf_put(b, p, sizeof(p));
}

void
wire_put_u64(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	store_u32(p, (uint32_t)(v >> 32));
	store_u32(p + 4, (uint32_t)v);
	buf_put(b, p, sizeof(p));
}

void
wire_put_string(struct buf *b, struct span s)
{
	if (s.n > UINT32_MAX) {
		b->failed = true;
		return;
	}
	wire_put_u32(b, (uint32_t)s.n);
	buf_put(b, s.p, s.n);
}

void
wire_put_text(struct buf *b, const char *s)
{
	wire_put_string(b, span_str(s));
}

void
wire_put_mpint(struct buf *b, struct span number)
{
	bool pad;

	while (number.n && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	pad = number.n && (number.p[0] & 0x80);
	if (number.n >= UINT32_MAX) {
		b->failed = true;
		return;
	}
	wire_put_u32(b, (uint32_t)number.n + (pad ? 1 : 0));
	if (pad)
		wire_put_u8(b, 0);
	buf_put(b, number.p, number.n);
}

size_t
wire_put_open(struct buf *b)
{
	size_t mark = b->len;

	wire_put_u32(b, 0);
	return mark;
}

void
wire_put_close(struct buf *b, size_t mark)
{
	if (b->failed)
		return;
	if (b->len < 4 || mark > b->len - 4 || b->len - mark - 4 > UINT32_MAX) {
		b->failed = true;
		return;
	}
	store_u32(b->data + b->off + mark, (uint32_t)(b->len - mark - 4));
}
