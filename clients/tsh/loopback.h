/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopback: a port of 127.0.0.1 at which the browser of this machine brings what an approval gave (RFC 8252 section 7.3).
 * Called by browser.c; plain HTTP, for one redirect.
 *
 * Security: everybody on this machine, and every page in its browsers, can ask here. What they bring is nothing without the id
 * of this login in the path, and what is brought proves itself to authd, not to us.
 */
#ifndef TSH_LOOPBACK_H
#define TSH_LOOPBACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct loopback;

int loopback_open(struct loopback **ret, struct err *e);
void loopback_free(struct loopback *l); /* NULL is fine */
uint16_t loopback_port(const struct loopback *l);
/* Until GET /ID?grant=GRANT comes, whose browser goes on to the address `then`. Negative with e: nobody came within life_ms. */
int loopback_wait(struct loopback *l, const char *id, const char *then, int64_t life_ms,
    char *grant, size_t size, struct err *e);

#endif
