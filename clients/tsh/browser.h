/* SPDX-License-Identifier: Apache-2.0 */
/*
 * browser: the login that its user approves in a browser, where he signs in as he can there: by a security key, too. Called by
 * login.c. docs/PROTOCOL.md says what it is safe from.
 */
#ifndef TSH_BROWSER_H
#define TSH_BROWSER_H

#include "api/client.h"
#include "proto/auth.sync.h"
#include "tsh/login.h"

/* Where the answer comes from. open: makes a client without a certificate, negative with e. keys: to be certified. 0 with *ret,
 * or negative with e. */
struct browser_login {
	const struct login_wish *wish;
	Auth__PublicKeys *keys;
	int (*open)(struct client **ret, void *arg, struct err *e);
	void *arg;
};
int browser_login(const struct browser_login *b, Auth__UserIdentity **ret, struct err *e);

#endif
