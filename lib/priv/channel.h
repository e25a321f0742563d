/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: messages, with file descriptors, between two processes of one
 * daemon, over a SEQPACKET socket pair. A message arrives whole or not at
 * all; both sides bound it. What is inside is written and read with
 * base/wire.h.
 */
#ifndef PRIV_CHANNEL_H
#define PRIV_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "event/loop.h"

enum {
	CHANNEL_MAX_BYTES = 64 * 1024, /* a message */
	CHANNEL_MAX_FDS = 4,           /* in a message */
	CHANNEL_MAX_QUEUE = 1024,      /* messages that the other side has not taken */
};

enum {
	CHANNEL_E_AGAIN = 1, /* would block */
	CHANNEL_E_CLOSED,    /* the other side is gone */
};

struct channel_message {
	uint8_t data[CHANNEL_MAX_BYTES];
	size_t n;
	int fds[CHANNEL_MAX_FDS]; /* owned by the receiver, close-on-exec */
	size_t n_fds;
};

/* A pair of connected sockets, close-on-exec, blocking. 0 or -1 with errno. */
int channel_pair(int fd[2]);
/* One message now. fds stay the caller's. 0, CHANNEL_E_*, or -1 with errno. */
int channel_send(int fd, struct span message, const int *fds, size_t n_fds);
/* One message now; a message or fds over the bounds are an error (-1, EMSGSIZE) and the fds are closed. */
int channel_recv(int fd, struct channel_message *ret);
/* Closes the fds of a message that nobody took; taken ones are set to -1 by their new owner. */
void channel_message_done(struct channel_message *m);

/* --- on the loop -------------------------------------------------------------------- */

struct channel {
	struct loop *loop;
	int fd;
	struct watch watch;
	struct list queue;
	size_t queued;
	bool dead;
	bool *gone; /* set by channel_done for a callback up-stack */
	struct channel_message *in;
	/* message's fds that are not set to -1 are closed afterwards. */
	void (*on_message)(struct channel *c, struct channel_message *m, void *arg);
	/* Once: the other side is gone or broke the bounds. channel_done may be called from here. */
	void (*on_closed)(struct channel *c, void *arg);
	void *arg;
};

/* Takes fd over. */
int channel_init(struct channel *c, struct loop *loop, int fd,
    void (*on_message)(struct channel *c, struct channel_message *m, void *arg),
    void (*on_closed)(struct channel *c, void *arg), void *arg);
void channel_done(struct channel *c); /* also from a callback, and on a zeroed struct */
/* Sends now or when the other side takes it. The fds are duplicated: they stay the caller's. Negative: the queue is
 * full, the channel is closed, or the message is over the bounds. */
int channel_put(struct channel *c, struct span message, const int *fds, size_t n_fds);

#endif
