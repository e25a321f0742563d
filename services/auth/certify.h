/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certify: what somebody gets who has proven who he is: his rights as they are at this moment, and certificates that say so
 * for the keys that he brought.
 *
 *	rights  ->  wait for a cutoff  ->  signer, once or twice  ->  the same rights still?  ->  done
 *
 * Security: between the rights and the end lies up to a second and the signer's work. Whoever lost something meanwhile gets
 * nothing that was signed for what he had: what is given is what is true when it is given.
 *
 * Called by login.c, web_login.c and rpc_web.c; touches memory and the signer.
 */
#ifndef AUTH_CERTIFY_H
#define AUTH_CERTIFY_H

#include <stdint.h>

#include "auth/values.h"
#include "base/buf.h"

struct auth;
struct certify;
struct origin;
struct user;

/* A principal no account has, for people whose roles let them in nowhere but allow them to look
 * (auditors). */
#define CERTIFY_NOWHERE "no-login@sallyport"

/* What a login gives. */
struct certify_rights {
	struct names roles, logins;
	struct policy_options options;
	int64_t valid_until_s;
};
/* AUTH_E_DENIED with a line for him: locked, no role, or roles that allow nothing. asked_ttl_s 0: as long as the roles
 * allow, at most 12 h. certify_rights_done in any case. */
int certify_rights(struct auth *a, const struct user *u, int64_t asked_ttl_s,
    struct certify_rights *ret, struct err *e);
void certify_rights_done(struct certify_rights *r);

struct certify_request {
	const struct user *user; /* whose rights count */
	struct span ssh_key;     /* checked by the caller (values.h) */
	struct span tls_key;     /* likewise; empty: no certificate for TLS */
	int64_t ttl_s;           /* as for certify_rights */
	int64_t until_s;         /* not beyond; 0: no matter */
	const struct origin *origin;
	/* Key of the web session that asks, which must still be there at the end, and is good from its own address alone where
	 * roles pin that; the certificate for SSH names it, and is worth nothing at a proxy without it. NULL: none does. */
	const char *web;
};

struct certify_result {
	const char *user;
	const struct names *roles, *logins, *extensions;
	int64_t valid_until_s;
	struct span ssh_cert, tls_pem; /* tls_pem empty where no key was brought */
};

/* rc: 0, AUTH_E_* or negative with e (AUTH_E_STATE: what he may was changed meanwhile); the result only with 0. Once, from the
 * loop, never from inside certify_start; everything is gone afterwards. */
typedef void (
    *certify_fn)(int rc, const struct certify_result *result, const struct err *e, void *arg);

/* 0: done will come, whatever happens to whoever waits: arg stays until then. Otherwise refused at once, AUTH_E_DENIED as
 * above. Nothing of the request is kept. */
int certify_start(struct auth *a, const struct certify_request *q, certify_fn done, void *arg,
    struct err *e);

#endif
