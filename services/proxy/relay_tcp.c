/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_tcp: a person's channel joined to a TCP connection, for nodes that listen instead of
 * keeping a tunnel. See relay.h. Keeps no bytes either: the socket is read only as far as the
 * channel takes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/dial.h"
#include "proxy/relay_priv.h"

/* A fast node must not keep the loop to itself: after so much the others have their turn. */
enum { CHUNK = 32 * 1024, CHUNKS_PER_TURN = 8 };

static void
socket_close(struct relay *c)
{
	if (c->fd < 0)
		return;
	watch_done(&c->watch);
	close(c->fd);
	c->fd = -1;
}

/* The socket is of no more use: whatever came from it before still reaches the person. */
static void
socket_lost(struct relay *c)
{
	socket_close(c);
	if (c->user)
		ssh_chan_close(c->user);
	else
		relay_free(c);
}

static void
socket_want(struct relay *c, int bits, bool on)
{
	if (c->fd >= 0)
		watch_set(&c->watch, on ? c->watch.want | bits : c->watch.want & ~bits);
}

/* A node says itself where it listens. It must not make us a way to whatever else runs near the
 * proxy: nothing of the person's is passed on before the other side has spoken as SSH servers do,
 * and those speak first. */
static int
socket_greet(struct relay *c)
{
	char first[4];
	ssize_t n = recv(c->fd, first, sizeof(first), MSG_PEEK);
	int one = 1;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	/* Fewer than four bytes are not waited for: the low-water mark lets us be woken for fewer
	 * only at the end of the stream. */
	if (n < (ssize_t)sizeof(first) || memcmp(first, "SSH-", sizeof(first)) != 0) {
		log_warn("a node's address is not of an SSH server", "node", c->node_name, NULL);
		return -1;
	}
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
	/* An empty socket takes so little at once. */
	if (c->n_first && send(c->fd, c->first, c->n_first, MSG_NOSIGNAL) != (ssize_t)c->n_first)
		return -1;
	free(c->first);
	c->first = NULL;
	/* What the person has sent meanwhile waited in the channel. */
	c->fd_is_ssh = true;
	ssh_chan_resume(c->user);
	return 1;
}

/* 1: there may be more, 0: not now, negative: the socket is broken. Looks first and takes what
 * the channel took: only a write that came short makes the channel tell when there is room again.
 */
static int
socket_read(struct relay *c)
{
	static uint8_t chunk[CHUNK]; /* one loop, one thread: used only within this call */
	ssize_t n;
	size_t took;

	if (!c->fd_is_ssh)
		return socket_greet(c);
	n = recv(c->fd, chunk, CHUNK, MSG_PEEK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0) {
		c->fd_eof = true;
		socket_want(c, WATCH_READ, false);
		ssh_chan_eof(c->user);
		/* Both directions have ended: the relay has nothing left to carry. */
		return c->fd_shut ? -1 : 0;
	}
	took = ssh_chan_write(c->user, 0, chunk, (size_t)n);
	/* Drops from the socket what was passed on (tcp(7), MSG_TRUNC); the rest stays there, in
	 * the kernel's memory, and closes TCP's window. */
	if (took > 0 && recv(c->fd, NULL, took, MSG_TRUNC) != (ssize_t)took)
		return -1;
	if (took == (size_t)n)
		return 1;
	socket_want(c, WATCH_READ, false);
	return 0;
}

/* May free the relay: nothing of it is touched after socket_lost. */
static void
on_socket(struct watch *w, int ready, void *arg)
{
	struct relay *c = arg;
	int r = 1;

	(void)w;
	/* The channel is gone, and with it who could be told. */
	if (!c->user) {
		socket_lost(c);
		return;
	}
	if (ready & WATCH_WRITE) {
		socket_want(c, WATCH_WRITE, false);
		ssh_chan_resume(c->user);
	}
	for (int i = 0;
	     i < CHUNKS_PER_TURN && r > 0 && c->fd >= 0 && (ready & WATCH_READ) && !c->fd_eof; i++)
		r = socket_read(c);
	if (r < 0 && c->fd >= 0)
		socket_lost(c);
}

void
relay_tcp_cut(struct relay *c)
{
	socket_lost(c);
}

static size_t
on_user_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct relay *c = arg;
	ssize_t sent;

	(void)chan;
	if (ext != 0 || c->fd < 0)
		return n;
	if (!c->fd_is_ssh)
		return 0; /* kept in the channel until then */
	sent = send(c->fd, p, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return n; /* the reading side will see the error too */
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < n)
		socket_want(c, WATCH_WRITE, true);
	return (size_t)sent;
}

static void
on_user_writable(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (!c->fd_eof)
		socket_want(c, WATCH_READ, true);
}

static void
on_user_eof(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	/* The node may still answer; the socket is closed when it has finished too. */
	c->fd_shut = true;
	if (c->fd >= 0)
		(void)shutdown(c->fd, SHUT_WR);
	if (c->fd_eof)
		socket_lost(c);
}

static void
on_user_closed(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	c->user = NULL;
	socket_close(c);
	relay_free(c);
}

static const struct ssh_chan_events tcp_user_events = {
	.data = on_user_data,
	.writable = on_user_writable,
	.eof = on_user_eof,
	.closed = on_user_closed,
};

/* Owns fd. */
static void
on_dialled(int fd, const char *why, void *arg)
{
	struct relay *c = arg;
	char text[300];
	int greeting = 4;

	c->dial = NULL;
	if (fd < 0) {
		(void)str_format(text, sizeof(text), "node %s cannot be reached: %s", c->node_name,
		    why);
		relay_fail(c, RELAY_UNREACHABLE, text);
		return;
	}
	c->fd = fd;
	/* Not woken before there is enough to tell an SSH server by; see socket_greet. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &greeting, sizeof(greeting));
	if (watch_init(&c->watch, c->all->loop, fd, on_socket, c) < 0) {
		close(fd);
		c->fd = -1;
		relay_fail(c, RELAY_UNREACHABLE, "the proxy is out of memory, try again later");
		return;
	}
	relay_accept(c, &tcp_user_events);
	socket_want(c, WATCH_READ, true);
}

void
relay_tcp_open(struct relay *c, const char *address, struct span first)
{
	struct dial_config config = { .loop = c->all->loop,
		.pool = c->all->pool,
		.timeout_ms = c->all->dial_timeout_ms,
		.done = on_dialled,
		.arg = c };
	struct err e = { "the proxy is out of memory, try again later" };

	c->n_first = first.n;
	c->first = first.n ? malloc(first.n) : NULL;
	if (c->first)
		memcpy(c->first, first.p, first.n);
	if ((first.n && !c->first) || dial_new(&c->dial, &config, address, &e) < 0)
		relay_fail(c, RELAY_UNREACHABLE, e.text);
}
