/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: libsodium's guarded memory. Called by whoever holds keys. Touches memory only.
 */
#include "crypto/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct secret *
secret_new(size_t n)
{
	struct secret *s;

	if (!n)
		return NULL;
	s = malloc(sizeof *s);
	if (!s)
		return NULL;
	s->n = n;
	/* Between guard pages, and locked in memory as far as the limit allows: not in the swap,
	 * and read past its end only with a crash. */
	s->p = sodium_malloc(n);
	if (!s->p) {
		free(s);
		return NULL;
	}
	sodium_memzero(s->p, n);
	return s;
}

void
secret_free(struct secret *s)
{
	if (!s)
		return;
	sodium_free(s->p); /* zeroes */
	free(s);
}

bool
secret_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

void
secret_zero(void *p, size_t n)
{
	sodium_memzero(p, n);
}
