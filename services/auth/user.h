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

/* The three functions of resource.h for this kind. */
int user_load(struct auth *a, const char *name, struct user *ret, struct err *e);
void user_done(struct user *u); /* zeroes the secrets */
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

#endif
