/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: five failed logins of one name within 30 minutes close it for 30 minutes. Names that no user
 * has are treated alike, so that nobody learns which exist. (How often one address may try:
 * net/rate.h.) Called by login.c and rpc_users.c; touches the store.
 */
#ifndef AUTH_LOCKOUT_H
#define AUTH_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/values.h"

struct auth;

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

#endif
