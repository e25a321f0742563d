/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signin: the steps of signin.h. What waits for the pool is one struct signin.
 */
#include "auth/signin.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/ticket.h"
#include "auth/user.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "net/addr.h"
#include "net/ceiling.h"
#include "net/rate.h"

enum {
	OTP_SIZE = 16,
	KEY_MAX = WEBAUTHN_ID_MAX + WEBAUTHN_CLIENT_MAX + WEBAUTHN_AUTH_DATA_MAX +
	    WEBAUTHN_SIGNATURE_MAX
};

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
	enum signin_proof proof;
	/* SIGNIN_KEY: what the key's answer lies in, and where. */
	char ticket[TICKET_ID_SIZE];
	struct buf bytes;
	struct span credential;
	struct webauthn_answer answer;
	struct signin_outcome how;
};

static void verifying_drop(struct signin *s);

static void
signin_free(struct signin *s)
{
	verifying_drop(s);
	buf_done(&s->bytes);
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

	s->how.closed = lockout_fail(s->auth, &who);
	/* Not behind a proxy that hides its people: there it would be the penalty of all of them. */
	if (!s->known && !s->origin.hidden)
		rate_fail(s->auth->logins, s->origin.at.ip, factor_of(s), s->auth->now_ms());
}

/* A key's signature is good where its ticket is: for the password that was shown then, which must still be the password.
 * 0 without factor: it is wrong. */
static int
take_signature(struct signin *s, struct user *u, struct factor **ret, struct err *e)
{
	struct ticket t;
	const struct factor_answer q = { &t.site, t.challenge, s->credential, s->answer };
	struct err why;
	int rc;

	if (!ticket_take(s->auth, s->ticket, TICKET_LOGIN, s->name, &t) ||
	    strcmp(t.bound, u->password) != 0)
		return 0;
	rc = factor_take_signature(s->auth, &u->factors, &q, ret, &why);
	if (rc == AUTH_E_DENIED) {
		s->how.is_cloned = true;
		*e = why;
		return rc;
	}
	/* What did not fit is for whoever looks after the cluster. */
	if (rc != 0)
		log_info("security key refused", "user", s->name, "cause", why.text, NULL);
	return 0;
}

/* The factor that he showed; NULL: nothing that is right. Otherwise 0, or no verdict with e. */
static int
take_factor(struct signin *s, struct user *u, struct factor **ret, struct err *e)
{
	if (s->proof == SIGNIN_KEY)
		return take_signature(s, u, ret, e);
	/* The hash again: the password may have been changed while the pool computed with the old one. Only who has it
	 * learns that a seed does not open. */
	if (!s->password_fits || strcmp(u->password, s->hash) != 0)
		return 0;
	return factor_take_code(s->auth, u->name, &u->factors, s->otp, ret, e);
}

static int
refuse(struct signin *s, struct err *e)
{
	static const char *const words[] = {
		[SIGNIN_CODE] = "wrong user name, password or one-time code; a code is good once",
		[SIGNIN_PASSWORD] = "wrong user name or password",
		[SIGNIN_KEY] =
		    "the security key does not fit, or what it signed was used or is too old; try again",
	};

	charge(s);
	err_set(e, "%s", words[s->proof]);
	return AUTH_E_UNAUTHENTICATED;
}

/* What was used is written before anything is given for it, under the revision that was read: of two logins with
 * one code that run side by side one fails. */
static int
note_used(struct signin *s, struct user *u, struct err *e)
{
	struct lockout_try who = try_of(s);
	int rc;

	if (s->source[0])
		user_note_source(u, s->source, s->auth->now_ms());
	rc = user_save(s->auth, u, e);
	if (rc == 0)
		lockout_forgive(s->auth, &who);
	return rc;
}

/* Whoever has the password may know it, as he does from BeginLogin: which way in there is. Nothing is forgiven for it. */
static bool
has_no_app(const struct signin *s, const struct user *u, struct err *e)
{
	if (!s->password_fits || strcmp(u->password, s->hash) != 0)
		return false;
	for (size_t i = 0; i < u->factors.n; i++)
		if (u->factors.v[i].kind == FACTOR_TOTP)
			return false;
	err_set(e,
	    "you have no authenticator app whose code you could give: use your security key; with tsh, tsh login "
	    "--auth=browser");
	return true;
}

/* On the loop again: everything that must be looked at together. */
static int
prove(struct signin *s, struct user *u, struct err *e)
{
	struct factor *factor = NULL;
	int rc = check_open(s, e); /* guesses that ran beside the fifth count as well */
	bool is_user;

	if (rc != 0)
		return rc;
	rc = user_load(s->auth, s->name, u, e);
	if (rc < 0)
		return rc;
	is_user = rc == 0 && u->confirmed;
	/* Nothing is given for it yet, so that nothing is forgiven. */
	if (is_user && s->proof == SIGNIN_PASSWORD && s->password_fits &&
	    strcmp(u->password, s->hash) == 0)
		return 0;
	if (is_user && s->proof == SIGNIN_CODE && has_no_app(s, u, e))
		return AUTH_E_NOT_FOUND;
	rc = is_user && s->proof != SIGNIN_PASSWORD ? take_factor(s, u, &factor, e) : 0;
	if (factor) {
		s->how.has_factor = true;
		s->how.factor = factor_mark_of(factor);
	}
	if (s->how.is_cloned)
		charge(s);
	if (rc != 0)
		return rc;
	/* One text for a wrong name, password or code, and no earlier answer for any of them: which one it was
	 * is nobody's business who cannot log in. */
	return factor ? note_used(s, u, e) : refuse(s, e);
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
	s->done(rc, &u, &s->how, &e, s->arg);
	user_done(&u);
	signin_free(s);
}

/* On a thread of the pool: touches s, and what never changes while authd runs. While it runs nobody frees s. */
static void
work_verify(void *arg)
{
	struct signin *s = arg;

	/* The ticket stands for the password. */
	if (s->proof == SIGNIN_KEY)
		return;
	/* Without a hash it computes as long as with one: how long it takes says nothing about
	 * who exists. */
	s->password_fits = password_verify(s->hash, s->auth->hash_passes, s->password);
	secret_zero(s->password, sizeof(s->password));
}

/* --- start ---------------------------------------------------------------------------------- */

/* AUTH_E_INVALID: longer than anything that browsers send. */
static int
copy_key(struct signin *s, const struct signin_key *key, struct err *e)
{
	const struct webauthn_answer *from = &key->answer;
	const struct {
		struct span from, *to;
	} parts[] = {
		{ key->credential, &s->credential },
		{ from->client_data, &s->answer.client_data },
		{ from->auth_data, &s->answer.auth_data },
		{ from->signature, &s->answer.signature },
	};
	size_t at = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		(void)buf_put(&s->bytes, parts[i].from.p, parts[i].from.n);
	if (!buf_ok(&s->bytes) || !str_copy(s->ticket, sizeof(s->ticket), key->ticket)) {
		err_set(e, "the security key's answer is too long");
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i].to = (struct span){ buf_span(&s->bytes).p + at, parts[i].from.n };
		at += parts[i].from.n;
	}
	return 0;
}

/* Copies all that the request lends: it is gone when signin_start returns. */
static int
fill(struct signin *s, const struct signin_request *q, struct err *e)
{
	struct user u;
	int rc;

	s->origin = *q->origin;
	s->proof = q->proof;
	buf_init(&s->bytes, KEY_MAX);
	if (q->proof == SIGNIN_KEY && copy_key(s, q->key, e) != 0)
		return AUTH_E_INVALID;
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
