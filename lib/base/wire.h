/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: the data types of the SSH protocol (RFC 4251 section 5), and the one
 * bounds-checked reader and writer for them. Certificates, the SSH engine and
 * the messages between our own processes all use it.
 *
 * Readers never fail aloud: a value that is not there reads as zero or empty
 * and sets `bad`, which stays set. Check wire_end() or `bad` before believing
 * anything that was read.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include "base/buf.h"

struct wire {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct wire
wire_from(struct span s)
{
	return (struct wire){ s.p, s.n, false };
}
uint8_t wire_u8(struct wire *w);
bool wire_bool(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
/* n raw bytes; .p is NULL when they are not there. */
struct span wire_bytes(struct wire *w, size_t n);
/* string: u32 length and that many bytes. The span points into the input. */
struct span wire_string(struct wire *w);
/* string as text, copied and NUL-terminated into dst[size]; bad when it holds
 * a NUL byte or does not fit. */
void wire_text(struct wire *w, char *dst, size_t size);
/* mpint: leading zeroes removed; bad when negative or not minimal. */
struct span wire_mpint(struct wire *w);
/* What is left, without reading it. */
struct span wire_rest(const struct wire *w);
/* True when all was read and nothing was bad. */
bool wire_end(const struct wire *w);

/* One name of a comma-separated list at a time; false at its end. */
bool wire_next_name(struct span *list, struct span *name);
/* True when the comma-separated list holds name. */
bool wire_has_name(struct span list, const char *name);

void wire_put_u8(struct buf *b, uint8_t v);
void wire_put_bool(struct buf *b, bool v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_string(struct buf *b, struct span s);
void wire_put_text(struct buf *b, const char *s);
/* Unsigned big-endian number as mpint (leading zeroes dropped, 0x00 put before a set top bit). */
void wire_put_mpint(struct buf *b, struct span number);
/* Starts a string whose length is not known yet; wire_put_close fills it in. */
size_t wire_put_open(struct buf *b);
void wire_put_close(struct buf *b, size_t mark);

#endif
