/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: a person proves who they are and gets two certificates for the keys they brought.
 *
 *	open?  ->  password (pool)  ->  code, rights (loop)  ->  wait for a cutoff  ->  signer, twice  ->  done
 *
 * Wrong user, wrong password and wrong code are one answer and cost the same time. Called by
 * rpc_login.c; touches the store, the pool and the signer.
 */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include <stdint.h>

#include "auth/lockout.h"
#include "auth/values.h"
#include "base/buf.h"

struct auth;
struct login;
struct origin;

enum {
	LOGIN_PER_MIN = 20, /* of one address */
	LOGIN_BURST = 40,
	LOGIN_PROXY_FACTOR = 50,
	/* Passwords that wait for Argon2id: of one address, of all who are not known to have logged in from where they
	 * are, and of all. */
	LOGIN_VERIFYING_ONE = 8,
	LOGIN_VERIFYING_STRANGERS = 24,
	LOGIN_VERIFYING = 32,
};
/* A principal no account has, for people whose roles let them in nowhere but allow them to look
 * (auditors). */
#define LOGIN_NOWHERE "no-login@sallyport"

struct login_request {
	const char *user, *password, *otp;
	struct span ssh_key; /* public key blob: Ed25519 or ECDSA P-256 */
	struct span tls_key; /* P-256 SubjectPublicKeyInfo */
	int64_t ttl_s;       /* 0: as long as the roles allow, at most 12 h */
	const struct origin *origin;
};

struct login_result {
	const char *user;
	const struct names *roles, *logins, *extensions;
	int64_t valid_until_s;
	struct span ssh_cert, tls_pem;
	enum lockout_scope closed; /* what this failure closed */
};

/* rc: 0, AUTH_E_* or negative with e. Once, from the loop; everything is gone afterwards. */
typedef void (*login_fn)(int rc, const struct login_result *result, const struct err *e, void *arg);

/* 0: done will come, ret is valid until then. Otherwise refused at once. */
int login_start(struct login **ret, struct auth *a, const struct login_request *q, login_fn done,
    void *arg, struct err *e);
/* Nobody waits any more: done does not come. */
void login_abandon(struct login *l);

#endif
