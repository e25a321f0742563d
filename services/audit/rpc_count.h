/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_count: the wire face of counting events (CountEvents): how many there are in each hour, or what else is asked for. Its row
 * is in rpc_search.c.
 *
 * Security: counts say that something happened, so they are of what the caller may see, as searches are. One person has one at
 * a time, until the database has answered; all of them run one after the other, beside the searches, for some seconds at
 * most.
 */
#ifndef AUDIT_RPC_COUNT_H
#define AUDIT_RPC_COUNT_H

#include "proto/audit.server.h"

/* The handler. */
void rpc_count_events(struct rpc_call *call, const Audit__CountRequest *q);

#endif
