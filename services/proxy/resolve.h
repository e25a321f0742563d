/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve: which node a person means. Pure.
 */
#ifndef PROXY_RESOLVE_H
#define PROXY_RESOLVE_H

#include "base/err.h"
#include "replica/replica.h"

enum resolve_e {
	RESOLVE_E_UNKNOWN = 1,   /* no node of that name that this person may see */
	RESOLVE_E_AMBIGUOUS = 2, /* several */
	RESOLVE_E_OFFLINE = 3,   /* the node is known but not reachable now */
	RESOLVE_E_PORT = 4,      /* not the SSH port */
	RESOLVE_E_CLOSED = 5,    /* whatever roles allow */
};

struct resolve_query {
	struct replica *replica;
	const struct subject *who;
	const char *cluster;
	/* True when the node keeps a tunnel to us now. */
	bool (*has_tunnel)(const char *uuid, void *arg);
	void *arg;
};

/* host: NAME, UUID, NAME.CLUSTER, UUID.CLUSTER, or the address of a node that listens; port as
 * asked. 0 with the node, which belongs to the replica, or a RESOLVE_E_* with a text for the
 * person. What the person may not see does not exist: the text is the same. */
int resolve(const struct replica_host **ret, const struct resolve_query *q, const char *host,
    uint32_t port, struct err *e);
/* May see (and so try to enter) the host, by the roles as they are now. Negative with a line for the
 * person, also when it is gone (NULL). */
int resolve_may_see(struct replica *replica, const struct subject *who,
    const struct replica_host *host, struct err *e);

#endif
