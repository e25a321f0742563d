/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach: who reaches which node, and as whom, by lib/policy: as the roles are and as they would be with a draft. Locks count,
 * since they close what roles open. Called by rpc_reach.c; touches the store (users) and memory.
 *
 * Security: ten thousand users on ten thousand nodes are a hundred million questions, and roles can be long. A walk takes no
 * more steps than it is given, and says where to go on.
 */
#ifndef AUTH_REACH_H
#define AUTH_REACH_H

#include "auth/host_place.h"
#include "auth/user.h"

struct auth;

/* Comparisons of a walk: some ten milliseconds. What one pair alone may take at most: some ten times that. */
enum {
	REACH_STEPS = 400 * 1000,
	REACH_PAIR_STEPS = 2 * 1000 * 1000,
	REACH_PLACE_SIZE = NAME_LEN_MAX + 2 + HOST_PLACE_SIZE
};

struct reach_query {
	const char *user;          /* "": everybody */
	struct host *const *nodes; /* in the order of host_place.h */
	size_t n_nodes;
	const struct policy_role *draft; /* NULL: none */
	bool give;                       /* as if they had the draft's role */
	bool changes;                    /* only where the draft changes something */
	const char *after;               /* where the last walk ended; "": from the first */
	long steps;                      /* at most, and one pair */
};

struct reach {
	const char *user;
	const struct host *node;
	struct policy_names now, drafted; /* logins; without a draft the same */
	const char *closed; /* why some are left out that the roles allow, or all were not looked at; "" */
};

enum { REACH_MORE = 1000 }; /* no enum auth_result */

/* 0: it is taken; REACH_MORE: it is not, and the walk ends before it; negative. r is lent. */
typedef int reach_fn(const struct reach *r, void *arg);
/* 0: that was all. REACH_MORE: `next` is where to go on. AUTH_E_NOT_FOUND (the user), AUTH_E_INVALID (`after`),
 * AUTH_E_STATE (roles of the user too long to be looked at; of everybody that is `closed`), or negative. */
int reach_walk(struct auth *a, const struct reach_query *q, reach_fn *fn, void *arg,
    char next[REACH_PLACE_SIZE], struct err *e);

/* Why: of each login that the user's roles name, or of one. d->role, and d->rule "lock", are as lib/policy has them. Without
 * any login it is one decision, of "". fn is lent both. 0, AUTH_E_STATE or negative. */
typedef int
reach_why_fn(const char *login, const struct policy_decision *d, void *arg);
int reach_explain(struct auth *a, const struct user *u, const struct host *node, const char *login,
    reach_why_fn *fn, void *arg, struct err *e);

#endif
