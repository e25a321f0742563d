/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling: how many of something there are at the same time, in all and of one payer: connections of an address, channels
 * of a user. Every layer that takes something of a stranger counts it here. (How often something is done: net/rate.h.)
 * Called by proxyd (everything that comes in), noded (who signs in), authd (passwords), and lib/rpc.
 *
 * The payer is an address, of IPv6 its /64 (that much one customer is given), of mapped IPv4 addresses the IPv4 one; other
 * text, such as a user's name, is a payer of its own.
 */
#ifndef NET_CEILING_H
#define NET_CEILING_H

#include <stdbool.h>

struct ceiling;

/* How many a payer may have more for each one that is vouched for: as many as a node or a person needs to come in. */
enum { CEILING_PER_KNOWN = 4 };

/* Negative without memory. */
int ceiling_new(struct ceiling **ret, unsigned total, unsigned per_ip);
void ceiling_free(struct ceiling *c); /* NULL is fine */
/* From `start` of the total on some are refused by chance, the more the fewer places there are (sshd's MaxStartups):
 * who has none yet is let in until the total is there. */
void ceiling_early(struct ceiling *c, unsigned start);
/* False when there are too many already; true is to be given back with ceiling_drop. */
bool ceiling_take(struct ceiling *c, const char *ip);
void ceiling_drop(struct ceiling *c, const char *ip);
/* Somebody at the address has shown who he is: hosts behind one router (NAT) share an address, and what each of them needs
 * to come in again is not to be taken by the others. To be given back with ceiling_unvouch. */
void ceiling_vouch(struct ceiling *c, const char *ip);
void ceiling_unvouch(struct ceiling *c, const char *ip);
unsigned ceiling_count(const struct ceiling *c);
unsigned ceiling_held(const struct ceiling *c, const char *ip); /* by one payer */

#endif
