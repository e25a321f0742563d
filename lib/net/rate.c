/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate: see rate.h.
 *
 * What to do with address 50001? Refusing it shuts everybody out for as long as somebody keeps the
 * table full; making room for it by throwing out a bucket that is in use gives the tries of that one
 * back, and with enough addresses to rotate there is no limit left. So neither: buckets that are full
 * again say nothing and are dropped first, and if there is still no room the address shares the bucket
 * of its network. Networks have a fixed number of buckets, found by a keyed hash, so that this table
 * is never full; two networks that share one are only treated more strictly.
 */
#include "net/rate.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/map.h"
#include "net/addr.h"

enum {
	NETWORKS = 4096,
	SWEEP_MS = 60 * 1000,  /* what is full again is dropped that often, ... */
	SWEEP_FULL_MS = 1000,  /* ... and that often while there is no room: a sweep looks at all */
	STREAK_FREE = 10,      /* people mistype, and several share an address */
	STREAK_MAX = 18,       /* then each failure costs as much as 256 tries */
	STREAK_MS = 30 * 1000, /* in which one failure is lived down */
};

#define ROUNDING 1e-6

struct bucket {
	double left;       /* below zero: in debt for failures */
	int64_t at_ms;     /* when left was true */
	unsigned streak;   /* failures that are not lived down */
	int64_t failed_ms; /* since when the next one is being lived down */
	bool used;
};

struct rate {
	struct map *hosts; /* text -> struct bucket */
	unsigned per_min, burst;
	int64_t swept_ms;
	struct bucket networks[NETWORKS];
};

int
rate_new(struct rate **ret, unsigned per_min, unsigned burst)
{
	struct rate *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->per_min = per_min;
	r->burst = burst;
	r->hosts = map_new();
	if (!r->hosts) {
		free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void
rate_free(struct rate *r)
{
	size_t pos = 0;
	void *b;

	if (!r)
		return;
	while (map_next(r->hosts, &pos, NULL, &b))
		free(b);
	map_free(r->hosts);
	free(r);
}

/* Whoever speaks for many pays less a try, instead of having a larger bucket: so what it costs depends on this try alone,
 * and a bucket is the same for all who share it. */
static void
bucket_fill(const struct rate *r, struct bucket *b, int64_t now_ms)
{
	int64_t lived_down = (now_ms - b->failed_ms) / STREAK_MS;

	if (now_ms > b->at_ms)
		b->left += (double)(now_ms - b->at_ms) * r->per_min / 60000.0;
	if (b->left > r->burst)
		b->left = r->burst;
	b->at_ms = now_ms;
	if (lived_down <= 0)
		return;
	b->streak = lived_down < b->streak ? b->streak - (unsigned)lived_down : 0;
	b->failed_ms += lived_down * STREAK_MS;
}

static bool
is_full(const struct rate *r, const struct bucket *b)
{
	return b->left >= r->burst && b->streak == 0;
}

static void
drop_full(struct rate *r, int64_t now_ms)
{
	size_t pos = 0;
	const char *host;
	void *value;

	r->swept_ms = now_ms;
	while (map_next(r->hosts, &pos, &host, &value)) {
		struct bucket *b = value;

		bucket_fill(r, b, now_ms);
		if (is_full(r, b))
			free(map_del(r->hosts, host));
	}
}

static struct bucket *
network_of(struct rate *r, const char *ip)
{
	char net[ADDR_TEXT_SIZE];

	addr_prefix(net, ip, 24, 48);
	return &r->networks[map_hash(r->hosts, net) % NETWORKS];
}

/* The bucket to charge; NULL without memory. A new one is full. */
static struct bucket *
bucket_of(struct rate *r, const char *ip, int64_t now_ms)
{
	char host[ADDR_TEXT_SIZE];
	struct bucket *b;

	addr_prefix(host, ip, 32, 64);
	b = map_get(r->hosts, host);
	if (b)
		return b;
	if (now_ms - r->swept_ms >= (rate_count(r) < RATE_ADDRESSES_MAX ? SWEEP_MS : SWEEP_FULL_MS))
		drop_full(r, now_ms);
	if (rate_count(r) >= RATE_ADDRESSES_MAX) {
		b = network_of(r, ip);
		if (b->used)
			return b; /* in use before */
	} else {
		b = calloc(1, sizeof(*b));
		if (!b || !map_put(r->hosts, host, b, NULL)) {
			free(b);
			return NULL;
		}
	}
	*b =
	    (struct bucket){ .left = r->burst, .at_ms = now_ms, .failed_ms = now_ms, .used = true };
	return b;
}

bool
rate_take(struct rate *r, const char *ip, unsigned factor, int64_t now_ms)
{
	struct bucket *b = bucket_of(r, ip, now_ms);
	double cost = 1.0 / factor;

	if (!b)
		return false;
	bucket_fill(r, b, now_ms);
	/* What a hundredth of a try is lost by adding up shall not cost a whole one. */
	if (b->left < cost - ROUNDING)
		return false;
	b->left -= cost;
	return true;
}

void
rate_fail(struct rate *r, const char *ip, unsigned factor, int64_t now_ms)
{
	struct bucket *b = bucket_of(r, ip, now_ms);

	if (!b)
		return;
	bucket_fill(r, b, now_ms);
	if (b->streak >= STREAK_FREE)
		b->left -= (double)(1u << (b->streak - STREAK_FREE)) / factor;
	if (b->left < -RATE_DEBT_MIN * (double)r->per_min)
		b->left = -RATE_DEBT_MIN * (double)r->per_min;
	if (b->streak < STREAK_MAX)
		b->streak++;
	b->failed_ms = now_ms;
}

int64_t
rate_wait_ms(struct rate *r, const char *ip, unsigned factor, int64_t now_ms)
{
	struct bucket *b = bucket_of(r, ip, now_ms);
	double missing;

	if (!b)
		return 0;
	bucket_fill(r, b, now_ms);
	missing = 1.0 / factor - b->left;
	return missing <= ROUNDING ? 0 : (int64_t)(missing * 60000.0 / r->per_min) + 1;
}

size_t
rate_count(const struct rate *r)
{
	return map_count(r->hosts);
}
