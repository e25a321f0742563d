/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate: how often an address may ask in a minute.
 */
#ifndef PROXY_RATE_H
#define PROXY_RATE_H

#include <stdbool.h>

#include "event/loop.h"

struct rate;

int rate_new(struct rate **ret, struct loop *loop, unsigned per_minute);
void rate_free(struct rate *r); /* NULL is fine */
/* Counts one; false when it is one too many. */
bool rate_take(struct rate *r, const char *ip);

#endif
