/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen: TCP listeners on the loop.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/err.h"
#include "event/loop.h"
#include "net/addr.h"

struct listener;

/* fd is non-blocking, close-on-exec, TCP_NODELAY, with TCP keepalive; the callee owns it. */
typedef void listen_accept_fn(int fd, const struct addr *peer, void *arg);

/* A bound socket, which nobody can connect to yet: ports below 1024 need rights that a daemon
 * gives away before it has a loop. address: "HOST:PORT", "[V6]:PORT", ":PORT" or "*:PORT" (every
 * address, IPv4 and IPv6); HOST is an IP address or "localhost". Port 0 picks one. Negative with
 * e. */
int listen_bind(const char *address, struct err *e);
/* Listens and accepts from now on; owns fd unless negative. Out of file descriptors, it pauses
 * for 200 ms and says so. */
int listen_new(struct listener **ret, struct loop *loop, int fd, listen_accept_fn *accepted,
    void *arg, struct err *e);
void listen_free(struct listener *l); /* NULL is fine */
uint16_t listen_port(const struct listener *l);

/* What every TCP socket of ours gets: non-blocking, TCP_NODELAY, keepalive. */
void listen_tune(int fd);

#endif
