/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userauth: what a user signs to log in with a key, written and read in one place: RFC 4252 section
 * 7, and the form that names the server's host key too (OpenSSH PROTOCOL, host-bound public key
 * authentication). Pure; called by both roles of the engine, and by whoever checks such a signature
 * later (noded's monitor).
 */
#ifndef SSH_USERAUTH_H
#define SSH_USERAUTH_H

#include "base/wire.h"

/* One request for ssh-connection with a signature. */
struct userauth {
	struct span user;
	struct span alg;      /* public key algorithm as named in the request */
	struct span blob;     /* key or certificate */
	bool hostbound;       /* publickey-hostbound-v00@openssh.com ... */
	struct span host_key; /* ... and the server's key or certificate as it was shown */
};

/* The request from its message number to what stands before the signature. */
void userauth_put(struct buf *b, const struct userauth *u);
/* What is signed: the session identifier and the request. */
void userauth_put_signed(struct buf *b, struct span session_id, const struct userauth *u);
/* The reverse; spans point into data. Negative: these bytes are nothing that a user signs. */
int userauth_read_signed(struct userauth *ret, struct span *ret_session_id, struct span data);

/* What may be named in a request, what type the blob must have then, and the algorithm of the
 * signature itself. */
struct userauth_alg {
	const char *name, *blob_type, *sig_alg;
	bool cert;
};
const struct userauth_alg *userauth_alg_find(struct span name); /* NULL: not taken */

#endif
