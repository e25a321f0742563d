/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: may this certificate sign in here, under this login?
 */
#ifndef NODE_ACCESS_H
#define NODE_ACCESS_H

#include "crypto/sshcert.h"
#include "node/node.h"

enum { ACCESS_NAME_MAX = 256 };

/* Positive results of access_check. */
enum {
	ACCESS_E_STRANGER = 1, /* not a certificate of our user CA: another key may do better */
	ACCESS_E_DENIED,       /* ours, but not valid, or not allowed: err says why */
};

struct access {
	char user[ACCESS_NAME_MAX];
	int64_t issued_ms; /* valid_after */
	bool permit_pty;
};

/* 0: may sign in; ACCESS_E_*, with e. address: of the client, "" unknown. */
int access_check(struct node *n, const struct sshcert *cert, const char *login, const char *address,
    struct access *ret, struct err *e);
/* Asked again for a connection that lasts: only the cut-offs and the roles. A certificate's end and
 * a change of the CA do not end what it began. 0, or ACCESS_E_DENIED with e. */
int access_still(struct node *n, const struct sshcert *cert, const char *login, struct access *ret,
    struct err *e);
/* The node's labels as they count now. */
struct policy_labels access_labels(struct node *n);

#endif
