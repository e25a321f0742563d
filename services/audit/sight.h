/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sight: who may see which events and recordings, by the roles that the user has now (lib/replica). A certificate
 * carries only the user's name here: what it is worth is decided when it is used. Asked by rpc_search.c.
 */
#ifndef AUDIT_SIGHT_H
#define AUDIT_SIGHT_H

#include "replica/replica.h"
#include "rpc/rpc.h"

enum sight {
	SIGHT_NOTHING,
	SIGHT_OWN, /* only what the user did */
	SIGHT_ALL,
};

/* Each with SIGHT_NOTHING: *why has a line for the caller. */
/* How auditd does: all or nothing, for whoever may read the cluster. */
enum sight sight_metrics(struct replica *r, const struct rpc_peer *peer, struct err *why);
enum sight sight_events(struct replica *r, const struct rpc_peer *peer, struct err *why);
/* verb: "list" or "read". */
enum sight
sight_recordings(struct replica *r, const struct rpc_peer *peer, const char *verb, struct err *why);

#endif
