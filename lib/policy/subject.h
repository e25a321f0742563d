/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject: whom lib/policy is asked about. Made from the fields of a certificate or from a stored
 * user; used by proxyd, noded, auditd (through lib/replica) and authd. Pure but for memory.
 *
 * Security: nothing is left out quietly. A role that is unknown was removed and counts as not
 * there; a role that is known but cannot be read here might be the one that denies, and so might
 * one that is beyond the limit: then nothing is allowed.
 */
#ifndef POLICY_SUBJECT_H
#define POLICY_SUBJECT_H

#include "policy/policy.h"

/* Names only; what the roles say is looked up when it is asked, since it changes. Also filled by
 * hand as a view of somebody else's texts. */
struct subject {
	const char *name;
	struct policy_names roles;  /* names */
	struct policy_names logins; /* what {{internal.logins}} stands for */
};

/* Copies. The lists are separated by commas, as certificates carry them; NULL is "". Negative
 * without memory. */
int subject_parse(struct subject **ret, const char *name, const char *roles, const char *logins);
void subject_free(struct subject *s); /* NULL is fine */

enum subject_role {
	SUBJECT_ROLE_NONE,  /* no such role (any more) */
	SUBJECT_ROLE_FOUND, /* *ret is it, for as long as nothing changes */
	SUBJECT_ROLE_LOST,  /* there is one, but it could not be decoded or kept */
};
typedef enum subject_role
subject_role_fn(void *arg, const char *name, const struct policy_role **ret);

/* The policy's user. Points into the subject and into the roles that were found: not to be kept. */
struct subject_view {
	struct policy_user user;
	const struct policy_role *roles[POLICY_ROLES_MAX];
};

/* Negative with the cause, for the user, when a role is lost or there are too many: then the user
 * has no role, so that whoever goes on all the same is allowed nothing. */
int subject_view(const struct subject *s, subject_role_fn *role, void *arg,
    struct subject_view *ret, struct err *e);

#endif
