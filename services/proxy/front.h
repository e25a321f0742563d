/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: the two listening ports. Finds out what a connection speaks and gives it to whoever
 * serves that: the SSH server, authd or auditd (TLS with their name, passed through unread), or
 * the web server (other TLS).
 */
#ifndef PROXY_FRONT_H
#define PROXY_FRONT_H

#include "http/server.h"
#include "net/addr.h"
#include "net/listen.h"
#include "proxy/ssh_server.h"

struct front;
struct origins;

struct front_config {
	struct loop *loop;
	struct pool *pool; /* for the names of authd and auditd */
	struct ssh_server *ssh_server;
	struct http_server *web;
	struct ceiling *strangers, *all;
	struct ceiling *passing; /* connections passed on that may be strangers' */
	const char *cluster;
	struct origins *origins;
	int public_fd;                        /* bound (net/listen.h) to the public port */
	int ssh_fd;                           /* ... to the SSH-only port; -1: none */
	const char *authd_addr, *auditd_addr; /* auditd_addr NULL: not served */
	const struct addr_net *balancers;     /* whose PROXY header is believed (and demanded) */
	size_t n_balancers;
};

/* Owns the two sockets in any case. */
int front_new(struct front **ret, const struct front_config *config, struct err *e);
/* Listens no more; what was accepted goes on. */
void front_close(struct front *f);
/* Ends all that it still has itself. */
void front_free(struct front *f);

#endif
