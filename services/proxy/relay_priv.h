/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_priv: what relay.c (tunnels), relay_tcp.c (nodes that listen) and relay_wait.c (nodes that are not known yet) share.
 */
#ifndef PROXY_RELAY_PRIV_H
#define PROXY_RELAY_PRIV_H

#include "crypto/rand.h"
#include "proxy/relay.h"
#include "ssh/session.h"

struct relay {
	struct list link; /* in relay_owner.relays until that is gone */
	struct relays *all;
	struct ssh_chan *user; /* NULL: gone */
	struct ssh_chan *node; /* NULL: gone, or it is a socket */
	bool accepted;
	bool cutting; /* relay_cut is at work: it frees */
	/* relay_tcp.c */
	struct dial *dial;
	struct watch watch;
	int fd; /* -1: none */
	bool fd_eof, fd_shut;
	bool fd_is_ssh; /* it began with "SSH-" */
	uint8_t *first; /* what the person sent along with the opening, until then */
	size_t n_first;
	char uuid[RAND_UUID_SIZE]; /* of this connection, in the events of both ends */
	bool counted;
	bool young; /* counted in to_node */
	struct timer grown;
	/* for the record */
	char *user_name, *node_uuid, *node_name, *peer;
};

/* The relay is usable: accepts the person's channel with the events, and writes session.connect.
 */
void relay_accept(struct relay *c, const struct ssh_chan_events *events);
/* The node cannot be reached: refuses the channel, writes it down, frees. */
void relay_fail(struct relay *c, enum relay_outcome outcome, const char *why);
/* Frees the struct; both ends must be gone. */
void relay_free(struct relay *c);

struct resolve_query relay_query(struct relays *cs, const struct relay_owner *owner);
/* relay_open, of a node that is there, or is not waited for. */
void relay_now(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open);
/* True: the node may come yet; relay_now is called when it has, or has not. */
bool relay_waits(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open);
/* Whoever waits has gone. */
void relay_waits_end(struct relay_owner *owner);

/* Begins to connect to the address of a node that listens; afterwards c is relay_tcp.c's. first: what goes to it first. */
void relay_tcp_open(struct relay *c, const char *address, struct span first);
/* It was accepted and has to end. */
void relay_tcp_cut(struct relay *c);

#endif
