/* SPDX-License-Identifier: Apache-2.0 */
/*
 * couple: joins a person's channel to a node: to a channel of the node's tunnel, or to a TCP
 * connection to a node that listens. What passes is an SSH connection between the two; proxyd
 * holds none of its keys.
 */
#ifndef PROXY_COUPLE_H
#define PROXY_COUPLE_H

#include "base/list.h"
#include "net/addr.h"
#include "proxy/record.h"
#include "proxy/resolve.h"
#include "proxy/tunnel.h"
#include "ssh/ssh.h"

struct couples {
	struct loop *loop;
	struct pool *pool; /* for the names of nodes that listen */
	const struct roster *roster;
	struct tunnels *tunnels;
	struct audit_log *audit;
	const char *cluster;
	int dial_timeout_ms;
	size_t count; /* of live ones */
};

/* Who asked. `open` holds the couples whose channel was not accepted yet. */
struct couple_owner {
	const struct visitor *visitor;
	const struct addr *peer;
	struct list open;
};

/* Answers a direct-tcpip open: accepts or refuses the channel, now or later. */
void couple_open(struct couples *cs, struct couple_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open);
/* The person's connection has ended: nothing may touch its channels any more. Before the owner is
 * freed. */
void couple_owner_gone(struct couple_owner *owner);

#endif
