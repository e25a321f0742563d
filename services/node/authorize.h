/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize: may this certificate sign in here, under this login, and still be here?
 */
#ifndef NODE_AUTHORIZE_H
#define NODE_AUTHORIZE_H

#include "crypto/sshcert.h"
#include "node/node.h"
#include "policy/policy.h"

enum { AUTHORIZE_NAME_MAX = 256 };

/* Positive results of authorize_check. */
enum {
	AUTHORIZE_E_STRANGER = 1, /* not a certificate of our user CA: another key may do better */
	AUTHORIZE_E_DENIED,       /* ours, but not valid, or not allowed: err says why */
};

struct authorized {
	char user[AUTHORIZE_NAME_MAX];
	bool permit_pty; /* by the certificate and by what its roles say now */
	/* of recording, without a terminal, by the roles (policy_options) */
	bool omit_input;
	uint64_t record_limit;
	int64_t client_idle_timeout_s; /* of terminals, by the roles; 0: none */
};

/* 0: may sign in; AUTHORIZE_E_*, with e. address: of the client, "" unknown. */
int authorize_check(struct node *n, const struct sshcert *cert, const char *login,
    const char *address, struct authorized *ret, struct err *e);
/* Asked again for a connection that lasts: only the cut-offs and the roles. A certificate's end and
 * a change of the CA do not end what it began. 0, or AUTHORIZE_E_DENIED with e. */
int authorize_still(struct node *n, const struct sshcert *cert, const char *login,
    struct authorized *ret, struct err *e);
/* Of that user's session, a UUID: whether somebody has ended it. 0, or AUTHORIZE_E_DENIED with e. */
int authorize_session(const struct node *n, const char *user, const char *session, struct err *e);
/* The node's labels as they count now; valid until the next call. Negative: the server's are not
 * known, and *ret has the configured ones only. */
int authorize_labels(const struct node *n, struct policy_labels *ret);

#endif
