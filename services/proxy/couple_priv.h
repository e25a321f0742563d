/* SPDX-License-Identifier: Apache-2.0 */
/*
 * couple_priv: what couple.c (tunnels) and couple_tcp.c (nodes that listen) share.
 */
#ifndef PROXY_COUPLE_PRIV_H
#define PROXY_COUPLE_PRIV_H

#include "proxy/couple.h"

struct couple {
	struct list link; /* in couple_owner.open until accepted */
	struct couples *all;
	struct ssh_chan *user; /* NULL: gone */
	struct ssh_chan *node; /* NULL: gone, or it is a socket */
	bool accepted;
	/* couple_tcp.c */
	struct dial *dial;
	struct watch watch;
	int fd; /* -1: none */
	bool fd_eof, fd_shut;
	bool fd_is_ssh; /* it began with "SSH-" */
	/* for the record */
	char *user_name, *node_uuid, *node_name, *peer;
};

/* The couple is usable: accepts the person's channel with the events, and writes session.connect.
 */
void couple_accept(struct couple *c, const struct ssh_chan_events *events);
/* The node cannot be reached: refuses the channel, writes it down, frees. */
void couple_fail(struct couple *c, const char *why);
/* Frees the struct; both ends must be gone. */
void couple_free(struct couple *c);

/* Begins to connect to the address of a node that listens; afterwards c is couple_tcp.c's. */
void couple_tcp_open(struct couple *c, const char *address);

#endif
