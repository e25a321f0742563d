/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling: how many connections there are, in total and from one address. (How often something is
 * done: net/rate.h.)
 */
#ifndef NET_CEILING_H
#define NET_CEILING_H

#include <stdbool.h>

struct ceiling;

/* Negative without memory. */
int ceiling_new(struct ceiling **ret, unsigned total, unsigned per_ip);
void ceiling_free(struct ceiling *c); /* NULL is fine */
/* False when there are too many already; true is to be given back with ceiling_drop. IPv6 peers
 * count by /64: one customer has that many. */
bool ceiling_take(struct ceiling *c, const char *ip);
void ceiling_drop(struct ceiling *c, const char *ip);
unsigned ceiling_count(const struct ceiling *c);

#endif
