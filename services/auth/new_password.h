/* SPDX-License-Identifier: Apache-2.0 */
/*
 * new_password: a person who proves who they are (signin.h) sets another password. All that the old one got ends: web
 * sessions but the one that asks, tsh's certificates, links that were made. Called by rpc_account.c, which ends the API
 * tokens; touches the store and the pool.
 */
#ifndef AUTH_NEW_PASSWORD_H
#define AUTH_NEW_PASSWORD_H

#include "auth/signin.h"

struct new_password_request {
	struct signin_request who; /* with the old one */
	const char *password;
	const char *keep; /* key of the web session that goes on; NULL: none */
};

/* rc 0, AUTH_E_* or negative with e. Once, from the loop. */
typedef void (
    *new_password_fn)(int rc, const struct signin_outcome *how, const struct err *e, void *arg);

/* 0: done will come, whatever happens to whoever waits: arg stays until then. Otherwise refused at once. */
int new_password_start(struct auth *a, const struct new_password_request *q, new_password_fn done,
    void *arg, struct err *e);

#endif
