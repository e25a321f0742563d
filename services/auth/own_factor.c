/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_factor: see own_factor.h.
 */
#include "auth/own_factor.h"

#include <string.h>

#include "auth/auth.h"
#include "base/str.h"
#include "crypto/secret.h"

/* --- adding ---------------------------------------------------------------------------------- */

static int
begin_app(struct auth *a, const struct user *u, struct ticket *t, uint8_t totp[TOTP_SECRET_BYTES],
    struct err *e)
{
	t->kind = FACTOR_TOTP;
	totp_new(totp);
	return seed_close(a, u->name, totp, t->seed, e);
}

int
own_factor_begin(struct auth *a, const struct user *u, enum factor_kind kind, const char *origin,
    struct own_factor_offer *ret, struct err *e)
{
	struct webauthn_site site = { "", "" };
	struct ticket *t;
	int rc = factor_list_has_room(&u->factors, e);

	if (rc == 0 && kind == FACTOR_WEBAUTHN)
		rc = ticket_site(a, origin, &site, e);
	if (rc != 0)
		return rc;
	t = ticket_new(a, TICKET_NEW_FACTOR, u->name, u->password);
	if (!t)
		return err_memory(e);
	ret->ticket = t;
	t->kind = kind;
	t->site = site;
	return kind == FACTOR_TOTP ? begin_app(a, u, t, ret->totp, e) : 0;
}

static int
add(struct auth *a, struct user *u, const struct ticket *t, const struct own_factor_answer *q,
    struct err *e)
{
	const struct factor_answer key = { .site = &t->site,
		.challenge = t->challenge,
		.answer = q->key };

	if (t->kind == FACTOR_WEBAUTHN)
		return factor_add_key(a, &u->factors, &key, q->name, e);
	return factor_add_app(a, u->name, &u->factors, t->seed, q->otp, q->name, e);
}

int
own_factor_add(struct auth *a, const char *user, const struct own_factor_answer *q,
    struct factor *ret, struct err *e)
{
	struct ticket t;
	struct user u;
	int rc = user_load(a, user, &u, e);

	if (rc == 0 &&
	    (!ticket_take(a, q->ticket, TICKET_NEW_FACTOR, user, &t) ||
		strcmp(t.bound, u.password) != 0)) {
		err_set(e, "that took too long, or was sent already; begin again");
		rc = AUTH_E_STATE;
	}
	if (rc == 0)
		rc = add(a, &u, &t, q, e);
	if (rc == 0)
		rc = user_save(a, &u, e);
	if (rc == 0)
		*ret = u.factors.v[u.factors.n - 1];
	user_done(&u);
	secret_zero(&t, sizeof(t));
	return rc;
}

/* --- changing -------------------------------------------------------------------------------- */

static int
find(struct auth *a, const char *user, const char *id, struct user *u, struct factor **ret,
    struct err *e)
{
	int rc = user_load(a, user, u, e);

	if (rc != 0)
		return rc;
	*ret = factor_list_find(&u->factors, id);
	if (*ret)
		return 0;
	err_set(e, "you have no such second factor; it may have been removed already");
	return AUTH_E_NOT_FOUND;
}

int
own_factor_rename(struct auth *a, const char *user, const char *id, const char *name,
    struct factor *ret, struct err *e)
{
	struct factor *f;
	struct user u;
	int rc = find(a, user, id, &u, &f, e);

	if (rc == 0 && strcmp(f->name, name) != 0)
		rc = factor_name_check(&u.factors, name, e);
	if (rc == 0) {
		(void)str_copy(f->name, sizeof(f->name), name);
		*ret = *f;
		rc = user_save(a, &u, e);
	}
	user_done(&u);
	return rc;
}

int
own_factor_remove(struct auth *a, const char *user, const char *id, struct factor *ret,
    struct err *e)
{
	struct factor *f;
	struct user u;
	int rc = find(a, user, id, &u, &f, e);

	if (rc == 0 && u.factors.n == 1) {
		err_set(e, "this is your last second factor: add another one first");
		rc = AUTH_E_STATE;
	}
	if (rc == 0) {
		*ret = *f;
		factor_list_drop(&u.factors, f);
		rc = user_save(a, &u, e);
	}
	user_done(&u);
	return rc;
}
