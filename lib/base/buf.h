/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growable queue of bytes with a ceiling.
 *
 * Bytes are appended at the end and drained from the front. Every buffer has
 * a ceiling; an append over it fails and sets `failed`, which stays set, so a
 * row of appends is checked once at its end with buf_ok().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. */
struct span {
	const uint8_t *p;
	size_t n;
};

struct buf {
	uint8_t *data; /* NULL while empty and never used */
	size_t off;    /* first live byte */
	size_t len;    /* live bytes */
	size_t cap;
	size_t max; /* ceiling of len, bytes */
	bool failed;
};

/* An empty buffer that may hold up to max bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer may be used again as after buf_init. */
void buf_done(struct buf *b);
/* As buf_done, but zeroes the memory first: for key material. */
void buf_wipe(struct buf *b);

/* Room for n more bytes at the end: a pointer to write to, then buf_commit.
 * NULL (and failed) over the ceiling or without memory. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Appends n bytes; false (and failed) over the ceiling. */
bool buf_put(struct buf *b, const void *p, size_t n);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The live bytes; valid until the next change of the buffer. */
static inline uint8_t *
buf_head(const struct buf *b)
{
	return b->data + b->off;
}
static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->data ? b->data + b->off : NULL, b->len };
}
/* Drops n bytes (at most len) from the front, and gives memory back when empty
 * and large, so that idle connections cost nothing. */
void buf_drain(struct buf *b, size_t n);
/* Forgets the content and `failed`, keeps the memory. */
void buf_reset(struct buf *b);
static inline bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

/* Literals and strings as spans. */
struct span span_str(const char *s); /* without the NUL; NULL gives an empty span */
bool span_eq(struct span a, struct span b);
bool span_is(struct span a, const char *s);
/* A NUL-terminated copy, or NULL: no memory, or the span holds a NUL byte. Caller frees. */
char *span_dup(struct span s);

#endif
