/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_login: a person proves who they are (signin.h) in a browser and gets a web session (web_session.h): with the same
 * refusals, limits and lockouts as with tsh, counted by the browser's address. Called by rpc_web.c.
 */
#ifndef AUTH_WEB_LOGIN_H
#define AUTH_WEB_LOGIN_H

#include "auth/certify.h"
#include "auth/signin.h"
#include "auth/web_session.h"

struct web_login;

struct web_login_request {
	const char *user, *password, *otp;
	const struct signin_key *key; /* instead of password and code: after BeginLogin; or NULL */
	const char *browser;          /* as it calls itself */
	const struct origin *origin;
};
struct web_login_result {
	const struct web_session *session;
	const char *token;
	const struct user *user;
	char ended[WEB_SESSION_ID_LEN + 1]; /* his oldest, which had to go for this one; "": none */
};

/* rc: 0, AUTH_E_* or negative with e; the result only with 0. Once, from the loop;
 * everything is gone afterwards. */
typedef void (*web_login_fn)(int rc, const struct web_login_result *result,
    const struct signin_outcome *how, const struct err *e, void *arg);

/* 0: done will come, ret is valid until then. Otherwise refused at once. */
int web_login_start(struct web_login **ret, struct auth *a, const struct web_login_request *q,
    web_login_fn done, void *arg, struct err *e);
/* The same for a user who has proven himself in another way at this moment: with the link of an invitation. The rest of the
 * request is not looked at. As of this moment: what is changed before done refuses him. Otherwise as user_load. */
int web_login_admit(struct web_login **ret, struct auth *a, const struct web_login_request *q,
    web_login_fn done, void *arg, struct err *e);
/* Nobody waits any more: done does not come, and no session is made. */
void web_login_abandon(struct web_login *l);

#endif
