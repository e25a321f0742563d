/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_turns: the wire face of WatchSessions: proxies hear whose sessions have begun or ended, so that their pages ask anew.
 */
#ifndef AUDIT_RPC_TURNS_H
#define AUDIT_RPC_TURNS_H

#include "event/review.h"
#include "proto/audit.pb-c.h"
#include "rpc/rpc.h"

struct audit;

void rpc_turns(struct rpc_call *call, const Audit__AuditEmpty *request);
void rpc_turns_writable(struct rpc_call *call);
void rpc_turns_closed(struct rpc_call *call, const struct rpc_status *status);
/* Judges one of audit.turns: a proxy that was removed, or is locked, hears no more. */
void rpc_turns_review(struct review_item *item, void *arg);
/* A session of that user has begun, or ended. */
void rpc_turns_tell(struct audit *d, const char *user);

#endif
