/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: people: their record, what makes their certificates worthless, and the list of them.
 * Called by signin.c, invite.c, new_password.c and rpc_users.c; touches the store.
 */
#ifndef AUTH_USER_H
#define AUTH_USER_H

#include <stdint.h>

#include "auth/factor.h"
#include "auth/values.h"
#include "crypto/password.h"

struct auth;

enum {
	USER_SOURCES = 16,
	USER_SOURCE_KEEP_MS = 30 * 86400 * 1000LL /* at least as long as a certificate lives */
};

struct user {
	char name[NAME_LEN_MAX + 1];
	struct names roles, logins;
	int64_t created_ms;
	char created_by[NAME_LEN_MAX + 1];
	bool confirmed;                    /* an invite was completed */
	char password[PASSWORD_HASH_SIZE]; /* "" until then */
	struct factor_list factors;        /* none until then */
	struct names sources; /* addresses he logged in from, and at the same place when last */
	int64_t sources_ms[USER_SOURCES];
	size_t n_sources_ms;
	uint64_t revision; /* of the record it was loaded from; 0: new */
};

/* The three functions of resource.h for this kind. */
int user_load(struct auth *a, const char *name, struct user *ret, struct err *e);
void user_done(struct user *u); /* zeroes the secrets */
int user_save(struct auth *a, struct user *u, struct err *e);

/* Whether he logged in from there lately; source: as addr_prefix has it. */
bool user_knows(const struct user *u, const char *source, int64_t now_ms);
/* Notes that he did, in place of the one that is longest ago when there are many. The caller saves. */
void user_note_source(struct user *u, const char *source, int64_t now_ms);
/* With a new password nothing that the old one got counts. */
void user_forget_sources(struct user *u);

/* Whether he may have that password (crypto/password.h): AUTH_E_INVALID. */
int user_check_password(struct auth *a, const char *name, const char *password, struct err *e);

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
