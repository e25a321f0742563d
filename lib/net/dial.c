/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial: see dial.h. A look-up that is on a thread cannot be stopped, so it lives in a struct of
 * its own (lookup) which outlives a cancelled dial.
 */
#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "net/addr.h"
#include "net/listen.h"

struct lookup {
	char host[256];
	char service[8];
	bool numeric;
	struct addrinfo *found;
	int result;         /* of getaddrinfo */
	struct dial *owner; /* NULL: nobody waits any more */
};

struct dial {
	struct dial_config config;
	struct lookup *lookup;  /* while it runs */
	struct addrinfo *found; /* all addresses ... */
	struct addrinfo *next;  /* ... and those not yet tried */
	struct timer timeout;
	struct deferred start;
	struct watch watch;
	int fd;
	struct err why;
};

static void dial_try_next(struct dial *d);

static void
dial_release(struct dial *d)
{
	if (d->watch.ev)
		watch_done(&d->watch);
	if (d->fd >= 0)
		close(d->fd);
	if (d->lookup)
		d->lookup->owner = NULL;
	if (d->start.queued)
		free(d->lookup); /* an address: no thread has it */
	if (d->found)
		freeaddrinfo(d->found);
	deferred_cancel(&d->start);
	timer_done(&d->timeout);
	free(d);
}

void
dial_cancel(struct dial *d)
{
	if (d)
		dial_release(d);
}

static void
dial_finish(struct dial *d, int fd)
{
	struct dial_config config = d->config;
	struct err why = d->why;

	dial_release(d);
	config.done(fd, why.text, config.arg);
}

static void
dial_connected(struct dial *d)
{
	int fd = d->fd;

	d->fd = -1;
	watch_done(&d->watch);
	d->watch.ev = NULL;
	listen_tune(fd);
	dial_finish(d, fd);
}

static void
on_connect(struct watch *w, int ready, void *arg)
{
	struct dial *d = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)w, (void)ready;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0) {
		dial_connected(d);
		return;
	}
	(void)err_set(&d->why, "%s", strerror(error));
	watch_done(&d->watch);
	d->watch.ev = NULL;
	close(d->fd);
	d->fd = -1;
	dial_try_next(d);
}

/* True when a connection is on its way to this address. */
static bool
dial_try(struct dial *d, const struct addrinfo *ai)
{
	d->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd >= 0 &&
	    (connect(d->fd, ai->ai_addr, ai->ai_addrlen) == 0 || errno == EINPROGRESS) &&
	    watch_init(&d->watch, d->config.loop, d->fd, on_connect, d) == 0) {
		watch_set(&d->watch, WATCH_WRITE);
		return true;
	}
	(void)err_set(&d->why, "%s", strerror(errno));
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	return false;
}

static void
dial_try_next(struct dial *d)
{
	while (d->next) {
		const struct addrinfo *ai = d->next;

		d->next = ai->ai_next;
		if (dial_try(d, ai))
			return;
	}
	dial_finish(d, -1);
}

static void
lookup_work(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (l->numeric ? AI_NUMERICHOST : AI_ADDRCONFIG) };

	l->result = getaddrinfo(l->host, l->service, &hints, &l->found);
}

static void
lookup_done(void *arg, bool ran)
{
	struct lookup *l = arg;
	struct dial *d = l->owner;

	if (d) {
		d->lookup = NULL;
		d->found = d->next = l->found;
		l->found = NULL;
		if (!ran)
			(void)err_set(&d->why, "the look-up of %s was dropped", l->host);
		else if (l->result != 0)
			(void)err_set(&d->why, "cannot resolve %s: %s", l->host,
			    gai_strerror(l->result));
	}
	if (l->found)
		freeaddrinfo(l->found);
	free(l);
	if (d)
		dial_try_next(d);
}

/* An address needs no thread. */
static void
on_start(void *arg)
{
	struct dial *d = arg;

	lookup_work(d->lookup);
	lookup_done(d->lookup, true);
}

static void
on_timeout(void *arg)
{
	struct dial *d = arg;

	(void)err_set(&d->why, "no answer in %d s", (d->config.timeout_ms + 999) / 1000);
	dial_finish(d, -1);
}

static int
dial_begin(struct dial *d, struct err *e)
{
	if (timer_init(&d->timeout, d->config.loop, on_timeout, d) < 0)
		return err_memory(e);
	if (d->lookup->numeric)
		loop_defer(d->config.loop, &d->start);
	else if (!d->config.pool ||
	    pool_submit(d->config.pool, lookup_work, lookup_done, d->lookup) < 0)
		return err_set(e, "too many names are being resolved, try again");
	timer_start(&d->timeout, d->config.timeout_ms);
	return 0;
}

int
dial_new(struct dial **ret, const struct dial_config *config, const char *address, struct err *e)
{
	struct dial *d = calloc(1, sizeof(*d));
	uint16_t port = 0;

	if (!d || !(d->lookup = calloc(1, sizeof(*d->lookup)))) {
		free(d);
		return err_memory(e);
	}
	d->config = *config;
	d->fd = -1;
	d->lookup->owner = d;
	deferred_init(&d->start, on_start, d);
	if (!str_host_port(address, 0, d->lookup->host, sizeof(d->lookup->host), &port) ||
	    port == 0) {
		(void)err_set(e, "\"%s\" is not HOST:PORT", address);
	} else {
		(void)str_format(d->lookup->service, sizeof(d->lookup->service), "%u",
		    (unsigned)port);
		d->lookup->numeric = addr_is_ip(d->lookup->host);
		if (dial_begin(d, e) == 0) {
			*ret = d;
			return 0;
		}
	}
	free(d->lookup);
	d->lookup = NULL;
	dial_release(d);
	return -1;
}
