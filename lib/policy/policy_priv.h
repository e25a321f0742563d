/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_priv: what the evaluator (decide.c) and the order of rights (covers.c) share, so that both read a role in the
 * same way.
 */
#ifndef POLICY_PRIV_H
#define POLICY_PRIV_H

#include "policy/policy.h"

/* Every resource and verb that a rule may name, without "*"; ended by NULL. */

bool policy_listed(struct policy_names names, const char *s);
/* "{{internal.logins}}", with or without blanks. */
bool policy_is_template(const char *s);
/* What denies that login, as written; NULL: nothing. Of a template in place of a login: what denies all of them. */
const char *policy_denies_login(const struct policy_user *user, const struct policy_conditions *c,
    const char *login);

#endif
