/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_ingest: the wire face of ingest: the Ingest stream of proto/audit.proto.
 */
#ifndef AUDIT_RPC_INGEST_H
#define AUDIT_RPC_INGEST_H

#include "audit/ingest.h"
#include "proto/audit.pb-c.h"
#include "event/review.h"
#include "rpc/rpc.h"

struct audit;

void rpc_ingest_message(struct rpc_call *call, const Audit__IngestRequest *q);
void rpc_ingest_writable(struct rpc_call *call);
void rpc_ingest_closed(struct rpc_call *call, const struct rpc_status *status);
/* Judges one of audit.streams: a producer that was removed is told so, and sends no more. */
void rpc_ingest_review(struct review_item *item, void *arg);
/* Whether that daemon may still send, or hear, here: RPC_OK, or the end of its call and why: UNAUTHENTICATED for good. */
enum rpc_code
rpc_ingest_admit(const struct audit *d, const struct rpc_peer *peer, struct err *why);
/* Tells the node of that UUID which of its sessions are watched, when it sends here. */
void rpc_ingest_remind(struct audit *d, const char *producer);
/* For ingest_new. */
extern const struct ingest_events rpc_ingest_callbacks;

#endif
