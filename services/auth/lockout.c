/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: failed logins by name (in the store, so that a restart does not open what was closed)
 * and by address (in memory).
 */
#include "auth/lockout.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

enum { BUCKETS_MAX = 50000 };

static void
load(struct auth *a, const char *user, struct lockout *ret)
{
	struct err e;

	/* One that cannot be read counts as none: logins go on, and failures are counted anew. */
	if (resource_load(a, RESOURCE_LOCKOUT, user, ret, &e) != 0)
		*ret = (struct lockout){ 0 };
}

int64_t
lockout_until(struct auth *a, const char *user)
{
	struct lockout l;

	load(a, user, &l);
	return l.locked_until_ms > a->now_ms() ? l.locked_until_ms : 0;
}

bool
lockout_fail(struct auth *a, const char *user)
{
	struct lockout l, kept = { .revision = STORE_ANY };
	int64_t now = a->now_ms();
	struct err e;

	if (name_check(user, "user name", NULL) != 0)
		return false;
	load(a, user, &l);
	str_copy(kept.user, sizeof(kept.user), user);
	kept.expires_ms = now + (LOCKOUT_WINDOW_S + LOCKOUT_FOR_S) * 1000;
	for (size_t i = 0; i < l.n; i++)
		if (l.failed_at[i] > now - LOCKOUT_WINDOW_S * 1000 && kept.n < LOCKOUT_FAILURES - 1)
			kept.failed_at[kept.n++] = l.failed_at[i];
	kept.failed_at[kept.n++] = now;
	if (kept.n >= LOCKOUT_FAILURES) {
		kept.locked_until_ms = now + LOCKOUT_FOR_S * 1000;
		kept.n = 0;
	}
	if (resource_save(a, RESOURCE_LOCKOUT, &kept, &e) != 0)
		log_error("cannot note a failed login", "cause", e.text, NULL);
	return kept.locked_until_ms > 0;
}

void
lockout_clear(struct auth *a, const char *user)
{
	struct err e;

	if (resource_remove(a, RESOURCE_LOCKOUT, user, &e) < 0)
		log_error("cannot clear a lockout", "cause", e.text, NULL);
}

/* --- by address -------------------------------------------------------------------------- */

struct bucket {
	double left;
	int64_t at_ms;
};

bool
rate_init(struct rate *r, int per_min, int burst)
{
	r->per_min = per_min;
	r->burst = burst;
	r->buckets = map_new();
	return r->buckets != NULL;
}

void
rate_done(struct rate *r)
{
	size_t pos = 0;
	void *b;

	if (!r->buckets)
		return;
	while (map_next(r->buckets, &pos, NULL, &b))
		free(b);
	map_free(r->buckets);
	r->buckets = NULL;
}

/* Of an IPv6 address the /64, since one host has them all; else as it is. */
static void
host_of(const char *ip, char *dst, size_t size)
{
	struct in6_addr a6;

	str_copy(dst, size, ip);
	dst[strcspn(dst, "%")] = '\0';
	if (inet_pton(AF_INET6, dst, &a6) != 1)
		return;
	memset(a6.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &a6, dst, (socklen_t)size);
}

static void
fill(const struct rate *r, struct bucket *b, int factor, int64_t now_ms)
{
	double most = (double)r->burst * factor;

	if (now_ms > b->at_ms)
		b->left += (double)(now_ms - b->at_ms) * r->per_min * factor / 60000.0;
	if (b->left > most)
		b->left = most;
	b->at_ms = now_ms;
}

bool
rate_take(struct rate *r, const char *ip, int factor, int64_t now_ms)
{
	char host[128];
	struct bucket *b;

	host_of(ip, host, sizeof(host));
	b = map_get(r->buckets, host);
	if (!b) {
		if (map_count(r->buckets) >= BUCKETS_MAX)
			return false;
		b = calloc(1, sizeof(*b));
		if (!b || !map_put(r->buckets, host, b, NULL)) {
			free(b);
			return false;
		}
		*b = (struct bucket){ (double)r->burst * factor, now_ms };
	}
	fill(r, b, factor, now_ms);
	if (b->left < 1)
		return false;
	b->left -= 1;
	return true;
}

void
rate_sweep(struct rate *r, int64_t now_ms)
{
	size_t pos = 0;
	const char *host;
	void *value;

	while (map_next(r->buckets, &pos, &host, &value)) {
		struct bucket *b = value;

		fill(r, b, 1, now_ms);
		if (b->left >= r->burst)
			free(map_del(r->buckets, host));
	}
}
