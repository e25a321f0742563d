/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate: how often an address may do something. A bucket for each address holds `burst` tries and is filled up again with
 * `per_min` in a minute; who fails is in debt, the more the oftener. Called by authd (logins, joins, refusals that are
 * written down) and proxyd (invite pages, refusals). Memory only; no clock and no timer of its own.
 *
 * Security: the number of addresses with a bucket has a limit, and strangers can come from more
 * (one IPv6 customer has 65536 times a /64). When the table is full, a new address is charged to its
 * network's bucket: /24 of IPv4, /48 of IPv6. So a flood of addresses has no more tries than its few
 * networks, and does not shut out the rest; see rate.c.
 */
#ifndef NET_RATE_H
#define NET_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RATE_ADDRESSES_MAX = 50000,
	RATE_DEBT_MIN = 10, /* no penalty lasts longer, minutes */
};

struct rate;

/* Negative without memory. */
int rate_new(struct rate **ret, unsigned per_min, unsigned burst);
void rate_free(struct rate *r); /* NULL is fine */
/* Takes one; false: too many. ip: as text; of IPv6 the low half does not count, and a mapped IPv4 address is that one;
 * text that is no address is a bucket of its own. factor: how many times the limit this caller has (a proxy speaks
 * for many), at least 1. now_ms: any clock that goes on; one that steps back gives nothing. */
bool rate_take(struct rate *r, const char *ip, unsigned factor, int64_t now_ms);
/* What was taken turned out to be a failure. After the first few there is a penalty that doubles with each one that
 * follows within half a minute, up to RATE_DEBT_MIN minutes without a try. */
void rate_fail(struct rate *r, const char *ip, unsigned factor, int64_t now_ms);
/* How long until rate_take would succeed; 0: now. */
int64_t rate_wait_ms(struct rate *r, const char *ip, unsigned factor, int64_t now_ms);
/* How many addresses have a bucket. */
size_t rate_count(const struct rate *r);

#endif
