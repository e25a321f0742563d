/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_events: what is written down and counted of people who sign in, whatever way they came. Called by rpc_login.c and
 * rpc_web.c; touches the audit log.
 */
#ifndef AUTH_LOGIN_EVENTS_H
#define AUTH_LOGIN_EVENTS_H

#include "auth/certify.h"
#include "auth/signin.h"

struct auth;
struct rpc_call;
struct rpc_peer;

/* Who tries. */
struct login_note {
	struct auth *auth;
	const struct rpc_peer *peer;
	const char *user;        /* as it was given: only claimed where the login failed */
	const char *method;      /* "local", "web", "browser" */
	const char *web_session; /* key of the one that it began; NULL: none */
};

/* How it ended, with what; how NULL: it did not begin. 0: it is in the log; otherwise nobody may be let in (login_unseen). */
int login_note(const struct login_note *n, int rc, const struct signin_outcome *how,
    const struct err *e);
int login_note_cert(const struct login_note *n, const struct certify_result *r);
/* It was refused before it began: counted, and written down unless that could fill the log. */
void login_note_refused(const struct login_note *n, int rc, const struct err *e);
/* Before anything is looked at or made: whoever gets in is in the trail. False: answered, and counted. */
bool login_can_be_noted(struct rpc_call *call);
/* For those who watch; rc as of a noun. */
void login_count(struct auth *a, int rc);

/* To whoever is not let in for lack of a log. */
extern const char login_unseen[];

#endif
