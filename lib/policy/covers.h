/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers: the order of rights: does one person hold at least what another holds? Asked by authd before anybody gives
 * rights to, edits, resets, locks or removes somebody else (services/auth/rights.c). Pure.
 *
 * The order is over what can be done, not over what roles are called: verbs on resources, logins on nodes with the deny
 * rules of both sides, and the options of a session. It is that of lib/policy's own answers: whenever policy_login,
 * policy_verb, policy_session or policy_event says yes to the lesser one, it says yes to the greater one, for every
 * login, node and resource there could be. The other way round it is careful: nodes are compared by their label rules
 * and no others, one role at a time, so that it may say no where a longer look would find that nothing is missing.
 *
 * Security: what cannot be compared within the steps is not covered. They are the caller's, COVERS_STEPS for all that
 * he compares in one turn, so that many users and roles together hold up the loop no longer than two.
 */
#ifndef POLICY_COVERS_H
#define POLICY_COVERS_H

#include "policy/policy.h"

/* Bytes of patterns looked at, and some for each role and verb: about a tenth of a second, enough for ten thousand users
 * with a few rules each. */
enum { COVERS_STEPS = 50 * 1000 * 1000 };

/* Whether whatever `what` may do, at least one of `by` may do as well. False: *why names the first right that is
 * missing: "bob may log in as root by role dev".
 * *steps: how many it may take; those it took are gone. */
bool policy_covers(const struct policy_user *const by[], size_t n_by,
    const struct policy_user *what, long *steps, struct err *why);
/* The same for what a role gives to whoever has it. {{internal.logins}} stands for itself: whoever gives it must have
 * it, on those nodes. */
bool policy_covers_role(const struct policy_user *by, const struct policy_role *role, long *steps,
    struct err *why);
/* Whether what a role takes away from its holders (deny rules, limits) is the same in both. */
bool policy_limits_equal(const struct policy_role *a, const struct policy_role *b);

#endif
