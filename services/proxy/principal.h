/* SPDX-License-Identifier: Apache-2.0 */
/*
 * principal: a person on the SSH side, as the user certificate says. Made by ssh_server.c from a
 * certificate that was believed; asked by resolve.c and relay.c.
 */
#ifndef PROXY_PRINCIPAL_H
#define PROXY_PRINCIPAL_H

#include "crypto/sshcert.h"
#include "policy/policy.h"
#include "proxy/roster.h"

struct principal {
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
int principal_from_cert(struct principal **ret, const struct sshcert *cert);
void principal_free(struct principal *v); /* NULL is fine */
/* May see (and so try to enter) the node, by the roles as they are now. d may be NULL. */
bool principal_sees(const struct principal *v, const struct roster *roster,
    const struct roster_node *node, struct policy_decision *d);

#endif
