/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem: cleanup attributes and an arena for what lives as long as one call.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void mem_freep(void *pp); /* frees *(void **)pp */
void mem_closep(int *fd); /* closes *fd when it is not negative */
#define _cleanup_free_  __attribute__((cleanup(mem_freep)))
#define _cleanup_close_ __attribute__((cleanup(mem_closep)))

/* Bounded bump allocator, freed at once. Allocations are zeroed and aligned for any type. */
struct arena {
	struct arena_block *blocks;
	size_t used, max;
};
void arena_init(struct arena *a, size_t max);
void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t n); /* NULL over max or without memory */
char *arena_strdup(struct arena *a, const char *s);

#endif
