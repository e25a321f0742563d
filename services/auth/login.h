/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: a person proves who they are (signin.h), or approved it in a browser (approval.h), and gets two certificates for the
 * keys they brought (certify.h).
 * Called by rpc_login.c.
 */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include <stdint.h>

#include "auth/approval.h"
#include "auth/certify.h"
#include "auth/signin.h"

struct login;

struct login_request {
	const char *user, *password, *otp;
	struct span ssh_key; /* public key blob: Ed25519 or ECDSA P-256 */
	struct span tls_key; /* P-256 SubjectPublicKeyInfo */
	int64_t ttl_s;       /* 0: as long as the roles allow, at most 12 h */
	/* Instead of password and code: what an approval gave; or NULL. User and origin in it are not looked at. */
	const struct approval_answer *approved;
	const struct origin *origin;
};

/* rc: 0, AUTH_E_* or negative with e; the result only with 0. Once, from the loop;
 * everything is gone afterwards. */
typedef void (*login_fn)(int rc, const struct certify_result *result,
    const struct signin_outcome *how, const struct err *e, void *arg);

/* 0: done will come, ret is valid until then. Otherwise refused at once. */
int login_start(struct login **ret, struct auth *a, const struct login_request *q, login_fn done,
    void *arg, struct err *e);
/* Nobody waits any more: done does not come. */
void login_abandon(struct login *l);

#endif
