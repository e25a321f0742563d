/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: bytes that must not leak: in guarded pages, locked where the limits allow, left out of
 * core dumps, zeroed when freed, never printed.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/buf.h"
#include "base/err.h"

struct secret {
	uint8_t *p;
	size_t n;
};

/* n zero bytes, n at least 1. NULL without memory. */
struct secret *secret_new(size_t n);
struct secret *secret_from(struct span bytes);
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
/* A 32-byte key from a file that only its owner may read, as 64 hexadecimal digits. create: made at
 * random (0600) when the file is not there. */
int secret_key_load(struct secret **ret, const char *path, bool create, struct err *e);

#endif
