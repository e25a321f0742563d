/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: what one connection of a client carries, whatever its kind: a row of operations behind a
 * name of RFC 4254. Called by serve.c, which knows no kind; a new kind is a struct that begins with
 * struct channel, its operations, and one row in channel.c.
 */
#ifndef NODE_CHANNEL_H
#define NODE_CHANNEL_H

#include "base/err.h"
#include "base/list.h"
#include "ssh/ssh.h"

struct channel_ops;
struct conn;

enum { CHANNEL_TEXT_MAX = 512 };

/* The head of every kind. In its connection's list from its opening until the client or the
 * connection is gone; may live longer than that, and holds a reference to the connection. */
struct channel {
	struct list link;
	struct conn *conn;
	struct ssh_chan *chan; /* NULL: closed */
	const struct channel_ops *ops;
};

/* None of them frees the connection; each may free its channel. */
struct channel_ops {
	/* CHANNEL_OPEN: accept it (adding a struct channel to the connection) or refuse it. */
	void (*open)(struct conn *c, struct ssh_chan *chan, const struct ssh_open *open);
	/* The monitor believes who the user is: what waited for that may begin. */
	void (*proven)(struct channel *ch);
	/* The connection is over under it: chan must not be touched any more. */
	void (*lost)(struct channel *ch);
	/* Ends what it does, for a reason that its user reads. */
	void (*kill)(struct channel *ch, const char *why);
	/* May it still be, by what its connection is allowed now? Negative with the cause. */
	int (*may)(const struct channel *ch, struct err *e);
	/* What it is, for the log. */
	void (*describe)(const struct channel *ch, char *dst, size_t size);
};

/* Answers a CHANNEL_OPEN of the client, by its type. */
void channel_open(struct conn *c, struct ssh_chan *chan, const struct ssh_open *open);

/* For all channels of a connection. */
void channel_all_proven(struct conn *c);
void channel_all_lost(struct conn *c);
void channel_all_kill(struct conn *c, const char *why);
/* Asks each whether it still may be, and kills those that may not. */
void channel_all_redecide(struct conn *c);

#endif
