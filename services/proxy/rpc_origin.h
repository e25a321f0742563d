/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_origin: tells authd whose connection is about to be passed on to it, so that its limits, audit
 * trail and pinned addresses know people by their own addresses. Called by front.c.
 */
#ifndef PROXY_RPC_ORIGIN_H
#define PROXY_RPC_ORIGIN_H

#include "net/addr.h"

struct rpc_client;
struct origins;
struct origin_call;

int origins_new(struct origins **ret, struct rpc_client *auth);
/* After rpc_client_free: calls under way end without their done. NULL is fine. */
void origins_free(struct origins *o);

/* fd: the connection to authd, nothing sent yet. done comes once, from the loop, also when authd does
 * not answer or believe it: then the people behind it share the proxy's address. NULL: no memory, done
 * does not come. */
struct origin_call *origin_tell(struct origins *o, int fd, const struct addr *client,
    void (*done)(void *arg), void *arg);
/* Nobody waits any more: done does not come. NULL is fine. */
void origin_forget(struct origin_call *c);

#endif
