/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: auditd's identity, by joining (lib/api/join.h) or from configured files, and what it hears from authd: new
 * certificates and authorities, and the cluster into lib/replica. Called by start.c.
 */
#ifndef AUDIT_TRUST_H
#define AUDIT_TRUST_H

#include "audit/conf.h"
#include "event/loop.h"
#include "replica/replica.h"
#include "rpc/rpc.h"
#include "rpc/tls.h"

struct trust;

struct trust_events {
	/* There is an identity: connections can be taken. Once, never from inside trust_new. */
	void (*ready)(const char *cluster, struct rpc_identity *identity, void *arg);
};

int trust_new(struct trust **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct replica *replica, const struct trust_events *events, void *arg, struct err *e);
/* Turns the loop until there is an identity, or there will be none (negative), or *give_up. */
int trust_wait(struct trust *t, const bool *give_up, struct err *e);
struct rpc_identity *trust_identity(const struct trust *t); /* NULL until there is one */
void trust_free(struct trust *t);                           /* NULL is fine; after the server */

#endif
