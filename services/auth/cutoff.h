/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoff: the moment before which certificates of a user (RESOURCE_CUTOFF) or of a daemon
 * (RESOURCE_HOST_CUTOFF) are worth nothing, because what they say was changed or removed. Kept as
 * long as such a certificate could live. Called by user.c, host.c, certify.c, join.c and access.c;
 * touches the store, from where every watcher hears of it.
 */
#ifndef AUTH_CUTOFF_H
#define AUTH_CUTOFF_H

#include <stdint.h>

#include "auth/resource.h"
#include "auth/values.h"

struct auth;

struct cutoff {
	char name[NAME_LEN_MAX + 1]; /* of the user; uuid of the daemon */
	/* Certificates whose valid_after, in milliseconds, is below this count no more; the minute
	 * by which certificates begin early is taken off already. */
	int64_t issued_before_ms;
	int64_t expires_ms;
	uint64_t revision;
};

/* Certificates issued until now are worth nothing. name: CUTOFF_EVERYBODY (api/cutoffs.h) for all users. expires_ms: when
 * the last of them ends. */
int cutoff_set(struct auth *a, enum resource_kind kind, const char *name, int64_t expires_ms,
    struct err *e);
/* The same for those that began before a certain moment. */
int cutoff_set_before(struct auth *a, enum resource_kind kind, const char *name,
    int64_t issued_before_ms, int64_t expires_ms, struct err *e);
/* issued_before_ms of that name; 0: none, all certificates count; INT64_MAX: it cannot be read, none
 * counts. */
int64_t cutoff_get(struct auth *a, enum resource_kind kind, const char *name);
/* What cut a user off so far, himself and everybody: a later cut-off is another mark, also in the same second, in which
 * both have the same value. */
struct cutoff_mark {
	uint64_t own, all;
};
struct cutoff_mark cutoff_mark(struct auth *a, const char *user);
/* AUTH_E_STATE with a line for him: he was cut off since the mark was taken. */
int cutoff_check(struct auth *a, const char *user, struct cutoff_mark mark, struct err *e);
/* How long to wait before issuing, so that a new certificate begins after this cutoff: certificates
 * know whole seconds only. Mostly 0. */
int64_t cutoff_wait_ms(struct auth *a, int64_t issued_before_ms);

#endif
