/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling: how many connections there are, in total and from one address.
 * Declared in listen.h. An IPv6 customer has a whole /64, so that is what counts as one address.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "net/listen.h"

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

static void
ceiling_key(const char *ip, char key[ADDR_TEXT_SIZE])
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET6, ip, bytes) == 1)
		str_hex(key, bytes, 8);
	else
		(void)str_copy(key, ADDR_TEXT_SIZE, ip);
}

bool
ceiling_take(struct ceiling *c, const char *ip)
{
	char key[ADDR_TEXT_SIZE];
	uintptr_t n;

	ceiling_key(ip, key);
	n = (uintptr_t)map_get(c->by_ip, key);
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
	uintptr_t n;

	ceiling_key(ip, key);
	n = (uintptr_t)map_get(c->by_ip, key);
	if (n == 0)
		return;
	c->count--;
	if (n > 1)
		(void)map_put(c->by_ip, key, (void *)(n - 1), NULL);
	else
		(void)map_del(c->by_ip, key);
}

unsigned
ceiling_count(const struct ceiling *c)
{
	return c->count;
}
