/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_place: see host_place.h.
 */
#include "auth/host_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Names need not be unique; with the UUID the order is always the same. */
static int
order(const char *name, const char *uuid, const struct host *n)
{
	int c = strcmp(name, n->name);

	return c ? c : strcmp(uuid, n->uuid);
}

static int
by_name(const void *a, const void *b)
{
	const struct host *x = *(struct host *const *)a, *y = *(struct host *const *)b;

	return order(x->name, x->uuid, y);
}

bool
host_place_read(const char *text, struct host_place *ret)
{
	*ret = (struct host_place){ 0 };
	if (!*text)
		return true;
	if (strlen(text) <= sizeof(ret->uuid) || text[sizeof(ret->uuid) - 1] != '/')
		return false;
	memcpy(ret->uuid, text, sizeof(ret->uuid) - 1);
	ret->name = text + sizeof(ret->uuid);
	return true;
}

void
host_place_text(const char *uuid, const char *name, char dst[HOST_PLACE_SIZE])
{
	str_format(dst, HOST_PLACE_SIZE, "%s/%s", uuid, name);
}

bool
host_is_behind(const struct host *n, const struct host_place *place)
{
	return !place->name || order(place->name, place->uuid, n) < 0;
}

void
host_place_sort(struct host **v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof(*v), by_name);
}
