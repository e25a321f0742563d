/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: people in the store.
 */
#include "auth/user.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/invite.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "policy/policy.h"

_Static_assert((int)NAMES_MAX <= (int)POLICY_ROLES_MAX, "nobody gets more roles than count");

enum { CUTOFF_KEEP_MS = 31 * 3600 * 1000, USERS_MAX = 100000 };
#define PREFIX        "user/"
#define CUTOFF_PREFIX "cutoff/"

static bool
key_of(char key[STORE_KEY_MAX], const char *prefix, const char *name)
{
	return str_format(key, STORE_KEY_MAX, "%s%s", prefix, name);
}

static int
store_failed(struct auth *a, struct err *e)
{
	return err_set(e, "%s", store_error(a->store));
}

int
user_load(struct auth *a, const char *name, struct user *ret, struct err *e)
{
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc;

	*ret = (struct user){ 0 };
	buf_init(&b, STORE_VALUE_MAX);
	rc = name_check(name, "user name", e) != 0 || !key_of(key, PREFIX, name)
	    ? STORE_E_NOT_FOUND
	    : store_get(a->store, key, &b, &ret->revision, NULL);
	if (rc == 0 && !stored_get_user(buf_span(&b), ret))
		rc = err_set(e, "the record of user %s is damaged", name);
	else if (rc < 0)
		store_failed(a, e);
	buf_wipe(&b);
	if (rc == STORE_E_NOT_FOUND) {
		err_set(e, "no such user; `tctl users ls` shows them all");
		return AUTH_E_NOT_FOUND;
	}
	return rc;
}

void
user_done(struct user *u)
{
	names_done(&u->roles);
	names_done(&u->logins);
	secret_zero(u, sizeof(*u));
}

int
user_save(struct auth *a, struct user *u, struct err *e)
{
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc = -1;

	buf_init(&b, STORE_VALUE_MAX);
	if (!key_of(key, PREFIX, u->name) || !stored_put_user(&b, u))
		err_set(e, "out of memory");
	else if ((rc = store_put(a->store, key, buf_span(&b), 0, u->revision, &u->revision)) < 0)
		store_failed(a, e);
	buf_wipe(&b);
	if (rc == STORE_E_CONFLICT) {
		err_set(e, "user %s was changed by somebody else at the same moment; try again",
		    u->name);
		return AUTH_E_STATE;
	}
	return rc;
}

/* --- adding, changing, removing ------------------------------------------------------ */

static int
check_rights(struct auth *a, const struct names *roles, const struct names *logins, struct err *e)
{
	if (roles && roles->n == 0) {
		err_set(e, "a user needs at least one role (--roles=access)");
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; roles && i < roles->n; i++) {
		if (name_check(roles->v[i], "role name", e) != 0)
			return AUTH_E_INVALID;
		if (!role_find(a, roles->v[i])) {
			err_set(e, "no role %s; `tctl get roles` shows them all", roles->v[i]);
			return AUTH_E_NOT_FOUND;
		}
	}
	for (size_t i = 0; logins && i < logins->n; i++)
		if (login_check(logins->v[i], e) != 0)
			return AUTH_E_INVALID;
	return 0;
}

int
user_add(struct auth *a, const struct user *spec, struct err *e)
{
	struct user u;
	int rc = name_check(spec->name, "user name", e);

	if (rc == 0)
		rc = check_rights(a, &spec->roles, &spec->logins, e);
	if (rc != 0)
		return rc;
	rc = user_load(a, spec->name, &u, e);
	user_done(&u);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		err_set(e, "user %s exists already; `tctl users reset %s` makes a new link",
		    spec->name, spec->name);
		return AUTH_E_EXISTS;
	}
	u = *spec;
	u.created_ms = a->now_ms();
	u.revision = STORE_ABSENT;
	return user_save(a, &u, e);
}

/* Takes over a copy when it differs. */
static int
replace(struct names *dst, const struct names *src, bool *changed)
{
	struct names copy = { 0 };

	if (!src || names_equal(dst, src))
		return 0;
	if (names_copy(&copy, src->v, src->n) < 0) {
		names_done(&copy);
		return -1;
	}
	names_done(dst);
	*dst = copy;
	*changed = true;
	return 0;
}

static int
update(struct auth *a, const char *name, const struct names *roles, const struct names *logins,
    struct err *e)
{
	struct user u;
	bool changed = false;
	int rc = user_load(a, name, &u, e);

	if (rc == 0 &&
	    (replace(&u.roles, roles, &changed) < 0 || replace(&u.logins, logins, &changed) < 0))
		rc = err_set(e, "out of memory");
	if (rc == 0 && changed && (rc = user_save(a, &u, e)) == 0)
		rc = user_cut_off(a, name, e);
	user_done(&u);
	return rc;
}

/* Runs what was done inside a transaction to its end. */
static int
finish(struct auth *a, int rc, struct err *e)
{
	if (rc == 0 && store_commit(a->store) < 0)
		return store_failed(a, e);
	store_rollback(a->store);
	return rc;
}

int
user_update(struct auth *a, const char *name, const struct names *roles, const struct names *logins,
    struct err *e)
{
	int rc = check_rights(a, roles, logins, e);

	if (rc != 0)
		return rc;
	if (store_begin(a->store) < 0)
		return store_failed(a, e);
	return finish(a, update(a, name, roles, logins, e), e);
}

static int
drop(struct auth *a, const char *name, struct err *e)
{
	char key[STORE_KEY_MAX];
	int rc;

	if (!key_of(key, PREFIX, name))
		return err_set(e, "user name too long");
	rc = store_delete(a->store, key, STORE_ANY);
	if (rc < 0)
		return store_failed(a, e);
	if (rc == STORE_E_NOT_FOUND) {
		err_set(e, "no such user; `tctl users ls` shows them all");
		return AUTH_E_NOT_FOUND;
	}
	rc = invite_drop(a, name, e);
	if (rc == 0)
		rc = user_cut_off(a, name, e);
	return rc;
}

int
user_remove(struct auth *a, const char *name, struct err *e)
{
	int rc = name_check(name, "user name", e);

	if (rc != 0)
		return rc;
	if (store_begin(a->store) < 0)
		return store_failed(a, e);
	rc = finish(a, drop(a, name, e), e);
	if (rc == 0)
		lockout_clear(a, name);
	return rc;
}

/* --- cutoffs --------------------------------------------------------------------------- */

int
user_cut_off(struct auth *a, const char *name, struct err *e)
{
	int64_t now = a->now_ms();
	/* Everything that began in this second or before; certificates begin SIGNER_BACKDATE_S
	 * early. */
	int64_t before = (now / 1000 + 1 - SIGNER_BACKDATE_S) * 1000;
	char key[STORE_KEY_MAX];
	struct buf b;
	int rc = -1;

	buf_init(&b, 1024);
	if (!key_of(key, CUTOFF_PREFIX, name) || !stored_put_cutoff(&b, name, before))
		err_set(e, "out of memory");
	else if ((rc = store_put(a->store, key, buf_span(&b), now + CUTOFF_KEEP_MS, STORE_ANY,
		      NULL)) < 0)
		store_failed(a, e);
	buf_done(&b);
	return rc;
}

int64_t
user_cutoff(struct auth *a, const char *name)
{
	char key[STORE_KEY_MAX], user[NAME_LEN_MAX + 1];
	int64_t before = 0;
	struct buf b;

	buf_init(&b, 1024);
	if (key_of(key, CUTOFF_PREFIX, name)) {
		int rc = store_get(a->store, key, &b, NULL, NULL);

		/* What cannot be read must not let anybody in. */
		if (rc < 0 || (rc == 0 && !stored_get_cutoff(buf_span(&b), user, &before)))
			before = INT64_MAX;
	}
	buf_done(&b);
	return before;
}

int64_t
cutoff_wait_ms(struct auth *a, int64_t cutoff_ms)
{
	int64_t from, now = a->now_ms();

	if (cutoff_ms == 0 || cutoff_ms == INT64_MAX)
		return 0;
	from = cutoff_ms + SIGNER_BACKDATE_S * 1000;
	return from > now && from - now <= 1000 ? from - now : 0;
}

/* --- lists --------------------------------------------------------------------------------- */

struct each_user {
	int (*fn)(const struct user *u, void *arg);
	void *arg;
};

static int
on_user(const struct store_item *item, void *arg)
{
	struct each_user *each = arg;
	struct user u = { .revision = item->revision };
	int rc = 0;

	if (stored_get_user(item->value, &u))
		rc = each->fn(&u, each->arg);
	else
		log_error("damaged record", "key", item->key, NULL);
	user_done(&u);
	return rc;
}

int
user_each(struct auth *a, int (*fn)(const struct user *u, void *arg), void *arg)
{
	struct each_user each = { fn, arg };

	return store_range(a->store, PREFIX, NULL, USERS_MAX, on_user, &each);
}

struct each_cutoff {
	int (*fn)(const char *user, int64_t issued_before, void *arg);
	void *arg;
};

static int
on_cutoff(const struct store_item *item, void *arg)
{
	struct each_cutoff *each = arg;
	char user[NAME_LEN_MAX + 1];
	int64_t before;

	return stored_get_cutoff(item->value, user, &before) ? each->fn(user, before, each->arg)
							     : 0;
}

int
user_each_cutoff(struct auth *a, int (*fn)(const char *user, int64_t issued_before, void *arg),
    void *arg)
{
	struct each_cutoff each = { fn, arg };

	return store_range(a->store, CUTOFF_PREFIX, NULL, USERS_MAX, on_cutoff, &each);
}
