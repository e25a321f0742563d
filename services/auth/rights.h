/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: does the caller hold at least what he gives, edits, resets, locks or removes? Asked by the wire faces and by
 * resource.c, after access.h said that his roles allow the verb at all; the order itself is lib/policy/covers.h.
 * Touches the store (the users who have a role) and memory.
 *
 * The rule: nobody gives, edits, resets, locks or removes beyond what he holds himself, unless a role of his has the
 * verb escalate on that kind of thing. Root on this host holds everything.
 *
 * Each returns 0, AUTH_E_DENIED with a line for the caller, or negative (the store). */
#ifndef AUTH_RIGHTS_H
#define AUTH_RIGHTS_H

#include "auth/access.h"
#include "policy/lock.h"

struct host;

/* Everything that the user may do: as he is, or as he would be. */
int rights_over_user(struct auth *a, const struct access_person *p, const struct user *u,
    struct err *e);
/* Everything that the role gives, before and after; and nobody who has it gains what the caller does not hold, nor is
 * limited by him unless he holds all that one holds. old NULL: a new role; next NULL: it goes. Both NULL: it cannot be
 * read, and might be one that denies. */
int rights_over_role(struct auth *a, const struct access_person *p, const struct policy_role *next,
    const struct policy_role *old, struct err *e);
/* Everybody whom the lock shuts out. */
int rights_over_lock(struct auth *a, const struct access_person *p, const struct policy_lock *lock,
    struct err *e);
/* A daemon of that kind sees more than its administrator: proxies show the pages on which passwords are set, audit
 * daemons get every recording. Nodes are below everybody who may make or remove them. resource: "token" or "node". */
int rights_over_kind(const struct access_person *p, const char *kind, const char *resource,
    struct err *e);
/* The labels that the host would have let no role in where the caller could not go already. */
int rights_over_labels(struct auth *a, const struct access_person *p, const struct host *n,
    const struct labels *after, struct err *e);
/* Whether somebody who made what acts later (a link for u, an API token that is u) could make it now: rights change
 * meanwhile. resource, verb: by which it is made. Also AUTH_E_STATE: a role or a lock cannot be read, or the roles
 * are too long to be compared, so that nobody can tell. For many of them in one turn: each has its share of the steps. */
int rights_of_maker(struct auth *a, const struct user *maker, const char *resource,
    const char *verb, const struct user *u, struct err *e);

#endif
