/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_factor: what a person does about the second factors that are his: adds one, in two steps, gives it a name, removes it.
 * Called by rpc_factors.c, which has seen his password before one is added or removed (signin.h): a session that somebody
 * else found open gives nobody a key of his own. Touches the store and the tickets.
 *
 * Certificates and web sessions are as good as before: how somebody will sign in says nothing about how he did.
 */
#ifndef AUTH_OWN_FACTOR_H
#define AUTH_OWN_FACTOR_H

#include "auth/ticket.h"
#include "auth/user.h"

struct auth;

/* The first step, of whoever u is. origin: of the page, for a security key. Of an app the seed, which the caller zeroes, is
 * what the person is to be shown. AUTH_E_INVALID: a site that is not ours; AUTH_E_STATE: there are enough. */
struct own_factor_offer {
	const struct ticket *ticket; /* ours, until the turn of the loop ends */
	uint8_t totp[TOTP_SECRET_BYTES];
};
int own_factor_begin(struct auth *a, const struct user *u, enum factor_kind kind,
    const char *origin, struct own_factor_offer *ret, struct err *e);

struct own_factor_answer {
	const char *ticket, *name;
	const char *otp;            /* of an app: the code it shows */
	struct webauthn_answer key; /* of a security key */
};
/* The second. ret: a copy of it. AUTH_E_*: as factor.h says it; AUTH_E_STATE also: begun too long ago, or before the password
 * was changed. */
int own_factor_add(struct auth *a, const char *user, const struct own_factor_answer *q,
    struct factor *ret, struct err *e);

/* AUTH_E_NOT_FOUND, AUTH_E_INVALID, AUTH_E_EXISTS. */
int own_factor_rename(struct auth *a, const char *user, const char *id, const char *name,
    struct factor *ret, struct err *e);
/* AUTH_E_NOT_FOUND; AUTH_E_STATE: it is the last. */
int own_factor_remove(struct auth *a, const char *user, const char *id, struct factor *ret,
    struct err *e);

#endif
