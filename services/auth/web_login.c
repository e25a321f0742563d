/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_login: see web_login.h. One struct web_login waits for the factors, and where need be for a cut-off to pass.
 */
#include "auth/web_login.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/signin.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/secret.h"

struct web_login {
	struct auth *auth;
	web_login_fn done; /* NULL: nobody waits */
	void *arg;
	char name[NAME_LEN_MAX + 1];
	char address[ADDR_TEXT_SIZE], browser[WEB_SESSION_BROWSER_SIZE];
	struct timer wait;
	struct signin_outcome how;
	/* What was proven of him (note_proof): */
	char password[PASSWORD_HASH_SIZE];
	struct cutoff_mark mark;
};

static void
end(struct web_login *l, int rc, const struct web_login_result *result,
    const struct signin_outcome *how, const struct err *e)
{
	if (l->done)
		l->done(rc, result, how, e, l->arg);
	timer_done(&l->wait);
	secret_zero(l->password, sizeof(l->password));
	free(l);
}

/* What he is proven to be: who has that password, and was cut off so often. */
static void
note_proof(struct web_login *l, const struct user *u)
{
	(void)str_copy(l->password, sizeof(l->password), u->password);
	l->mark = cutoff_mark(l->auth, l->name);
}

/* The proof is good for what it was given for: who changes his password meanwhile ends every session of the old one, and
 * this one, too. */
static int
check_proof(const struct web_login *l, const struct user *u, struct err *e)
{
	int rc = cutoff_check(l->auth, l->name, l->mark, e);

	if (rc != 0 || strcmp(u->password, l->password) == 0)
		return rc;
	err_set(e, "your password was changed at this moment; log in again");
	return AUTH_E_STATE;
}

void
web_login_abandon(struct web_login *l)
{
	/* Not freed: the pool or the timer still has it, and comes back. */
	l->done = NULL;
}

static int
make(struct web_login *l, const struct user *u, struct web_login_result *ret,
    char token[WEB_SESSION_TOKEN_SIZE], struct err *e)
{
	struct web_session_spec spec = { .user = l->name,
		.address = l->address,
		.browser = l->browser,
		.ret_ended = ret->ended };
	struct certify_rights rights;
	int rc = certify_rights(l->auth, u, 0, &rights, e);

	spec.expires_s = rights.valid_until_s;
	spec.pinned = rights.options.pin_source_ip;
	certify_rights_done(&rights);
	if (rc == 0)
		rc = web_session_new(l->auth, &spec, token, &ret->session, e);
	ret->token = token;
	ret->user = u;
	return rc;
}

/* Also by the timer: a session of this very second would be cut off by the change that preceded it (cutoff.c). */
static void
begin(struct web_login *l, const struct user *u)
{
	int64_t wait = cutoff_wait_ms(l->auth, cutoff_get(l->auth, RESOURCE_CUTOFF, l->name));
	char token[WEB_SESSION_TOKEN_SIZE];
	struct web_login_result result = { .ended = "" };
	struct err e;
	int rc;

	if (wait > 0) { /* timers may come a little early */
		timer_start(&l->wait, wait + 1);
		return;
	}
	/* A session that nobody gets would only be one more to be stolen. */
	rc = l->done ? check_proof(l, u, &e) : AUTH_E_STATE;
	if (rc == 0)
		rc = make(l, u, &result, token, &e);
	end(l, rc, &result, &l->how, &e);
	secret_zero(token, sizeof(token));
}

/* Who he is is read again: a second has passed, and what happened in it counts. */
static void
on_waited(void *arg)
{
	struct web_login *l = arg;
	struct user u;
	struct err e;
	int rc = user_load(l->auth, l->name, &u, &e);

	if (rc == 0)
		begin(l, &u);
	else
		end(l, rc, NULL, &l->how, &e);
	user_done(&u);
}

static void
on_proven(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct web_login *l = arg;

	if (rc != 0) {
		end(l, rc, NULL, how, e);
		return;
	}
	l->how = *how;
	(void)str_copy(l->name, sizeof(l->name), u->name);
	note_proof(l, u);
	begin(l, u);
}

/* NULL: no memory. */
static struct web_login *
web_login_new(struct auth *a, const struct web_login_request *q, web_login_fn done, void *arg)
{
	struct web_login *l = calloc(1, sizeof(*l));

	if (!l || timer_init(&l->wait, a->loop, on_waited, l) < 0) {
		free(l);
		return NULL;
	}
	l->auth = a;
	l->done = done;
	l->arg = arg;
	(void)str_copy(l->address, sizeof(l->address), q->origin->at.ip);
	(void)str_copy(l->browser, sizeof(l->browser), q->browser); /* cut where it is too long */
	return l;
}

int
web_login_start(struct web_login **ret, struct auth *a, const struct web_login_request *q,
    web_login_fn done, void *arg, struct err *e)
{
	const struct signin_request who = { .user = q->user,
		.password = q->password,
		.otp = q->otp,
		.origin = q->origin,
		.proof = q->key ? SIGNIN_KEY : SIGNIN_CODE,
		.key = q->key };
	struct web_login *l = web_login_new(a, q, done, arg);
	int rc;

	if (!l)
		return err_memory(e);
	rc = signin_start(a, &who, on_proven, l, e);
	if (rc != 0) {
		timer_done(&l->wait);
		free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

int
web_login_admit(struct web_login **ret, struct auth *a, const struct web_login_request *q,
    web_login_fn done, void *arg, struct err *e)
{
	struct web_login *l = web_login_new(a, q, done, arg);
	struct user u = { 0 };
	int rc;

	if (!l)
		return err_memory(e);
	(void)str_copy(l->name, sizeof(l->name), q->user);
	rc = user_load(a, l->name, &u, e);
	note_proof(l, &u);
	user_done(&u);
	if (rc != 0) {
		web_login_abandon(l);
		end(l, rc, NULL, NULL, e);
		return rc;
	}
	/* Never from inside this call. */
	timer_start(&l->wait, 0);
	*ret = l;
	return 0;
}
