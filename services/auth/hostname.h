/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostname: what a host may be called, and whose a name is. A host bears its name and extra addresses; people and
 * programs find it by them, and its certificates say them. So a name belongs to one host, by its UUID, from its join until
 * its certificates end or an administrator removes it. Called by join.c; reads the registry.
 *
 * Security: whoever has a join token chooses a name. Without this a second host with the name of the first would
 * make it unreachable, or receive its users while it reboots.
 */
#ifndef AUTH_HOSTNAME_H
#define AUTH_HOSTNAME_H

#include <stdbool.h>

#include "auth/values.h"

struct auth;

/* What a host wants to be called. */
struct hostname_claim {
	const char *uuid, *kind;
	const char *name;
	const struct names *addresses;
	const struct names *allowed; /* patterns of its join token; none: any name */
};

/* Names are written in lower case, as names in DNS compare, and addresses in their one usual form, so that what compares
 * as equal is equal. In place; also what is no name at all, which hostname_check refuses then. */
void hostname_normalise(char *name);
/* Whether the text may stand in the list of a join token: a name with '*' for any run of characters. */
int hostname_pattern_check(const char *pattern, struct err *e);
/* The form, the cluster's own names, and how many. 0 or AUTH_E_INVALID. */
int hostname_check(struct auth *a, const struct hostname_claim *c, struct err *e);
/* Whether its join token allows them, and no other host bears one of them now. 0, AUTH_E_DENIED, AUTH_E_EXISTS. */
int hostname_check_owner(struct auth *a, const struct hostname_claim *c, struct err *e);

#endif
