/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: people in the store.
 */
#include "auth/user.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/invite.h"
#include "auth/stored.h"
#include "auth/web_session.h"

_Static_assert((int)NAMES_MAX <= (int)POLICY_ROLES_MAX, "nobody gets more roles than count");

enum { CUTOFF_KEEP_MS = 31 * 3600 * 1000 };

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_user);
static const struct stored_field user_fields[] = {
	STORED_FIELD(STORED_TEXT, "name", user, name),
	STORED_FIELD(STORED_NAMES, "roles", user, roles),
	STORED_FIELD(STORED_NAMES, "logins", user, logins),
	STORED_FIELD(STORED_INT64, "created", user, created_ms),
	STORED_FIELD(STORED_TEXT, "created_by", user, created_by),
	STORED_FIELD(STORED_BOOL, "confirmed", user, confirmed),
	STORED_FIELD(STORED_TEXT, "password", user, password),
	STORED_FIELD_WITH(STORED_FACTORS, "factors", user, factors, confirmed),
	STORED_FIELD(STORED_NAMES, "sources", user, sources),
	STORED_FIELD_WITH(STORED_TIMES, "sources_seen", user, sources_ms, n_sources_ms),
};
const struct stored_form user_form = { STORED_KEY(user, name),
	.message = &stored__stored_user__descriptor, STORED_FIELDS(user_fields) };

int
user_load(struct auth *a, const char *name, struct user *ret, struct err *e)
{
	return resource_load(a, RESOURCE_USER, name, ret, e);
}

void
user_done(struct user *u)
{
	resource_done(RESOURCE_USER, u);
}

int
user_save(struct auth *a, struct user *u, struct err *e)
{
	return resource_save(a, RESOURCE_USER, u, e);
}

/* --- where he logged in from -------------------------------------------------------- */

/* Where it stands; sources.n: nowhere. */
static size_t
place(const struct user *u, const char *source)
{
	for (size_t i = 0; i < u->sources.n; i++)
		if (strcmp(u->sources.v[i], source) == 0)
			return i;
	return u->sources.n;
}

bool
user_knows(const struct user *u, const char *source, int64_t now_ms)
{
	size_t i = place(u, source);

	/* Lists that do not fit each other are of a damaged record. */
	return i < u->sources.n && u->n_sources_ms == u->sources.n &&
	    u->sources_ms[i] + USER_SOURCE_KEEP_MS > now_ms;
}

void
user_forget_sources(struct user *u)
{
	names_done(&u->sources);
	u->n_sources_ms = 0;
}

void
user_note_source(struct user *u, const char *source, int64_t now_ms)
{
	size_t i;

	if (u->n_sources_ms != u->sources.n)
		user_forget_sources(u);
	i = place(u, source);
	if (i == u->sources.n && u->sources.n < USER_SOURCES) {
		/* Without memory for it he is only not known from there. */
		if (names_add(&u->sources, source) < 0)
			return;
		u->n_sources_ms = u->sources.n;
	} else if (i == u->sources.n) {
		char *copy = strdup(source);

		if (!copy)
			return;
		i = 0;
		for (size_t k = 1; k < u->sources.n; k++)
			if (u->sources_ms[k] < u->sources_ms[i])
				i = k;
		free(u->sources.v[i]);
		u->sources.v[i] = copy;
	}
	u->sources_ms[i] = now_ms;
}

int
user_check_password(struct auth *a, const char *name, const char *password, struct err *e)
{
	const char *const words[] = { name, a->cluster, "sallyport", NULL };

	return password_check(password, words, e) < 0 ? AUTH_E_INVALID : 0;
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
		/* A role that does not exist yet would begin to count, unasked, on the day somebody makes one
		 * of that name. */
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
    bool *changed, struct err *e)
{
	struct user u;
	int rc = user_load(a, name, &u, e);

	if (rc == 0 &&
	    (replace(&u.roles, roles, changed) < 0 || replace(&u.logins, logins, changed) < 0))
		rc = err_memory(e);
	if (rc == 0 && *changed && (rc = user_save(a, &u, e)) == 0)
		/* Certificates carry roles and logins: those made before the change must not outlive it. */
		rc = user_cut_off(a, name, e);
	user_done(&u);
	return rc;
}

int
user_update(struct auth *a, const char *name, const struct names *roles, const struct names *logins,
    struct err *e)
{
	int rc = check_rights(a, roles, logins, e);
	bool changed = false;

	if (rc != 0)
		return rc;
	if (resource_begin(a, e) < 0)
		return -1;
	rc = update(a, name, roles, logins, &changed, e);
	rc = resource_end(a, rc, e);
	if (rc == 0 && changed)
		web_sessions_end(a, name, NULL);
	return rc;
}

static int
drop(struct auth *a, const char *name, struct err *e)
{
	int rc = resource_remove(a, RESOURCE_USER, name, e);

	if (rc == 0)
		rc = invite_drop(a, name, e);
	return rc == 0 ? user_cut_off(a, name, e) : rc;
}

int
user_remove(struct auth *a, const char *name, struct err *e)
{
	int rc = name_check(name, "user name", e);

	if (rc != 0)
		return rc;
	if (resource_begin(a, e) < 0)
		return -1;
	rc = resource_end(a, drop(a, name, e), e);
	if (rc == 0) {
		web_sessions_end(a, name, NULL);
		lockout_clear(a, name);
	}
	return rc;
}

int
user_cut_off(struct auth *a, const char *name, struct err *e)
{
	return cutoff_set(a, RESOURCE_CUTOFF, name, a->now_ms() + CUTOFF_KEEP_MS, e);
}
