/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowance: see allowance.h. Only those who are connected have one.
 */
#include "ssh/allowance.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

struct ssh_allowances {
	struct map *by_name;
	size_t max_channels;
};

struct held {
	struct ssh_allowance allowance;
	size_t refs;
	char name[];
};

int
ssh_allowances_new(struct ssh_allowances **ret, size_t max_channels)
{
	struct ssh_allowances *s = calloc(1, sizeof(*s));

	if (!s || !(s->by_name = map_new())) {
		free(s);
		return -1;
	}
	s->max_channels = max_channels;
	*ret = s;
	return 0;
}

void
ssh_allowances_free(struct ssh_allowances *s)
{
	size_t pos = 0;
	void *h;

	if (!s)
		return;
	while (map_next(s->by_name, &pos, NULL, &h))
		free(h);
	map_free(s->by_name);
	free(s);
}

struct ssh_allowance *
ssh_allowances_take(struct ssh_allowances *s, const char *name)
{
	struct held *h = map_get(s->by_name, name);
	size_t n = strlen(name) + 1;

	if (!h) {
		h = calloc(1, sizeof(*h) + n);
		if (!h)
			return NULL;
		memcpy(h->name, name, n);
		h->allowance.max_channels = s->max_channels;
		if (!map_put(s->by_name, h->name, h, NULL)) {
			free(h);
			return NULL;
		}
	}
	h->refs++;
	return &h->allowance;
}

void
ssh_allowances_give(struct ssh_allowances *s, struct ssh_allowance *allowance)
{
	struct held *h;

	if (!allowance)
		return;
	h = container_of(allowance, struct held, allowance);
	if (--h->refs > 0)
		return;
	(void)map_del(s->by_name, h->name);
	free(h);
}
