/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate: see rate.h. Counts in whole minutes; a table that is full of addresses refuses new ones
 * until the next.
 */
#include "proxy/rate.h"

#include <stdlib.h>

#include "net/listen.h"

enum { MINUTE_MS = 60 * 1000, ADDRESSES_MAX = 100000 };

struct rate {
	struct ceiling *counts;
	struct timer minute;
	unsigned per_minute;
};

static void
on_minute(void *arg)
{
	struct rate *r = arg;
	struct ceiling *fresh;

	if (ceiling_count(r->counts) == 0 || ceiling_new(&fresh, ADDRESSES_MAX, r->per_minute) < 0)
		return;
	ceiling_free(r->counts);
	r->counts = fresh;
}

int
rate_new(struct rate **ret, struct loop *loop, unsigned per_minute)
{
	struct rate *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->per_minute = per_minute;
	if (timer_init(&r->minute, loop, on_minute, r) < 0 ||
	    ceiling_new(&r->counts, ADDRESSES_MAX, per_minute) < 0) {
		rate_free(r);
		return -1;
	}
	timer_repeat(&r->minute, MINUTE_MS);
	*ret = r;
	return 0;
}

void
rate_free(struct rate *r)
{
	if (!r)
		return;
	timer_done(&r->minute);
	ceiling_free(r->counts);
	free(r);
}

bool
rate_take(struct rate *r, const char *ip)
{
	return ceiling_take(r->counts, ip);
}
