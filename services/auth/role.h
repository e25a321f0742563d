/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: the roles of the cluster, all in memory, kept in the store as packed sallyport.auth.Role.
 * Called by access.c, certify.c and user.c; files of roles go through the hooks of its row (resource.def).
 */
#ifndef AUTH_ROLE_H
#define AUTH_ROLE_H

#include <stdint.h>

#include "auth/values.h"
#include "policy/subject.h"

struct auth;
struct user;

struct role {
	char name[NAME_LEN_MAX + 1];
	struct policy_role *policy;
	bool preset;
	uint64_t revision;
};

/* Makes those presets that are not there: at first start. */
int roles_make_presets(struct auth *a, struct err *e);
const struct role *role_find(struct auth *a, const char *name);
/* In the shape of subject_role_fn; arg: struct auth. */
enum subject_role role_lookup(void *auth, const char *name, const struct policy_role **ret);
/* The roles as they would be with this one in place of the one of its name, or as a new one; the same shape, arg: this. */
struct role_draft {
	struct auth *auth;
	const struct policy_role *role;
};
enum subject_role
role_lookup_draft(void *draft, const char *name, const struct policy_role **ret);
/* The policy's user of the record: points into u and into the roles. Negative with the cause, and
 * without any role, when one of them cannot be read. */
int role_view(struct auth *a, const struct user *u, struct subject_view *ret, struct err *e);

#endif
