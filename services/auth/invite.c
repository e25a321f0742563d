/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invite: one-time links in the store. Completing one takes a while (Argon2id): it is a job that
 * goes to the pool and comes back, and looks again then whether the link is still good.
 */
#include "auth/invite.h"

#include <stdlib.h>
#include <string.h>

#include "auth/api_token.h"
#include "auth/auth.h"
#include "auth/rights.h"
#include "auth/stored.h"
#include "auth/web_session.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "crypto/totp.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_invite);
static const struct stored_field invite_fields[] = {
	STORED_FIELD(STORED_TEXT, "user", invite, user),
	STORED_FIELD(STORED_INT64, "expires", invite, expires_ms),
	STORED_FIELD(STORED_BOOL, "reset", invite, reset),
	STORED_FIELD_WITH(STORED_LATER, "totp_secret", invite, seed, has_totp),
	STORED_FIELD(STORED_UINT32, "tries", invite, tries),
	STORED_FIELD(STORED_TEXT, "maker", invite, maker),
};
const struct stored_form invite_form = { STORED_KEY(invite, key),
	.expires_at = offsetof(struct invite, expires_ms),
	.message = &stored__stored_invite__descriptor, STORED_FIELDS(invite_fields) };

static int
load(struct auth *a, const char *token, struct invite *ret, struct err *e)
{
	char key[INVITE_KEY_SIZE];
	int rc;

	sha256_hex(span_str(token), key);
	rc = resource_load(a, RESOURCE_INVITE, key, ret, e);
	if (rc == AUTH_E_NOT_FOUND)
		err_set(e,
		    "this link was used already, has expired or never existed; ask for a new one (tctl users reset NAME)");
	return rc;
}

/* The user may have become more, or the maker less, while the link was under way: who holds it must not become what its
 * maker could not make. */
static int
ask_maker(struct auth *a, const struct invite *i, const struct user *u, struct err *e)
{
	struct user maker;
	int rc;

	/* By root on this host. */
	if (!i->maker[0])
		return 0;
	rc = api_token_person(a, i->maker, &maker, e);
	if (rc == 0)
		rc = rights_of_maker(a, &maker, "user", i->reset ? "update" : "create", u, e);
	user_done(&maker);
	if (rc <= 0)
		return rc;
	err_set(e,
	    "%s, who made this link, may not do that any more; ask for a new one (tctl users reset %s)",
	    i->maker, u->name);
	return AUTH_E_DENIED;
}

static int
check_maker(struct auth *a, const struct invite *i, struct err *e)
{
	struct user u;
	int rc = user_load(a, i->user, &u, e);

	if (rc == 0)
		rc = ask_maker(a, i, &u, e);
	user_done(&u);
	return rc;
}

static int
save(struct auth *a, struct invite *i, struct err *e)
{
	int rc = resource_save(a, RESOURCE_INVITE, i, e);

	if (rc == AUTH_E_STATE)
		err_set(e, "this link is being used by somebody else at this moment");
	return rc;
}

/* --- making and dropping ------------------------------------------------------------------ */

static bool
is_for(const void *object, void *arg)
{
	return strcmp(((const struct invite *)object)->user, arg) == 0;
}

int
invite_drop(struct auth *a, const char *user, struct err *e)
{
	return resource_remove_if(a, RESOURCE_INVITE, is_for, (char *)(uintptr_t)user, e);
}

int
invite_new(struct auth *a, const struct invite_spec *spec, char dst[INVITE_TOKEN_SIZE],
    int64_t *ret_expires_ms, struct err *e)
{
	const int64_t longest_s = spec->reset ? INVITE_RESET_TTL_MAX_S : INVITE_TTL_MAX_S;
	struct invite i = { .reset = spec->reset, .revision = STORE_ABSENT };
	int64_t ttl_s = spec->ttl_s;
	int rc;

	if (ttl_s == 0)
		ttl_s = spec->reset ? INVITE_RESET_TTL_S : INVITE_TTL_S;
	if (ttl_s < 0 || ttl_s > longest_s) {
		err_set(e, "a link %smay live 1 second to %lld hours",
		    spec->reset ? "for a reset " : "", (long long)longest_s / 3600);
		return AUTH_E_INVALID;
	}
	str_copy(i.user, sizeof(i.user), spec->user);
	str_copy(i.maker, sizeof(i.maker), spec->maker);
	i.expires_ms = a->now_ms() + ttl_s * 1000;
	rand_hex(dst, 16);
	sha256_hex(span_str(dst), i.key);
	if (resource_begin(a, e) < 0)
		return -1;
	/* Older links of the user die with the new one, in one transaction: there is at most one that works. */
	rc = invite_drop(a, spec->user, e);
	if (rc == 0)
		rc = save(a, &i, e);
	rc = resource_end(a, rc, e);
	*ret_expires_ms = i.expires_ms;
	return rc;
}

int
invite_show(struct auth *a, const char *token, struct invite *ret, uint8_t totp[TOTP_SECRET_BYTES],
    struct err *e)
{
	int rc = load(a, token, ret, e);

	if (rc == 0)
		rc = check_maker(a, ret, e);
	if (rc != 0)
		return rc;
	if (ret->has_totp)
		return seed_open(a, ret->user, ret->seed, totp, e);
	/* Made when the link is opened and kept: opened twice, it shows the same second factor, and one that
	 * was set up stays good. */
	totp_new(totp);
	if (seed_close(a, ret->user, totp, ret->seed, e) < 0)
		return -1;
	ret->has_totp = true;
	return save(a, ret, e);
}

/* --- a security key ------------------------------------------------------------------------- */

int
invite_begin_key(struct auth *a, const char *token, const char *origin, const struct ticket **ret,
    struct err *e)
{
	struct webauthn_site site;
	struct ticket *t;
	struct invite i;
	int rc = load(a, token, &i, e);

	if (rc == 0)
		rc = check_maker(a, &i, e);
	if (rc == 0)
		rc = ticket_site(a, origin, &site, e);
	if (rc != 0)
		return rc;
	t = ticket_new(a, TICKET_INVITE, i.user, i.key);
	secret_zero(&i, sizeof(i));
	if (!t)
		return err_memory(e);
	t->kind = FACTOR_WEBAUTHN;
	t->site = site;
	*ret = t;
	return 0;
}

/* --- completing --------------------------------------------------------------------------- */

struct completion {
	struct auth *auth;
	char token[INVITE_TOKEN_SIZE];
	char password[PASSWORD_MAX + 1];
	char hash[PASSWORD_HASH_SIZE];
	bool hashed;
	struct factor_list factors; /* the one that was shown to work */
	invite_fn done;
	void *arg;
};

static void
completion_free(struct completion *c)
{
	factor_list_done(&c->factors);
	secret_zero(c, sizeof(*c));
	free(c);
}

/* In place of all that he had: whoever needs a reset has lost them, or others have them. */
static int
give_factor(const struct completion *c, struct user *u, struct err *e)
{
	factor_list_done(&u->factors);
	return factor_list_add(&u->factors, &c->factors.v[0]) ? 0 : err_memory(e);
}

/* What ends an invite: all or nothing. */
static int
settle(struct completion *c, struct invite *i, struct err *e)
{
	struct auth *a = c->auth;
	struct user u;
	int rc = user_load(a, i->user, &u, e);

	if (rc == 0)
		rc = ask_maker(a, i, &u, e);
	if (rc == 0) {
		str_copy(u.password, sizeof(u.password), c->hash);
		u.confirmed = true;
		user_forget_sources(&u);
		rc = give_factor(c, &u, e);
	}
	if (rc == 0)
		rc = user_save(a, &u, e);
	user_done(&u);
	if (rc == 0)
		rc = invite_drop(a, i->user, e);
	/* Whoever holds a certificate got by the old password loses it. */
	if (rc == 0 && i->reset)
		rc = user_cut_off(a, i->user, e);
	return rc;
}

static void
on_hashed(void *arg, bool ran)
{
	struct completion *c = arg;
	struct auth *a = c->auth;
	struct invite i = { 0 };
	struct invite_result result;
	struct err e;
	int rc;

	if (!ran || !c->hashed) {
		err_set(&e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	} else if ((rc = load(a, c->token, &i, &e)) == 0) {
		/* Loaded again, above: while the pool hashed, the link may have been used or dropped. */
		rc = resource_begin(a, &e);
		if (rc == 0)
			rc = resource_end(a, settle(c, &i, &e), &e);
		if (rc == 0) {
			web_sessions_end(a, i.user, NULL);
			lockout_clear(a, i.user);
		}
	}
	result = (struct invite_result){ i.user, i.reset, &c->factors.v[0] };
	c->done(rc, &result, &e, c->arg);
	secret_zero(&i, sizeof(i));
	completion_free(c);
}

static void
work_hash(void *arg)
{
	struct completion *c = arg;

	c->hashed = password_hash(c->password, c->auth->hash_passes, c->hash) == 0;
	secret_zero(c->password, sizeof(c->password));
}

/* A wrong code costs a try; the last one costs the link. */
static int
wrong_code(struct auth *a, struct invite *i, struct err *e)
{
	struct err gone;

	i->tries++;
	if (i->tries < INVITE_TRIES_MAX) {
		int rc = save(a, i, &gone);

		if (rc != 0)
			*e = gone;
		return rc == 0 ? AUTH_E_DENIED : rc;
	}
	if (resource_remove(a, RESOURCE_INVITE, i->key, e) < 0)
		return -1;
	err_set(e,
	    "too many wrong codes: this link is gone; ask for a new one (tctl users reset NAME)");
	return AUTH_E_DENIED;
}

static int
check_app(struct completion *c, const struct invite_answer *q, struct invite *i, struct err *e)
{
	int rc;

	if (!i->has_totp) {
		err_set(e, "open the link first: it shows the second factor to set up");
		return AUTH_E_STATE;
	}
	rc = factor_add_app(c->auth, i->user, &c->factors, i->seed, q->otp,
	    q->name[0] ? q->name : "authenticator app", e);
	return rc == AUTH_E_DENIED ? wrong_code(c->auth, i, e) : rc;
}

/* Costs no try: there is nothing to guess. */
static int
check_key(struct completion *c, const struct invite_answer *q, const struct invite *i,
    struct err *e)
{
	struct ticket t;
	int rc;

	if (!ticket_take(c->auth, q->ticket, TICKET_INVITE, i->user, &t) ||
	    strcmp(t.bound, i->key) != 0) {
		err_set(e, "that took too long, or was sent already; try again");
		return AUTH_E_STATE;
	}
	rc = factor_add_key(c->auth, &c->factors,
	    &(struct factor_answer){ .site = &t.site, .challenge = t.challenge, .answer = q->key },
	    q->name[0] ? q->name : "security key", e);
	secret_zero(&t, sizeof(t));
	return rc;
}

/* The second factor is looked at before the password is hashed: a wrong one costs no Argon2id. */
static int
check(struct completion *c, const struct invite_answer *q, struct err *e)
{
	struct auth *a = c->auth;
	struct invite i;
	int rc = load(a, q->token, &i, e);

	if (rc == 0)
		rc = check_maker(a, &i, e);
	if (rc == 0)
		rc = user_check_password(a, i.user, q->password, e);
	if (rc == 0)
		rc = q->ticket ? check_key(c, q, &i, e) : check_app(c, q, &i, e);
	secret_zero(&i, sizeof(i));
	return rc;
}

int
invite_complete(struct auth *a, const struct invite_answer *answer, invite_fn done, void *arg,
    struct err *e)
{
	struct completion *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_memory(e);
	c->auth = a;
	c->done = done;
	c->arg = arg;
	rc = check(c, answer, e);
	if (rc == 0 &&
	    (!str_copy(c->token, sizeof(c->token), answer->token) ||
		!str_copy(c->password, sizeof(c->password), answer->password) ||
		pool_submit(a->pool, work_hash, on_hashed, c) < 0)) {
		err_set(e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	}
	if (rc != 0)
		completion_free(c);
	return rc;
}
