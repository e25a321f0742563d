/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: people: their record, what makes their certificates worthless, and the list of them.
 * Called by login.c, invite.c and rpc_users.c; touches the store.
 */
#ifndef AUTH_USER_H
#define AUTH_USER_H

#include <stdint.h>

#include "auth/values.h"
#include "crypto/password.h"
#include "crypto/totp.h"

struct auth;

struct user {
	char name[NAME_LEN_MAX + 1];
	struct names roles, logins;
	int64_t created_ms;
	char created_by[NAME_LEN_MAX + 1];
	bool confirmed;                    /* an invite was completed */
	char password[PASSWORD_HASH_SIZE]; /* "" until then */
	uint8_t totp[TOTP_SECRET_BYTES];
	int64_t totp_last_step;
	uint64_t revision; /* of the record it was loaded from; 0: new */
};

/* Fills *ret, which user_done must empty in any case. 0, AUTH_E_NOT_FOUND or negative. */
int user_load(struct auth *a, const char *name, struct user *ret, struct err *e);
void user_done(struct user *u); /* zeroes the secrets */
/* Writes over the revision it was loaded from. AUTH_E_STATE: somebody was faster. */
int user_save(struct auth *a, struct user *u, struct err *e);

/* A new user who has nothing yet but an invite to come. AUTH_E_INVALID, AUTH_E_EXISTS,
 * AUTH_E_NOT_FOUND (a role). */
int user_add(struct auth *a, const struct user *spec, struct err *e);
/* NULL: leave as it is. Certificates that are out become worthless when something changed. */
int user_update(struct auth *a, const char *name, const struct names *roles,
    const struct names *logins, struct err *e);
/* The user, invites and lockout; certificates that are out become worthless. */
int user_remove(struct auth *a, const char *name, struct err *e);

/* Certificates of this user issued until now are worth nothing; told to every watcher. */
int user_cut_off(struct auth *a, const char *name, struct err *e);
/* Certificates whose valid_after, in milliseconds, is below this are worth nothing; 0: all
 * count. The minute by which certificates begin early is taken off already. */
int64_t user_cutoff(struct auth *a, const char *name);
/* How long to wait before issuing, so that a new certificate begins after this cutoff (of a user
 * or node): certificates know whole seconds only. Mostly 0. */
int64_t cutoff_wait_ms(struct auth *a, int64_t cutoff_ms);

/* Calls fn for every user, in order of their names; negative from fn stops. */
int user_each(struct auth *a, int (*fn)(const struct user *u, void *arg), void *arg);
int user_each_cutoff(struct auth *a, int (*fn)(const char *user, int64_t issued_before, void *arg),
    void *arg);

#endif
