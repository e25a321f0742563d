/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: bytes that must not leak: in guarded pages, locked where the limits allow, left out of
 * core dumps, zeroed when freed, never printed.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/buf.h"

struct secret {
	uint8_t *p;
	size_t n;
};

/* n zero bytes, n at least 1. NULL without memory. */
struct secret *secret_new(size_t n);
void secret_free(struct secret *s); /* NULL is fine */
static inline struct span
secret_span(const struct secret *s)
{
	return (struct span){ s->p, s->n };
}
/* Constant time for equal lengths. */
bool secret_equal(struct span a, struct span b);
/* Zeroes memory of any kind, in a way that the compiler keeps. */
void secret_zero(void *p, size_t n);

#endif
