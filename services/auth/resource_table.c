/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource_table: the kinds, one row each. docs/ARCHITECTURE.md "A new resource" says what else a
 * new one needs.
 */
#include "auth/host.h"
#include "auth/resource.h"
#include "auth/role.h"
#include "auth/stored.h"

enum {
	USERS_MAX = 100000,
	HOSTS_MAX = 200000,
	TOKENS_MAX = 100000,
	OTHERS_MAX = 100000, /* as many as users and names tried */
};

/* The prefixes stand in the files of clusters that exist: they never change. */
const struct resource resource_table[RESOURCE_KINDS] = {
	[RESOURCE_ROLE] = { "role", "role/", &stored_role, ROLES_MAX, true, "`tctl get roles`",
	    .check = role_check, .may_remove = role_may_remove,
	    .created = { "role.created", "T9000I" }, .updated = { "role.updated", "T9002I" },
	    .removed = { "role.deleted", "T9001I" } },
	[RESOURCE_USER] = { "user", "user/", &stored_user, USERS_MAX, false, "`tctl users ls`" },
	/* Also of names that no user has. */
	[RESOURCE_LOCKOUT] = { "lockout", "lockout/", &stored_lockout, OTHERS_MAX },
	[RESOURCE_CUTOFF] = { "cutoff", "cutoff/", &stored_cutoff, OTHERS_MAX },
	[RESOURCE_HOST] = { "node", "node/", &stored_host, HOSTS_MAX, true, "`tctl nodes ls`",
	    host_derive },
	[RESOURCE_HOST_CUTOFF] = { "host_cutoff", "host_cutoff/", &stored_cutoff, HOSTS_MAX },
	[RESOURCE_TOKEN] = { "token", "token/", &stored_token, TOKENS_MAX, false,
	    "`tctl tokens ls`" },
	[RESOURCE_INVITE] = { "invite", "invite/", &stored_invite, OTHERS_MAX },
};
