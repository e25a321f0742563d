/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: a role as authd sends it, as lib/policy understands it.
 */
#ifndef API_ROLE_H
#define API_ROLE_H

#include "base/mem.h"
#include "policy/policy.h"
#include "proto/auth.pb-c.h"

/* A view: texts belong to the message, arrays to the arena. NULL: out of memory, or longer lists
 * than POLICY_LIST_MAX. */
const struct policy_role *api_role_of(struct arena *arena, const Auth__Role *m);

#endif
