/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signin: the steps of signin.h. What waits for the pool is one struct signin.
 */
#include "auth/signin.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "net/addr.h"
#include "net/ceiling.h"
#include "net/rate.h"

enum { OTP_SIZE = 16 };

struct signin {
	struct auth *auth;
	signin_fn done;
	void *arg;
	char name[NAME_LEN_MAX + 1];
	char password[PASSWORD_MAX + 1];
	char hash[PASSWORD_HASH_SIZE]; /* "": no such user, or not yet confirmed */
	char otp[OTP_SIZE];
	struct origin origin;
	char source
	    [ADDR_TEXT_SIZE]; /* what counts as one address of the origin; "": not known, or hidden */
	bool known;           /* he logged in from there before */
	bool verifying;       /* counted in auth->verifying */
	bool password_fits;
	enum lockout_scope closed; /* by this failure */
};

static void verifying_drop(struct signin *s);

static void
signin_free(struct signin *s)
{
	verifying_drop(s);
	/* The whole struct: password, code and hash stand in it side by side. */
	secret_zero(s, sizeof(*s));
	free(s);
}

/* --- proof --------------------------------------------------------------------------------- */

static struct lockout_try
try_of(const struct signin *s)
{
	return (struct lockout_try){ .user = s->name, .source = s->source, .known = s->known };
}

/* "3 minutes", "20 seconds": never shorter than it is. */
static void
wait_text(int64_t ms, char *dst, size_t size)
{
	if (ms > 60 * 1000)
		str_format(dst, size, "%lld minutes", (long long)((ms + 59999) / 60000));
	else
		str_format(dst, size, "%lld seconds", (long long)((ms + 999) / 1000));
}

/* Before the password too: a closed door costs no Argon2id. */
static int
check_open(struct signin *s, struct err *e)
{
	struct lockout_try who = try_of(s);
	char wait[48];
	int64_t until;

	switch (lockout_closed(s->auth, &who, &until)) {
	case LOCKOUT_OPEN:
		return 0;
	case LOCKOUT_SOURCE:
		wait_text(until - s->auth->now_ms(), wait, sizeof(wait));
		err_set(e,
		    "too many failed logins of this user from your address: try again in %s; `tctl users update "
		    "--unlock` opens it before",
		    wait);
		break;
	case LOCKOUT_NAME:
		wait_text(until - s->auth->now_ms(), wait, sizeof(wait));
		err_set(e,
		    "too many failed logins of this user from many addresses: try again in %s, or from where you "
		    "logged in before; `tctl users update --unlock` opens it before",
		    wait);
		break;
	}
	return AUTH_E_STATE;
}

/* --- what a try costs ------------------------------------------------------------------------ */

static unsigned
factor_of(const struct signin *s)
{
	return s->origin.hidden ? SIGNIN_PROXY_FACTOR : 1;
}

/* Argon2id is what an attacker would make us compute: everybody has a small share of the queue, and strangers together not
 * all of it. A proxy that hides its people is not one address. */
static bool
verifying_take(struct signin *s)
{
	struct auth *a = s->auth;
	const char *who = s->origin.hidden ? s->name : s->source;

	if (!s->known && ceiling_count(a->verifying) >= SIGNIN_VERIFYING_STRANGERS)
		return false;
	s->verifying = ceiling_take(a->verifying, who);
	return s->verifying;
}

static void
verifying_drop(struct signin *s)
{
	if (s->verifying)
		ceiling_drop(s->auth->verifying, s->origin.hidden ? s->name : s->source);
	s->verifying = false;
}

/* What others at his address did is not his fault: who is known there does not wait for them. */
static int
take_rate(struct signin *s, struct err *e)
{
	struct auth *a = s->auth;

	if (s->known || rate_take(a->logins, s->origin.at.ip, factor_of(s), a->now_ms()))
		return 0;
	err_set(e, "too many logins from your address; wait %lld seconds",
	    (long long)(rate_wait_ms(a->logins, s->origin.at.ip, factor_of(s), a->now_ms()) / 1000 +
		1));
	return AUTH_E_BUSY;
}

static void
charge(struct signin *s)
{
	struct lockout_try who = try_of(s);

	s->closed = lockout_fail(s->auth, &who);
	/* Not behind a proxy that hides its people: there it would be the penalty of all of them. */
	if (!s->known && !s->origin.hidden)
		rate_fail(s->auth->logins, s->origin.at.ip, factor_of(s), s->auth->now_ms());
}

/* On the loop again: everything that must be looked at together. */
static int
prove(struct signin *s, struct user *u, struct err *e)
{
	struct auth *a = s->auth;
	struct lockout_try who = try_of(s);
	struct factor *factor = NULL;
	int rc = check_open(s, e); /* guesses that ran beside the fifth count as well */

	if (rc != 0)
		return rc;
	rc = user_load(a, s->name, u, e);
	if (rc < 0)
		return rc;
	/* The hash again: the password may have been changed while the pool computed with the old one. Only who has it
	 * learns that a seed does not open. */
	if (rc == 0 && u->confirmed && s->password_fits && strcmp(u->password, s->hash) == 0 &&
	    factor_take_code(a, u->name, &u->factors, s->otp, &factor, e) < 0)
		return -1;
	/* One text for a wrong name, password or code, and no earlier answer for any of them: which one it was
	 * is nobody's business who cannot log in. */
	if (!factor) {
		charge(s);
		err_set(e, "wrong user name, password or one-time code; a code is good once");
		return AUTH_E_UNAUTHENTICATED;
	}
	/* What was used is written before anything is given for it, under the revision that was read: of two logins with
	 * one code that run side by side one fails. */
	if (s->source[0])
		user_note_source(u, s->source, a->now_ms());
	rc = user_save(a, u, e);
	if (rc == 0)
		lockout_forgive(a, &who);
	return rc;
}

/* ran false: the pool was too full, or ends. */
static void
on_verified(void *arg, bool ran)
{
	struct signin *s = arg;
	struct user u = { 0 };
	struct err e;
	int rc;

	verifying_drop(s);
	if (ran) {
		rc = prove(s, &u, &e);
	} else {
		err_set(&e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	}
	s->done(rc, &u, s->closed, &e, s->arg);
	user_done(&u);
	signin_free(s);
}

/* On a thread of the pool: touches s, and what never changes while authd runs. While it runs nobody frees s. */
static void
work_verify(void *arg)
{
	struct signin *s = arg;

	/* Without a hash it computes as long as with one: how long it takes says nothing about
	 * who exists. */
	s->password_fits = password_verify(s->hash, s->auth->hash_passes, s->password);
	secret_zero(s->password, sizeof(s->password));
}

/* --- start ---------------------------------------------------------------------------------- */

/* Copies all that the request lends: it is gone when signin_start returns. */
static int
fill(struct signin *s, const struct signin_request *q, struct err *e)
{
	struct user u;
	int rc;

	s->origin = *q->origin;
	/* What is too long cannot be right; it costs the same as anything wrong. */
	if (!str_copy(s->name, sizeof(s->name), q->user))
		s->name[0] = '\0';
	if (!str_copy(s->password, sizeof(s->password), q->password))
		s->password[0] = '\0';
	if (!str_copy(s->otp, sizeof(s->otp), q->otp))
		s->otp[0] = '\0';
	/* A proxy that hides its people is nobody's address: what one of them fails is not the others' fault. */
	if (s->origin.at.ip[0] && !s->origin.hidden)
		addr_prefix(s->source, s->origin.at.ip, 32, 64);
	rc = user_load(s->auth, s->name, &u, e);
	if (rc == 0 && u.confirmed) {
		str_copy(s->hash, sizeof(s->hash), u.password);
		s->known = s->source[0] && user_knows(&u, s->source, s->auth->now_ms());
	}
	user_done(&u);
	return rc < 0 ? rc : 0;
}

int
signin_start(struct auth *a, const struct signin_request *q, signin_fn done, void *arg,
    struct err *e)
{
	struct signin *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_memory(e);
	s->auth = a;
	s->done = done;
	s->arg = arg;
	rc = fill(s, q, e);
	/* Before the password is looked at. */
	if (rc == 0)
		rc = take_rate(s, e);
	if (rc == 0)
		rc = check_open(s, e);
	if (rc == 0 &&
	    (!verifying_take(s) || pool_submit(a->pool, work_verify, on_verified, s) < 0)) {
		err_set(e, "too many logins are being looked at; try again in a moment");
		rc = AUTH_E_BUSY;
	}
	if (rc != 0)
		signin_free(s);
	return rc;
}
