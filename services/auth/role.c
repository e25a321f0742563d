/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: the roles in memory and in the store.
 */
#include "auth/role.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/stored.h"
#include "auth/user.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

#define PREFIX "role/"

static void
role_free(struct role *r)
{
	if (!r)
		return;
	policy_role_free(r->policy);
	free(r);
}

static int
store_failed(struct auth *a, struct err *e)
{
	return err_set(e, "%s", store_error(a->store));
}

/* Takes the role into memory, also when that fails. */
static int
keep(struct auth *a, struct policy_role *policy, bool preset, uint64_t revision)
{
	struct role *r = calloc(1, sizeof(*r));
	void *old = NULL;

	if (!r || !policy) {
		policy_role_free(policy);
		free(r);
		return -1;
	}
	*r = (struct role){ policy, preset, revision };
	if (!map_put(a->roles.by_name, policy->name, r, &old)) {
		role_free(r);
		return -1;
	}
	role_free(old);
	return 0;
}

static int
on_role(const struct store_item *item, void *arg)
{
	bool preset;
	struct policy_role *policy = stored_get_role(item->value, &preset);

	if (policy)
		return keep(arg, policy, preset, item->revision);
	log_error("damaged record", "key", item->key, NULL);
	return 0;
}

static int
save(struct auth *a, const struct policy_role *policy, bool preset, uint64_t if_revision,
    struct err *e)
{
	char key[STORE_KEY_MAX];
	uint64_t revision = 0;
	struct buf b;
	int rc = -1;

	buf_init(&b, STORE_VALUE_MAX);
	if (!stored_put_role(&b, policy, preset))
		err_set(e, "role %s is too large", policy->name);
	else if (str_format(key, sizeof(key), PREFIX "%s", policy->name) &&
	    (rc = store_put(a->store, key, buf_span(&b), 0, if_revision, &revision)) < 0)
		store_failed(a, e);
	buf_done(&b);
	if (rc == 0 && keep(a, policy_role_copy(policy), preset, revision) < 0)
		rc = err_set(e, "out of memory");
	return rc;
}

static int
make_presets(struct auth *a, struct err *e)
{
	size_t n;
	const struct policy_role *presets = policy_presets(&n);

	for (size_t i = 0; i < n; i++)
		if (!role_find(a, presets[i].name) && save(a, &presets[i], true, STORE_ANY, e) < 0)
			return -1;
	return 0;
}

int
roles_load(struct auth *a, struct err *e)
{
	a->roles.by_name = map_new();
	if (!a->roles.by_name)
		return err_set(e, "out of memory");
	if (store_range(a->store, PREFIX, NULL, ROLES_MAX, on_role, a) < 0)
		return err_set(e, "cannot read the roles: %s", store_error(a->store));
	return make_presets(a, e);
}

void
roles_done(struct auth *a)
{
	size_t pos = 0;
	void *r;

	if (!a->roles.by_name)
		return;
	while (map_next(a->roles.by_name, &pos, NULL, &r))
		role_free(r);
	map_free(a->roles.by_name);
	a->roles.by_name = NULL;
}

const struct role *
role_find(struct auth *a, const char *name)
{
	return map_get(a->roles.by_name, name);
}

bool
role_next(struct auth *a, size_t *pos, const struct role **ret)
{
	void *r;

	if (!map_next(a->roles.by_name, pos, NULL, &r))
		return false;
	*ret = r;
	return true;
}

int
role_put(struct auth *a, const struct policy_role *policy, bool replace, bool *ret_created,
    struct err *e)
{
	const struct role *old;
	int rc = name_check(policy->name, "role name", e);

	if (rc != 0)
		return rc;
	if (policy_role_check(policy, e) < 0)
		return AUTH_E_INVALID;
	old = role_find(a, policy->name);
	*ret_created = !old;
	if (old && !replace) {
		err_set(e, "role %s exists already; replace it with `tctl create -f`",
		    policy->name);
		return AUTH_E_EXISTS;
	}
	if (!old && map_count(a->roles.by_name) >= ROLES_MAX) {
		err_set(e, "there are %d roles already; remove some", ROLES_MAX);
		return AUTH_E_STATE;
	}
	return save(a, policy, old && old->preset, STORE_ANY, e);
}

struct holder {
	const char *role;
	char user[NAME_LEN_MAX + 1];
};

static int
on_user(const struct user *u, void *arg)
{
	struct holder *h = arg;

	if (!names_have(&u->roles, h->role))
		return 0;
	str_copy(h->user, sizeof(h->user), u->name);
	return 1;
}

int
role_remove(struct auth *a, const char *name, struct err *e)
{
	struct holder h = { .role = name };
	const struct role *r = role_find(a, name);
	char key[STORE_KEY_MAX];
	int rc;

	if (!r) {
		err_set(e, "no such role; `tctl get roles` shows them all");
		return AUTH_E_NOT_FOUND;
	}
	if (r->preset) {
		err_set(e,
		    "role %s belongs to the system and cannot be removed; change it with `tctl create -f`",
		    name);
		return AUTH_E_STATE;
	}
	rc = user_each(a, on_user, &h);
	if (rc < 0)
		return store_failed(a, e);
	if (rc == 1) {
		err_set(e, "user %s has role %s; change or remove the user first", h.user, name);
		return AUTH_E_STATE;
	}
	str_format(key, sizeof(key), PREFIX "%s", name);
	if (store_delete(a->store, key, STORE_ANY) < 0)
		return store_failed(a, e);
	role_free(map_del(a->roles.by_name, name));
	return 0;
}

void
role_view(struct auth *a, const char *user, const struct names *roles, const struct names *logins,
    struct role_view *ret)
{
	ret->user = (struct policy_user){ .name = user,
		.roles = ret->roles,
		.logins = { (const char *const *)(void *)logins->v, logins->n } };
	for (size_t i = 0; i < roles->n && ret->user.n_roles < NAMES_MAX; i++) {
		const struct role *r = role_find(a, roles->v[i]);

		if (r)
			ret->roles[ret->user.n_roles++] = r->policy;
	}
}
