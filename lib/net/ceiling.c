/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling: see ceiling.h.
 */
#include "net/ceiling.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/map.h"
#include "net/addr.h"

struct ceiling {
	unsigned total, per_ip, count;
	struct map *by_ip; /* text -> count as a pointer-sized number */
};

int
ceiling_new(struct ceiling **ret, unsigned total, unsigned per_ip)
{
	struct ceiling *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->by_ip = map_new();
	if (!c->by_ip) {
		free(c);
		return -1;
	}
	c->total = total;
	c->per_ip = per_ip;
	*ret = c;
	return 0;
}

void
ceiling_free(struct ceiling *c)
{
	if (!c)
		return;
	map_free(c->by_ip);
	free(c);
}

/* How many the address has; key is what it is counted under. Of IPv6 a whole /64 counts as one: that much a single
 * customer is given, and he could come from 2^64 addresses otherwise. */
static uintptr_t
held(const struct ceiling *c, const char *ip, char key[ADDR_TEXT_SIZE])
{
	addr_prefix(key, ip, 32, 64);
	return (uintptr_t)map_get(c->by_ip, key);
}

bool
ceiling_take(struct ceiling *c, const char *ip)
{
	char key[ADDR_TEXT_SIZE];
	uintptr_t n = held(c, ip, key);

	if (c->count >= c->total || n >= c->per_ip ||
	    !map_put(c->by_ip, key, (void *)(n + 1), NULL))
		return false;
	c->count++;
	return true;
}

void
ceiling_drop(struct ceiling *c, const char *ip)
{
	char key[ADDR_TEXT_SIZE];
	uintptr_t n = held(c, ip, key);

	if (n == 0)
		return;
	c->count--;
	if (n > 1)
		(void)map_put(c->by_ip, key, (void *)(n - 1), NULL);
	else /* gone with the last one, so that the map holds those who are here and not all who ever came */
		(void)map_del(c->by_ip, key);
}

unsigned
ceiling_count(const struct ceiling *c)
{
	return c->count;
}
