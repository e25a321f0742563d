/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signin: a person proves who they are: the password (on the pool), then a second factor (on the loop), and what a try
 * costs whom. One door for every way of signing in: tsh, a browser, a change of password or of second factors.
 *
 *	open?  ->  password (pool)  ->  open still?, code  ->  done
 *	open?  ->  password (pool)  ->  open still?  ->  a ticket  ->  open?  ->  ticket, signature  ->  done
 *
 * Wrong user, wrong password and wrong code are one answer and cost the same time. Called by login.c, web_login.c,
 * new_password.c and rpc_factors.c; touches the store and the pool.
 */
#ifndef AUTH_SIGNIN_H
#define AUTH_SIGNIN_H

#include "auth/factor.h"
#include "auth/lockout.h"
#include "auth/values.h"
#include "auth/web_session.h"

struct auth;
struct signin;
struct origin;
struct user;

enum {
	SIGNIN_PER_MIN = 20, /* of one address */
	SIGNIN_BURST = 40,
	SIGNIN_PROXY_FACTOR = 50,
	/* Passwords that wait for Argon2id: of one address, of all who are not known to have logged in from where they
	 * are, and of all. */
	SIGNIN_VERIFYING_ONE = 8,
	SIGNIN_VERIFYING_STRANGERS = 24,
	SIGNIN_VERIFYING = 32,
};

/* What he shows. */
enum signin_proof {
	SIGNIN_CODE, /* the password and the code of an app */
	SIGNIN_PASSWORD, /* the password alone: for a second step, or for a change that somebody who is signed in makes */
	SIGNIN_KEY, /* the signature of a security key, with the ticket that the password was shown for */
};
struct signin_key {
	const char *ticket;
	struct span credential;
	struct webauthn_answer answer;
};
struct signin_request {
	const char *user, *password, *otp;
	const struct origin *origin;
	enum signin_proof proof;
	const struct signin_key *key;
};

/* How it went, for the audit trail. */
struct signin_outcome {
	enum lockout_scope closed; /* what this failure closed */
	bool has_factor;
	bool is_cloned; /* that is a security key of which there is a copy; he was refused */
	struct factor_mark factor; /* that was used */
	/* Of a login that was approved in a browser: from where, and in which web session; otherwise "". */
	char browser_ip[ADDR_TEXT_SIZE], browser_session[WEB_SESSION_KEY_SIZE];
};

/* rc 0: u is who it is, as he is now, lent for the call. Otherwise AUTH_E_* or negative, with e. Once, from the loop; the
 * signin is gone afterwards. */
typedef void (*signin_fn)(int rc, const struct user *u, const struct signin_outcome *how,
    const struct err *e, void *arg);

/* 0: done will come, whatever happens to whoever waits: arg stays until then. Otherwise refused at once. Nothing of the
 * request is kept. */
int signin_start(struct auth *a, const struct signin_request *q, signin_fn done, void *arg,
    struct err *e);

#endif
