/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: five failed logins of one name within 30 minutes close it for 30 minutes; and how often
 * one address may try at all. Names that no user has are treated alike, so that nobody learns which
 * exist. Called by login.c and rpc_users.c; touches the store (names) and memory (addresses).
 */
#ifndef AUTH_LOCKOUT_H
#define AUTH_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/values.h"

struct auth;
struct map;

enum { LOCKOUT_FAILURES = 5, LOCKOUT_WINDOW_S = 1800, LOCKOUT_FOR_S = 1800 };

struct lockout {
	char user[NAME_LEN_MAX + 1];
	int64_t failed_at[LOCKOUT_FAILURES];
	size_t n;
	int64_t locked_until_ms;
	int64_t expires_ms; /* of the record */
	uint64_t revision;
};

/* Until when the name is closed, wall milliseconds; 0: open. */
int64_t lockout_until(struct auth *a, const char *user);
/* Notes a failure. True when this one closed the name. */
bool lockout_fail(struct auth *a, const char *user);
/* Forgets all: after a login that succeeded, or by an administrator. */
void lockout_clear(struct auth *a, const char *user);

/* --- addresses: a bucket each that holds `burst` tries and fills at `per_min` --------------- */
struct rate {
	struct map *buckets;
	int per_min, burst;
};
bool rate_init(struct rate *r, int per_min, int burst);
void rate_done(struct rate *r);
/* Takes one; false: too many. ip: as text; of IPv6 the low half does not count. factor: how many
 * times the limit this address has (a proxy speaks for many). */
bool rate_take(struct rate *r, const char *ip, int factor, int64_t now_ms);
/* Drops what is full again. */
void rate_sweep(struct rate *r, int64_t now_ms);

#endif
