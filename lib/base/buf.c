/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growable queue of bytes with a ceiling; see buf.h. Every floor uses
 * it; it touches memory and nothing else.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUF_MIN_BYTES = 256,
	BUF_KEEP_BYTES = 16 * 1024, /* an empty buffer larger than this gives its memory back */
};

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_done(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}

/* Moves the live bytes to the front. */
static void
slide(struct buf *b)
{
	if (b->off == 0)
		return;
	if (b->len)
		memmove(b->data, b->data + b->off, b->len);
	b->off = 0;
}

/* Makes the allocation at least need bytes. The old memory is zeroed, since a
 * buffer does not know whether it carries a secret and growing is rare. */
static bool
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_MIN_BYTES;
	uint8_t *data;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = malloc(cap);
	if (!data)
		return false;
	if (b->data) {
		memcpy(data, b->data + b->off, b->len);
		explicit_bzero(b->data + b->off, b->len);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	b->off = 0;
	return true;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (b->len > b->max || n > b->max - b->len) {
		/* The failure sticks: whoever puts twenty fields looks once, at the end, and a text with a hole
		 * in it is never sent. */
		b->failed = true;
		return NULL;
	}
	if (b->data && n <= b->cap - b->off - b->len)
		return b->data + b->off + b->len;
	/* Sliding pays when it frees at least half of what it moves. Otherwise the allocation
	 * doubles even when a slide would do: a queue that stays nearly full must not be moved
	 * for every byte. len is at most max, so this ends at about three times max. */
	if (b->data && n <= b->cap - b->len && b->off >= b->len / 2) {
		slide(b);
	} else if (!grow(b, n <= b->cap - b->len ? b->cap + 1 : b->len + n)) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->off + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	if (b->failed || n > b->cap - b->off - b->len) {
		b->failed = true;
		return;
	}
	b->len += n;
}

bool
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *dst;

	if (n == 0)
		return !b->failed;
	dst = buf_reserve(b, n);
	if (!dst)
		return false;
	memcpy(dst, p, n);
	b->len += n;
	return true;
}

bool
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *dst;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return false;
	}
	/* One byte more than is kept: vsnprintf ends with a NUL. */
	dst = buf_reserve(b, (size_t)n + 1);
	if (!dst)
		return false;
	va_start(ap, fmt);
	vsnprintf((char *)dst, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return true;
}

void
buf_drain(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	b->off += n;
	b->len -= n;
	if (b->len)
		return;
	b->off = 0;
	if (b->cap > BUF_KEEP_BYTES) {
		free(b->data);
		b->data = NULL;
		b->cap = 0;
	}
}

void
buf_reset(struct buf *b)
{
	b->off = b->len = 0;
	b->failed = false;
}

struct span
span_str(const char *s)
{
	return (struct span){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

char *
span_dup(struct span s)
{
	char *copy;

	/* A NUL inside would cut the copy short: "root\0x" from the wire must not become "root". */
	if (s.n && memchr(s.p, 0, s.n))
		return NULL;
	copy = malloc(s.n + 1);
	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = 0;
	return copy;
}
