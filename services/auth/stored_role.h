/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_role: a role as lib/policy sees it, as message and in the store. Called by resource.c (which
 * stores the message) and the wire faces. Views: strings and arrays belong to the other side or to
 * the arena.
 */
#ifndef AUTH_STORED_ROLE_H
#define AUTH_STORED_ROLE_H

#include "auth/role.h"
#include "auth/stored.h"
#include "base/mem.h"
#include "proto/auth.pb-c.h"

enum { STORED_ROLE_ARENA = 2 * 1024 * 1024 };

/* The reverse of api_role_of. NULL without memory. */
Auth__Role *role_to_message(struct arena *arena, const struct policy_role *policy, bool preset,
    uint64_t revision);

#endif
