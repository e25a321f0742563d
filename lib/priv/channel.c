/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: messages with file descriptors over a SEQPACKET pair; see channel.h.
 */
#include "priv/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { MESSAGES_PER_TURN = 32 };

int
channel_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
}

union control {
	struct cmsghdr header; /* for its alignment */
	char space[CMSG_SPACE(sizeof(int) * CHANNEL_MAX_FDS)];
};

static int
result(ssize_t n)
{
	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return CHANNEL_E_AGAIN;
	if (errno == EPIPE || errno == ECONNRESET)
		return CHANNEL_E_CLOSED;
	return -1;
}

int
channel_send(int fd, struct span message, const int *fds, size_t n_fds)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)message.p, message.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	/* An empty message could not be told from the end of the channel. */
	if (message.n == 0 || message.n > CHANNEL_MAX_BYTES || n_fds > CHANNEL_MAX_FDS) {
		errno = EMSGSIZE;
		return -1;
	}
	if (n_fds) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	do
		/* Without SIGPIPE: that the other process is gone is an answer, and not the end of this one. */
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return result(n);
}

/* The descriptors of a message; more than fit are closed by the kernel and show as MSG_CTRUNC. */
static void
take_fds(struct msghdr *msg, struct channel_message *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (ret->n_fds < CHANNEL_MAX_FDS)
				ret->fds[ret->n_fds++] = got;
			else
				close(got);
		}
	}
}

int
channel_recv(int fd, struct channel_message *ret)
{
	union control control;
	struct iovec iov = { ret->data, sizeof(ret->data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	ret->n = ret->n_fds = 0;
	do
		/* Close-on-exec from the first moment: a fork between receiving and fcntl would hand the
		 * descriptor to a shell. */
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return result(n);
	take_fds(&msg, ret);
	/* What was cut is not what was meant. Its descriptors were taken all the same, above, or they would
	 * stay open here for ever: the sender could fill our table with them. */
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		channel_message_done(ret);
		errno = EMSGSIZE;
		return -1;
	}
	if (n == 0) {
		channel_message_done(ret);
		return CHANNEL_E_CLOSED;
	}
	ret->n = (size_t)n;
	return 0;
}

void
channel_message_done(struct channel_message *m)
{
	for (size_t i = 0; i < m->n_fds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->n_fds = 0;
}

/* --- on the loop -------------------------------------------------------------------- */

/* A message that waits; its descriptors are duplicates. */
struct waiting {
	struct list link;
	int fds[CHANNEL_MAX_FDS];
	size_t n_fds;
	size_t n;
	uint8_t data[];
};

static void
waiting_free(struct channel *c, struct waiting *w)
{
	for (size_t i = 0; i < w->n_fds; i++)
		close(w->fds[i]);
	list_del(&w->link);
	c->queued--;
	free(w);
}

static void
close_channel(struct channel *c)
{
	if (c->dead)
		return;
	c->dead = true;
	watch_set(&c->watch, 0);
	if (c->on_closed)
		c->on_closed(c, c->arg); /* may call channel_done */
}

/* Sends what waits; false when the channel died (and c may be gone). */
static bool
flush(struct channel *c)
{
	while (!list_empty(&c->queue)) {
		struct waiting *w = list_first(struct waiting, &c->queue, link);
		int r = channel_send(c->fd, (struct span){ w->data, w->n }, w->fds, w->n_fds);

		if (r == CHANNEL_E_AGAIN)
			break;
		if (r != 0) {
			close_channel(c);
			return false;
		}
		waiting_free(c, w);
	}
	watch_set(&c->watch, WATCH_READ | (list_empty(&c->queue) ? 0 : WATCH_WRITE));
	return true;
}

/* The message is taken out of the channel meanwhile: channel_done from inside a
 * callback frees the channel, but not what the callback is reading. */
static void
receive(struct channel *c)
{
	struct channel_message *m = c->in;
	bool gone = false;
	int r = 0;

	c->in = NULL;
	c->gone = &gone;
	for (int i = 0; i < MESSAGES_PER_TURN && !gone; i++) {
		r = channel_recv(c->fd, m);
		if (r != 0)
			break;
		c->on_message(c, m, c->arg);
		channel_message_done(m);
		explicit_bzero(m->data, m->n); /* it may have held a password */
		if (!gone && c->dead)
			break;
	}
	if (gone) {
		free(m);
		return;
	}
	c->gone = NULL;
	c->in = m;
	if (r != 0 && r != CHANNEL_E_AGAIN)
		close_channel(c);
}

static void
on_ready(struct watch *w, int ready, void *arg)
{
	struct channel *c = arg;

	(void)w;
	if ((ready & WATCH_WRITE) && !flush(c))
		return;
	if (ready & WATCH_READ)
		receive(c);
}

int
channel_init(struct channel *c, struct loop *loop, int fd,
    void (*on_message)(struct channel *c, struct channel_message *m, void *arg),
    void (*on_closed)(struct channel *c, void *arg), void *arg)
{
	*c = (struct channel){ .loop = loop,
		.fd = fd,
		.on_message = on_message,
		.on_closed = on_closed,
		.arg = arg };
	list_init(&c->queue);
	c->in = malloc(sizeof(*c->in));
	if (!c->in || file_set_nonblock(fd) < 0 ||
	    watch_init(&c->watch, loop, fd, on_ready, c) < 0) {
		channel_done(c);
		return -1;
	}
	watch_set(&c->watch, WATCH_READ);
	return 0;
}

void
channel_done(struct channel *c)
{
	if (!c->loop)
		return;
	if (c->gone)
		*c->gone = true; /* receive() frees the message it is in */
	free(c->in);
	c->gone = NULL;
	c->in = NULL;
	while (!list_empty(&c->queue))
		waiting_free(c, list_first(struct waiting, &c->queue, link));
	watch_done(&c->watch);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->dead = true;
	c->loop = NULL;
}

static int
enqueue(struct channel *c, struct span message, const int *fds, size_t n_fds)
{
	struct waiting *w;

	/* The other process does not read: better an error here than memory without end. */
	if (c->queued >= CHANNEL_MAX_QUEUE)
		return -1;
	w = calloc(1, sizeof(*w) + message.n);
	if (!w)
		return -1;
	memcpy(w->data, message.p, message.n);
	w->n = message.n;
	list_add(&c->queue, &w->link);
	c->queued++;
	for (; w->n_fds < n_fds; w->n_fds++) {
		/* Duplicates, since the caller may close his as soon as this returns; from 3 on, so that none
		 * becomes standard input or output of a child by chance. */
		w->fds[w->n_fds] = fcntl(fds[w->n_fds], F_DUPFD_CLOEXEC, 3);
		if (w->fds[w->n_fds] < 0) {
			waiting_free(c, w);
			return -1;
		}
	}
	watch_set(&c->watch, WATCH_READ | WATCH_WRITE);
	return 0;
}

int
channel_put(struct channel *c, struct span message, const int *fds, size_t n_fds)
{
	int r;

	if (c->dead || message.n == 0 || message.n > CHANNEL_MAX_BYTES || n_fds > CHANNEL_MAX_FDS)
		return -1;
	if (!list_empty(&c->queue))
		return enqueue(c, message, fds, n_fds);
	r = channel_send(c->fd, message, fds, n_fds);
	if (r == CHANNEL_E_AGAIN)
		return enqueue(c, message, fds, n_fds);
	/* The end shows in the next turn as well: on_closed never runs inside channel_put. */
	return r == 0 ? 0 : -1;
}
