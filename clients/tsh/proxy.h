/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: tsh's one SSH connection to proxyd, over which every node is reached.
 */
#ifndef TSH_PROXY_H
#define TSH_PROXY_H

#include "base/err.h"
#include "event/loop.h"
#include "profile/profile.h"
#include "session/remote.h"

struct proxy;

enum { PROXY_E_REFUSED = 1 }; /* it was reached, and did not let us in */

/* Connects, and asks to be let in with the profile's certificate, without waiting for the answer: what goes the proxy's way
 * from now on travels along, and fails when it is no. Not 0: with e filled. Both wait by turning the loop. */
int proxy_open(struct proxy **ret, struct loop *loop, const struct profile *profile, struct err *e);
/* Waits for the answer. Not 0: with e filled. */
int proxy_wait(struct proxy *p, struct err *e);
/* Whether something failed because the proxy did not let us in; then e says why. */
bool proxy_refused(const struct proxy *p, struct err *e);
void proxy_free(struct proxy *p); /* NULL is fine */

/* The way to every node: through this connection, with our key, believing the cluster's host CAs. */
const struct remote_way *proxy_way(const struct proxy *p);

#endif
