/* SPDX-License-Identifier: Apache-2.0 */
/*
 * new_password: see new_password.h. What waits for the factors, then for Argon2id, is one struct change.
 */
#include "auth/new_password.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/invite.h"
#include "auth/user.h"
#include "auth/web_session.h"
#include "base/str.h"
#include "crypto/secret.h"

struct change {
	struct auth *auth;
	new_password_fn done;
	void *arg;
	char user[NAME_LEN_MAX + 1];
	char keep[WEB_SESSION_KEY_SIZE]; /* "": no session goes on */
	char old_hash[PASSWORD_HASH_SIZE];
	char password[PASSWORD_MAX + 1], hash[PASSWORD_HASH_SIZE];
	bool hashed;
	struct signin_outcome how;
};

static void
end(struct change *c, int rc, const struct signin_outcome *how, const struct err *e)
{
	c->done(rc, how, e, c->arg);
	secret_zero(c, sizeof(*c));
	free(c);
}

/* All or nothing. */
static int
settle(struct change *c, struct err *e)
{
	struct auth *a = c->auth;
	struct user u;
	int rc = user_load(a, c->user, &u, e);

	/* What was proven was the password of then: a link may have set another while this one was hashed. */
	if (rc == 0 && strcmp(u.password, c->old_hash) != 0) {
		err_set(e, "the password was changed by somebody else at this moment");
		rc = AUTH_E_STATE;
	}
	if (rc == 0) {
		(void)str_copy(u.password, sizeof(u.password), c->hash);
		user_forget_sources(&u);
		rc = user_save(a, &u, e);
	}
	user_done(&u);
	if (rc == 0)
		rc = invite_drop(a, c->user, e);
	return rc == 0 ? user_cut_off(a, c->user, e) : rc;
}

static int
replace(struct change *c, struct err *e)
{
	struct auth *a = c->auth;
	int rc = resource_begin(a, e);

	if (rc == 0)
		rc = resource_end(a, settle(c, e), e);
	if (rc != 0)
		return rc;
	web_sessions_end(a, c->user, c->keep[0] ? c->keep : NULL);
	/* The password is changed in any case; who asked may have to log in with it. */
	if (c->keep[0])
		web_session_outlive(a, c->keep);
	return 0;
}

static void
on_hashed(void *arg, bool ran)
{
	struct change *c = arg;
	struct err e;
	int rc = AUTH_E_BUSY;

	if (ran && c->hashed)
		rc = replace(c, &e);
	else
		err_set(&e, "the server is busy; try again");
	end(c, rc, &c->how, &e);
}

/* On a thread of the pool. */
static void
work_hash(void *arg)
{
	struct change *c = arg;

	c->hashed = password_hash(c->password, c->auth->hash_passes, c->hash) == 0;
	secret_zero(c->password, sizeof(c->password));
}

static void
on_proven(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct change *c = arg;
	struct err busy;

	if (rc != 0) {
		end(c, rc, how, e);
		return;
	}
	c->how = *how;
	(void)str_copy(c->old_hash, sizeof(c->old_hash), u->password);
	if (pool_submit(c->auth->pool, work_hash, on_hashed, c) == 0)
		return;
	err_set(&busy, "the server is busy; try again");
	end(c, AUTH_E_BUSY, how, &busy);
}

static int
check(struct auth *a, const struct new_password_request *q, struct err *e)
{
	int rc = user_check_password(a, q->who.user, q->password, e);

	if (rc != 0)
		return rc;
	if (strcmp(q->password, q->who.password) != 0)
		return 0;
	err_set(e, "the new password is the old one");
	return AUTH_E_INVALID;
}

int
new_password_start(struct auth *a, const struct new_password_request *q, new_password_fn done,
    void *arg, struct err *e)
{
	int rc = check(a, q, e);
	struct change *c;

	if (rc != 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_memory(e);
	c->auth = a;
	c->done = done;
	c->arg = arg;
	(void)str_copy(c->user, sizeof(c->user), q->who.user);
	(void)str_copy(c->keep, sizeof(c->keep), q->keep ? q->keep : "");
	(void)str_copy(c->password, sizeof(c->password), q->password);
	rc = signin_start(a, &q->who, on_proven, c, e);
	if (rc != 0) {
		secret_zero(c, sizeof(*c));
		free(c);
	}
	return rc;
}
