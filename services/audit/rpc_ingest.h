/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_ingest: the wire face of ingest: the Ingest stream of proto/audit.proto.
 */
#ifndef AUDIT_RPC_INGEST_H
#define AUDIT_RPC_INGEST_H

#include "audit/ingest.h"
#include "rpc/rpc.h"

extern const struct rpc_events rpc_ingest_events_table;
/* For ingest_new. */
extern const struct ingest_events rpc_ingest_callbacks;

#endif
