/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: joins a person's channel to a node: to a channel of the node's tunnel, or to a TCP
 * connection to a node that listens. What passes is an SSH connection between the two; proxyd
 * holds none of its keys.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "base/list.h"
#include "net/addr.h"
#include "proxy/events.h"
#include "proxy/resolve.h"
#include "proxy/tunnel.h"
#include "ssh/ssh.h"

/* What came of wishes to reach a node, for those who watch (metrics.c). */
enum relay_outcome {
	RELAY_OK,
	RELAY_REFUSED,     /* no such node, or not for this user */
	RELAY_MANY,        /* he has too many */
	RELAY_UNREACHABLE, /* no tunnel any more, or it takes no more; the node does not answer */
	RELAY_OUTCOMES
};

struct relays {
	struct loop *loop;
	struct pool *pool; /* for the names of nodes that listen */
	struct replica *replica;
	struct tunnels *tunnels;
	struct audit_log *audit;
	const char *cluster;
	/* Relays of one user; of one user to one node, the young ones: a node ends who does not sign in within 20 s. */
	struct ceiling *of_user, *to_node;
	struct rate *failures; /* that are written down, by user */
	int dial_timeout_ms;
	size_t count; /* of live ones */
	uint64_t outcomes[RELAY_OUTCOMES];
};

/* Who asked, and what he has. */
struct relay_owner {
	const struct subject *who;
	const struct addr *peer;
	struct list relays;
	struct list waits; /* relay_wait.c */
	/* Asked again when a wait is over, for much may have happened meanwhile. False: he may open none, and the channel was
	 * refused. */
	bool (*may_open)(struct ssh_chan *chan, void *arg);
	void *arg;
};

/* Answers a direct-tcpip open: accepts or refuses the channel, now or later. */
void relay_open(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open);
/* Roles, labels or nodes have changed. True when some relay of his leads to a node that he may not
 * see any more; e has a line for him. */
bool relay_any_denied(const struct relays *cs, const struct relay_owner *owner, struct err *e);
/* Ends those, and writes it down. */
void relay_end_denied(struct relays *cs, struct relay_owner *owner);
/* The person's connection has ended: nothing may touch its channels any more. Before the owner is
 * freed. */
void relay_owner_gone(struct relay_owner *owner);

#endif
