/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: a hash table from strings to pointers (SipHash-2-4 with a random key, so
 * that strangers cannot choose collisions). Keys are copied; values are not owned.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

/* NULL without memory. */
struct map *map_new(void);
void map_free(struct map *m); /* NULL is fine */
void *map_get(const struct map *m, const char *key);
/* Adds or replaces; returns the value replaced or NULL through old (may be NULL). False without memory. */
bool map_put(struct map *m, const char *key, void *value, void **old);
/* Removes and returns the value, or NULL. */
void *map_del(struct map *m, const char *key);
size_t map_count(const struct map *m);
/* The hash of the map itself, for a table beside it. */
uint64_t map_hash(const struct map *m, const char *key);
/* Visits every entry in no order; *pos starts at 0. False at the end. The map must not change meanwhile,
 * except by map_del of the entry just visited. */
bool map_next(const struct map *m, size_t *pos, const char **key, void **value);

#endif
