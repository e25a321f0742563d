/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_world: a ssh_server with its replica, and clients of it, all in one process over socket pairs.
 */
#ifndef TESTS_PROXY_WORLD_H
#define TESTS_PROXY_WORLD_H

#include "api/bundle.h"
#include "proxy/ssh_server.h"
#include "ssh/loop.h"

#define WORLD_NODE "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

/* One end of a channel: sends a known stream, checks the one that comes. */
struct side {
	struct ssh_chan *chan;
	uint64_t got, sent, to_send;
	bool paused;      /* takes nothing */
	bool close_after; /* once all is sent */
	bool corrupt, opened, refused, eof, closed;
	char why[256];
};

/* A client's connection to the ssh_server. */
struct conn_end {
	struct ssh_link *link;
	struct ssh_identity id;
	struct buf cert;
	struct sshkey *key;
	bool in, ended;
	char why[512];
	struct side *next; /* takes the next channel that the ssh_server opens */
	char first[64];    /* what came along with the opening of the last one */
};

struct world {
	struct loop *loop;
	struct replica *replica;
	struct tunnels *tunnels;
	struct relays relays;
	struct ssh_server *ssh_server;
	struct ceiling *all, *strangers, *passing, *people, *of_user, *to_node;
	struct rate *failures;
	struct sshkey *host_ca, *user_ca, *other_ca, *host_key;
	struct bundle ca;
};

/* What a certificate is to say; zeroes are good defaults for a user named alice. */
struct paper {
	const struct sshkey *ca; /* NULL: the user CA */
	uint32_t type;           /* 0: user */
	const char *key_id;      /* NULL: "alice" */
	const char *principal;   /* NULL: "root" */
	const char *extension;   /* one more */
	const char *web;         /* key of its web session */
	bool expired, plain;     /* plain: the key without its certificate */
};

void world_up(struct world *w);
void world_down(struct world *w);
/* Runs the loop until *done, at most 30 s. */
void world_until(struct world *w, const bool *done);
void world_turns(struct world *w, int n);

void conn_connect(struct world *w, struct conn_end *g, const struct paper *paper);
void conn_done(struct conn_end *g);
/* A node's tunnel that is up, and its node in the replica. */
void node_connect(struct world *w, struct conn_end *g);
/* A direct-tcpip channel. */
void side_open(struct conn_end *user, struct side *s, const char *host);
/* ... with these bytes behind what RFC 4254 has in it */
void side_open_with(struct conn_end *user, struct side *s, const char *host, struct span extra);
void side_push(struct side *s);
uint8_t side_byte(uint64_t at); /* of the stream that every side sends and expects */

#endif
