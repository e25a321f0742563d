/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve: which node a person means. Pure.
 */
#ifndef PROXY_RESOLVE_H
#define PROXY_RESOLVE_H

#include "base/err.h"
#include "proxy/principal.h"

enum resolve_e {
	RESOLVE_E_UNKNOWN = 1,   /* no node of that name that this person may see */
	RESOLVE_E_AMBIGUOUS = 2, /* several */
	RESOLVE_E_OFFLINE = 3,   /* the node is known but not reachable now */
	RESOLVE_E_PORT = 4,      /* not the SSH port */
};

struct resolve_query {
	const struct roster *roster;
	const struct principal *principal;
	const char *cluster;
	/* True when the node keeps a tunnel to us now. */
	bool (*has_tunnel)(const char *uuid, void *arg);
	void *arg;
};

/* host: NAME, UUID, NAME.CLUSTER, UUID.CLUSTER, or the address of a node that listens; port as
 * asked. 0 with the node, which belongs to the roster, or a RESOLVE_E_* with a text for the
 * person. What the person may not see does not exist: the text is the same. */
int resolve(const struct roster_node **ret, const struct resolve_query *q, const char *host,
    uint32_t port, struct err *e);

#endif
