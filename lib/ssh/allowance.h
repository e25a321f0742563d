/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowance: what the connections of one user may have in memory together, by his name. For servers, who know the name
 * once he has logged in (proxyd, noded).
 */
#ifndef SSH_ALLOWANCE_H
#define SSH_ALLOWANCE_H

#include "ssh/ssh.h"

struct ssh_allowances;

/* max_channels: as in struct ssh_allowance, of each. Negative without memory. */
int ssh_allowances_new(struct ssh_allowances **ret, size_t max_channels);
void ssh_allowances_free(struct ssh_allowances *s); /* after the connections; NULL is fine */
/* The allowance of that name, made if need be; NULL without memory. To be given back when the connection has no channels any
 * more (the `ended` of its link). */
struct ssh_allowance *ssh_allowances_take(struct ssh_allowances *s, const char *name);
void
ssh_allowances_give(struct ssh_allowances *s, struct ssh_allowance *allowance); /* NULL is fine */

#endif
