/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: what an administrator has closed for a while, whatever roles allow: a user, a role, a login,
 * a node; or a session that somebody ends. Called by authd (new certificates, its own methods) and lib/replica (connections,
 * sessions, tunnels). Pure.
 */
#ifndef POLICY_LOCK_H
#define POLICY_LOCK_H

#include "policy/policy.h"

enum { LOCK_NAME_SIZE = 37, LOCK_TEXT_SIZE = 256 };

struct policy_lock {
	char name[LOCK_NAME_SIZE]; /* UUID */
	/* Whom it is for: all that are not "" must fit, as they are written; at least one is there. */
	char user[LOCK_TEXT_SIZE], role[LOCK_TEXT_SIZE], login[LOCK_TEXT_SIZE];
	char node[LOCK_TEXT_SIZE];           /* UUID or name of a daemon of any kind */
	char access_request[LOCK_TEXT_SIZE]; /* fits nobody: there are none yet */
	char session[LOCK_TEXT_SIZE];        /* UUID: ends it. Beside it no other target */
	char session_user[LOCK_TEXT_SIZE];   /* whose the session is; "": anybody's */
	char message[LOCK_TEXT_SIZE];        /* why, for people */
	int64_t expires_ms;                  /* since 1970; 0: never */
	char created_by[LOCK_TEXT_SIZE];     /* who made it; "": not known */
};

/* Whether it makes sense: a target, printable texts. Negative with the cause, as policy_role_check has it. */
int policy_lock_check(const struct policy_lock *lock, struct err *e);
/* Whether it closes the door for this identity, now. */
bool
policy_lock_fits(const struct policy_lock *lock, const struct policy_identity *who, int64_t now_ms);
/* "user alice is locked: stolen laptop", "this session was ended by carol: maintenance", for whoever is refused. */
void policy_lock_text(const struct policy_lock *lock, char *dst, size_t size);
/* "user=alice,node=db", for lists and events. */
void policy_lock_target(const struct policy_lock *lock, char *dst, size_t size);

#endif
