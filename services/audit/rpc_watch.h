/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: what authd tells: users and roles into access.c, authorities into lib/api/join.h. Called by trust.c.
 */
#ifndef AUDIT_RPC_WATCH_H
#define AUDIT_RPC_WATCH_H

#include "api/auth_watch.h"
#include "api/join.h"
#include "audit/access.h"

struct rpc_watch;

/* join may be NULL. Kept up until it is freed. Negative: no memory. */
int rpc_watch_new(struct rpc_watch **ret, struct rpc_client *auth, struct access *access,
    struct join *join);
void rpc_watch_free(struct rpc_watch *w); /* NULL is fine; before the client */

#endif
