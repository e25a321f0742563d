/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_message: a role as message and as lib/policy sees it. Called by role.c (which stores the message) and the wire
 * faces. Views: strings and arrays belong to the other side or to the arena.
 */
#ifndef AUTH_ROLE_MESSAGE_H
#define AUTH_ROLE_MESSAGE_H

#include "auth/role.h"
#include "base/mem.h"
#include "proto/auth.pb-c.h"

/* NULL without memory, or when a list is over POLICY_LIST_MAX. */
const struct policy_role *role_of_message(struct arena *arena, const Auth__Role *m);
Auth__Role *role_to_message(struct arena *arena, const struct policy_role *policy, bool preset, uint64_t revision);

#endif
