/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem: cleanup attributes and the arena; see mem.h.
 */
#include "base/mem.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BLOCK_BYTES = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

void
mem_freep(void *pp)
{
	/* Runs on the way out of a function that may be returning an error by errno. */
	int saved = errno;
	void *p;

	/* The object is a pointer of some type; memcpy reads it without aliasing trouble. */
	memcpy(&p, pp, sizeof(p));
	free(p);
	errno = saved;
}

void
mem_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void
arena_done(struct arena *a)
{
	struct arena_block *b = a->blocks;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	arena_init(a, a->max);
}

static struct arena_block *
block_new(struct arena *a, size_t n)
{
	size_t size = n > ARENA_BLOCK_BYTES ? n : ARENA_BLOCK_BYTES;
	struct arena_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return NULL;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->blocks;
	void *p;

	if (n > a->max || a->used > a->max - n)
		return NULL;
	/* So that rounding up below cannot wrap to a small number. */
	if (n > SIZE_MAX - align - sizeof(*b))
		return NULL;
	n = n ? (n + align - 1) / align * align : align;
	if (!b || n > b->size - b->used)
		b = block_new(a, n);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += n;
	a->used += n;
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = arena_alloc(a, n);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}
