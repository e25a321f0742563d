/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: one SSH connection of a client, inside a channel of the tunnel or on a socket: who it is,
 * and its end.
 */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

#include "node/authorize.h"
#include "node/node.h"
#include "ssh/loop.h"

enum conn_proof {
	PROOF_NONE,  /* nobody signed in yet */
	PROOF_ASKED, /* the monitor is checking */
	PROOF_GOOD,
	PROOF_REFUSED,
};

/* The host key and certificate connections answer with; counted, since a renewal replaces it under
 * them. The private half is the monitor's, who signs. */
struct host {
	unsigned refs;
	struct sshkey *key;
	struct buf cert;
};

/* Where a client is, as far as the other side of the tunnel says. */
struct conn_address {
	char client[MON_ADDRESS_MAX], server[MON_ADDRESS_MAX];
	uint32_t client_port, server_port;
	char connection[MON_UUID_SIZE]; /* the proxy's UUID for it; "": one is made here */
	char user
	    [AUTHORIZE_NAME_MAX]; /* whom the proxy says it is for: who pays until he signs in; "": nobody said */
};

struct conn {
	struct list link;
	struct review_item review; /* node.review */
	struct node *node;
	unsigned refs;             /* the link and every channel with a session */
	uint32_t id;               /* the monitor's number */
	struct ssh_link *ssh_link; /* NULL: the connection is over */
	struct host *host;
	struct ssh_identity identity;
	struct conn_address address;
	char uuid[MON_UUID_SIZE]; /* in every event of it */
	char login[AUTHORIZE_NAME_MAX];
	struct authorized access;
	struct ssh_allowance *allowance; /* of its user, from the sign-in on */
	enum conn_proof proof;
	bool known;                        /* the monitor has heard of it, and is to forget it */
	struct buf certificate;            /* that signed in, for conn_may */
	struct buf signed_data, signature; /* what proves it, until it is written down */
	bool signed_in;
	bool no_more_sessions; /* its user promised: what would still ask for one is not he */
	bool cut;              /* is being ended: nothing starts any more */
	bool denial_written;
	char last_denial[256]; /* of a key that was no certificate of ours */
	struct list channels;  /* struct channel, channel.h */
};

/* Before the first connection. Roles, cut-offs or labels have changed: review_again(&n->review)
 * decides every connection and every channel in it again; what may no longer be is ended, with a
 * line to its user that says why. */
int serve_init(struct node *n); /* negative without memory */
void serve_done(struct node *n);

/* key: its public half, which is copied as cert is. */
int host_new(struct host **ret, const struct sshkey *key, struct span cert, struct err *e);
void host_unref(struct host *h);

/* Serves a channel that a peer opened, or a socket (which is taken over). Negative: refused; a
 * socket stays the caller's. first: what the client sent before, at most SSH_FIRST_MAX. */
int serve_chan(struct node *n, struct host *host, struct ssh_chan *outer,
    const struct conn_address *address, struct span first);
int serve_fd(struct node *n, struct host *host, int fd, const struct conn_address *address);
void conn_unref(struct conn *c);
/* Whether the user may still do what was allowed at sign-in: roles change and certificates end
 * while connections last. Negative with the cause. */
int conn_may(const struct conn *c, struct err *e);
void serve_cut_all(struct node *n, const char *why);

#endif
