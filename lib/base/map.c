/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: strings to pointers; see map.h. Open addressing with linear probing and
 * tombstones. The table keeps its size while entries are only removed, so that
 * map_del of the entry just visited leaves map_next in step.
 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Keys come from strangers (addresses, names): without a hash under a random key they could choose ones that
 * all collide, and one look-up would cost as much as the whole table. */
enum { MAP_MIN_SLOTS = 16 };

struct slot {
	char *key; /* NULL: never used; tombstone: removed */
	void *value;
	uint64_t hash;
};

struct map {
	struct slot *slots;
	size_t size; /* a power of two */
	size_t count;
	size_t used; /* count and tombstones */
	uint64_t k0, k1;
};

static char tombstone[1];

static bool
is_live(const struct slot *s)
{
	return s->key && s->key != tombstone;
}

static uint64_t
rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t
load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* SipHash-2-4 (Aumasson, Bernstein, 2012). */
static uint64_t
siphash(uint64_t k0, uint64_t k1, const uint8_t *p, size_t n)
{
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
		k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL };
	uint64_t last = (uint64_t)n << 56;
	uint64_t m;

	for (; n >= 8; p += 8, n -= 8) {
		m = load_le(p, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	last |= load_le(p, n);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *
map_new(void)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->size = MAP_MIN_SLOTS;
	m->slots = calloc(m->size, sizeof(*m->slots));
	if (!m->slots || getrandom(&m->k0, sizeof(m->k0), 0) != (ssize_t)sizeof(m->k0) ||
	    getrandom(&m->k1, sizeof(m->k1), 0) != (ssize_t)sizeof(m->k1)) {
		map_free(m);
		return NULL;
	}
	return m;
}

void
map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->slots && i < m->size; i++)
		if (is_live(&m->slots[i]))
			free(m->slots[i].key);
	free(m->slots);
	free(m);
}

uint64_t
map_hash(const struct map *m, const char *key)
{
	return siphash(m->k0, m->k1, (const uint8_t *)key, strlen(key));
}

static struct slot *
find(const struct map *m, const char *key, uint64_t hash)
{
	for (size_t i = hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
		struct slot *s = &m->slots[i];

		/* A tombstone does not end the search: the key may have been put behind the one that was
		 * removed there. */
		if (!s->key)
			return NULL;
		if (s->key != tombstone && s->hash == hash && strcmp(s->key, key) == 0)
			return s;
	}
}

static struct slot *
free_slot(struct slot *slots, size_t size, uint64_t hash)
{
	size_t i = hash & (size - 1);

	/* Tombstones are taken again; used counts them already. */
	while (is_live(&slots[i]))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

/* A table at most half full afterwards; also sweeps the tombstones out. */
static bool
rehash(struct map *m)
{
	size_t size = MAP_MIN_SLOTS;
	struct slot *slots;

	while (size < (m->count + 1) * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < m->size; i++)
		if (is_live(&m->slots[i]))
			*free_slot(slots, size, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->size = size;
	m->used = m->count;
	return true;
}

void *
map_get(const struct map *m, const char *key)
{
	struct slot *s = find(m, key, map_hash(m, key));

	return s ? s->value : NULL;
}

bool
map_put(struct map *m, const char *key, void *value, void **old)
{
	uint64_t hash = map_hash(m, key);
	struct slot *s = find(m, key, hash);
	char *copy;

	/* Set before anything can fail, so that a caller who frees the old value does not free garbage. */
	if (old)
		*old = s ? s->value : NULL;
	if (s) {
		s->value = value;
		return true;
	}
	/* At most three quarters used, so that find meets an empty slot soon. */
	if ((m->used + 1) * 4 > m->size * 3 && !rehash(m))
		return false;
	copy = strdup(key);
	if (!copy)
		return false;
	s = free_slot(m->slots, m->size, hash);
	if (!s->key)
		m->used++;
	*s = (struct slot){ copy, value, hash };
	m->count++;
	return true;
}

void *
map_del(struct map *m, const char *key)
{
	struct slot *s = find(m, key, map_hash(m, key));
	void *value;

	if (!s)
		return NULL;
	value = s->value;
	free(s->key);
	*s = (struct slot){ .key = tombstone };
	m->count--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

bool
map_next(const struct map *m, size_t *pos, const char **key, void **value)
{
	for (; *pos < m->size; ++*pos) {
		const struct slot *s = &m->slots[*pos];

		if (!is_live(s))
			continue;
		if (key)
			*key = s->key;
		if (value)
			*value = s->value;
		++*pos;
		return true;
	}
	return false;
}
