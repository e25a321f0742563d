/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: the roles in memory and in the store.
 */
#include "auth/role.h"

#include <string.h>

#include "auth/api_token.h"
#include "auth/auth.h"
#include "auth/rights.h"
#include "auth/user.h"
#include "base/str.h"

static int
save_preset(struct auth *a, const struct policy_role *policy, struct err *e)
{
	struct role *r = resource_new(RESOURCE_ROLE);
	int rc;

	if (!r || !(r->policy = policy_role_copy(policy))) {
		resource_free(RESOURCE_ROLE, r);
		return err_memory(e);
	}
	str_copy(r->name, sizeof(r->name), policy->name);
	r->preset = true;
	r->revision = STORE_ABSENT;
	rc = resource_save(a, RESOURCE_ROLE, r, e);
	if (rc != 0)
		resource_free(RESOURCE_ROLE, r);
	return rc;
}

int
roles_make_presets(struct auth *a, struct err *e)
{
	size_t n;
	const struct policy_role *presets = policy_presets(&n);

	for (size_t i = 0; i < n; i++)
		/* Only those that are missing: an administrator may have changed the others. */
		if (!role_find(a, presets[i].name) && save_preset(a, &presets[i], e) != 0)
			return -1;
	return 0;
}

const struct role *
role_find(struct auth *a, const char *name)
{
	return resource_find(a, RESOURCE_ROLE, name);
}

static int
check(struct auth *a, void *object, const void *old, struct err *e)
{
	struct role *r = object;
	int rc = name_check(r->name, "role name", e);

	(void)a;
	if (rc != 0) {
		err_prefix(e, "name");
		return rc;
	}
	if (policy_role_check(r->policy, e) < 0)
		return AUTH_E_INVALID;
	r->preset = old && ((const struct role *)old)->preset;
	return 0;
}

struct holder {
	const char *role;
	char user[NAME_LEN_MAX + 1];
};

static int
on_user(const void *object, void *arg)
{
	const struct user *u = object;
	struct holder *h = arg;

	if (!names_have(&u->roles, h->role))
		return 0;
	str_copy(h->user, sizeof(h->user), u->name);
	return 1;
}

static int
may_remove(struct auth *a, const void *object, struct err *e)
{
	const struct role *r = object;
	struct holder h = { .role = r->name };
	int rc;

	if (r->preset) {
		err_set(e,
		    "role %s belongs to the system and cannot be removed; change it with `tctl create -f`",
		    r->name);
		return AUTH_E_STATE;
	}
	/* A user whose role is gone would lose rights, or a deny rule, without anybody having said so. */
	rc = resource_each(a, RESOURCE_USER, on_user, &h);
	if (rc == 0)
		rc = api_token_each(a, on_user, &h);
	if (rc < 0)
		return err_set(e, "the users cannot be read");
	if (rc == 1) {
		err_set(e, "%s %s has role %s; change or remove %s first",
		    web_session_is_api(h.user) ? "API token" : "user", h.user, r->name,
		    web_session_is_api(h.user) ? "the token" : "the user");
		return AUTH_E_STATE;
	}
	return 0;
}

static int
may_change(struct auth *a, const struct access_person *by, const void *next, const void *old,
    struct err *e)
{
	const struct role *n = next, *o = old;

	return rights_over_role(a, by, n ? n->policy : NULL, o ? o->policy : NULL, e);
}

const struct resource_hooks role_hooks = { .check = check,
	.may_remove = may_remove,
	.may_change = may_change };

/* A record that is damaged was left out of memory, but it is there, and might be the one that denies. */
enum subject_role
role_lookup(void *auth, const char *name, const struct policy_role **ret)
{
	const struct role *r = role_find(auth, name);
	struct role stored;
	int rc;

	if (r) {
		*ret = r->policy;
		return SUBJECT_ROLE_FOUND;
	}
	rc = resource_load(auth, RESOURCE_ROLE, name, &stored, NULL);
	resource_done(RESOURCE_ROLE, &stored);
	return rc == AUTH_E_NOT_FOUND ? SUBJECT_ROLE_NONE : SUBJECT_ROLE_LOST;
}

enum subject_role
role_lookup_draft(void *draft, const char *name, const struct policy_role **ret)
{
	const struct role_draft *d = draft;

	if (strcmp(name, d->role->name) != 0)
		return role_lookup(d->auth, name, ret);
	*ret = d->role;
	return SUBJECT_ROLE_FOUND;
}

int
role_view(struct auth *a, const struct user *u, struct subject_view *ret, struct err *e)
{
	const struct subject who = { .name = u->name,
		.roles = { (const char *const *)(void *)u->roles.v, u->roles.n },
		.logins = { (const char *const *)(void *)u->logins.v, u->logins.n } };

	return subject_view(&who, role_lookup, a, ret, e);
}
