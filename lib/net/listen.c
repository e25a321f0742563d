/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen: see listen.h. Used by proxyd for its two public ports. Touches its
 * own socket only; nothing is read from a connection here, so that one peer
 * cannot hold up another's accept.
 */
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { ACCEPTS_PER_TURN = 64, BACKLOG = 1024, PAUSE_MS = 200, COMPLAIN_MS = 60 * 1000 };

struct listener {
	struct watch watch;
	struct timer pause;
	int fd;
	listen_accept_fn *accepted;
	void *arg;
	int64_t complained_ms;
};

void
listen_tune(int fd)
{
	int on = 1, idle_s = 60, interval_s = 20, tries = 4;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

/* Without descriptors accept fails at once and for ever: rest a moment instead of spinning. */
static void
listen_pause(struct listener *l, int error)
{
	int64_t now_ms = clock_mono_ms();

	watch_set(&l->watch, 0);
	timer_start(&l->pause, PAUSE_MS);
	if (l->complained_ms && now_ms - l->complained_ms < COMPLAIN_MS)
		return;
	l->complained_ms = now_ms;
	log_warn("cannot accept connections, raise LimitNOFILE", "cause", strerror(error), NULL);
}

static void
on_pause_over(void *arg)
{
	struct listener *l = arg;

	watch_set(&l->watch, WATCH_READ);
}

static bool
is_passing_error(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
	    error == ENETDOWN || error == EHOSTUNREACH || error == ENETUNREACH;
}

static void
on_acceptable(struct watch *w, int ready, void *arg)
{
	struct listener *l = arg;
	struct sockaddr_storage ss;

	(void)w, (void)ready;
	/* Bounded, so that a flood of new connections leaves the loop time for those that are there. */
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		socklen_t len = sizeof(ss);
		struct addr peer;
		int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && is_passing_error(errno))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				listen_pause(l, errno);
			return;
		}
		listen_tune(fd);
		addr_from_sockaddr(&peer, (const struct sockaddr *)&ss);
		l->accepted(fd, &peer, l->arg);
	}
}

/* As str_host_port, but port 0 is one: whichever is free. */
static bool
listen_split(const char *address, char *host, size_t size, uint16_t *port)
{
	char some[300];

	if (!str_ends(address, ":0"))
		return str_host_port(address, 0, host, size, port);
	if (!str_format(some, sizeof(some), "%s1", address) ||
	    !str_host_port(some, 0, host, size, port))
		return false;
	*port = 0;
	return true;
}

static int
listen_resolve(const char *address, struct addrinfo **ret, struct err *e)
{
	char host[256], service[8];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	const char *name = host;
	uint16_t port = 0;
	bool every = address[0] == ':' || str_starts(address, "*:");
	uint64_t number;

	if (every && str_u64(strchr(address, ':') + 1, 65535, &number))
		port = (uint16_t)number;
	else if (every || !listen_split(address, host, sizeof(host), &port))
		return err_set(e, "\"%s\" is not an address to listen on; write HOST:PORT or :PORT",
		    address);
	if (every) {
		name = NULL;
		hints.ai_family = AF_INET6;
	}
	(void)str_format(service, sizeof(service), "%u", (unsigned)port);
	int r = getaddrinfo(name, service, &hints, ret);
	if (r != 0 && every) { /* no IPv6 here */
		hints.ai_family = AF_INET;
		r = getaddrinfo(name, service, &hints, ret);
	}
	if (r != 0)
		return err_set(e, "cannot listen on \"%s\": %s", address, gai_strerror(r));
	return 0;
}

static int
listen_socket(const struct addrinfo *ai)
{
	int on = 1, off = 0;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		/* IPv4 comes to the same socket as mapped addresses; addr_from_sockaddr makes plain IPv4 of
		 * them again. */
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The wildcard falls back to IPv4 where IPv6 is switched off. */
int
listen_bind(const char *address, struct err *e)
{
	struct addrinfo *ai = NULL;
	char any4[16];
	int fd;

	if (listen_resolve(address, &ai, e) < 0)
		return -1;
	fd = listen_socket(ai);
	freeaddrinfo(ai);
	if (fd < 0 && errno == EAFNOSUPPORT && (address[0] == ':' || address[0] == '*') &&
	    str_format(any4, sizeof(any4), "0.0.0.0%s", strchr(address, ':')))
		return listen_bind(any4, e);
	if (fd < 0)
		return err_errno(e, "cannot listen on %s", address);
	return fd;
}

static void
listen_release(struct listener *l)
{
	if (l->watch.ev)
		watch_done(&l->watch);
	timer_done(&l->pause);
	free(l);
}

int
listen_new(struct listener **ret, struct loop *loop, int fd, listen_accept_fn *accepted, void *arg,
    struct err *e)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return err_memory(e);
	l->fd = fd;
	l->accepted = accepted;
	l->arg = arg;
	if (timer_init(&l->pause, loop, on_pause_over, l) < 0 ||
	    watch_init(&l->watch, loop, fd, on_acceptable, l) < 0)
		(void)err_memory(e);
	else if (listen(fd, BACKLOG) < 0)
		(void)err_errno(e, "cannot listen");
	else {
		watch_set(&l->watch, WATCH_READ);
		*ret = l;
		return 0;
	}
	listen_release(l);
	return -1;
}

void
listen_free(struct listener *l)
{
	if (!l)
		return;
	int fd = l->fd;

	listen_release(l);
	close(fd);
}

uint16_t
listen_port(const struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = { .port = 0 };

	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&a, (const struct sockaddr *)&ss);
	return a.port;
}
