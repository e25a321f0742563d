/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visitor: a person on the SSH side, as the user certificate says. Made by gate.c from a
 * certificate that was believed; asked by resolve.c and couple.c.
 */
#ifndef PROXY_VISITOR_H
#define PROXY_VISITOR_H

#include "crypto/sshcert.h"
#include "policy/policy.h"
#include "proxy/roster.h"

struct visitor {
	char *user;
	char *roles_text; /* what roles[] points into */
	char *roles[POLICY_ROLES_MAX];
	size_t n_roles;
	char *traits_text;
	char **logins; /* what {{internal.logins}} stands for */
	size_t n_logins;
	int64_t expires_ms; /* of the certificate; INT64_MAX: never */
};

/* Copies what it needs. Negative without memory. */
int visitor_from_cert(struct visitor **ret, const struct sshcert *cert);
void visitor_free(struct visitor *v); /* NULL is fine */
/* May see (and so try to enter) the node, by the roles as they are now. d may be NULL. */
bool visitor_sees(const struct visitor *v, const struct roster *roster,
    const struct roster_node *node, struct policy_decision *d);

#endif
