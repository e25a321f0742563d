/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: one session channel: what the client asks for, the process the monitor starts for it,
 * the bytes between them.
 */
#ifndef NODE_CHANNEL_H
#define NODE_CHANNEL_H

#include "node/record.h"
#include "node/serve.h"
#include "ssh/session.h"

enum channel_state {
	CHANNEL_OPEN,     /* nothing asked to run yet */
	CHANNEL_WAITING,  /* for the proof of the connection */
	CHANNEL_STARTING, /* the monitor was asked */
	CHANNEL_RUNNING,  /* until all output is sent; `exited` may be true before */
	CHANNEL_OVER,     /* session.end is written */
};

/* What the client set before it asked for a program; freed when that runs. */
struct channel_setup {
	bool has_pty;
	struct ssh_pty pty;
	struct buf env; /* string name, string value, ... */
	uint32_t n_env;
};

/* Bytes from the process that are on their way to the client. */
struct channel_stream {
	struct channel *channel;
	struct watch watch;
	int fd;
	uint32_t ext;
	enum frame_type frame;
	bool wide;       /* the pipe was made wider */
	struct buf rest; /* recorded, but not yet taken by the SSH channel */
};

struct channel {
	struct list link;      /* of its connection */
	struct list node_link; /* of the node, while there is a session */
	struct conn *conn;
	struct ssh_chan *chan; /* NULL: closed */
	enum channel_state state;
	struct channel_setup *setup;
	char uuid[MON_UUID_SIZE];
	uint32_t session; /* the monitor's number */
	uint8_t kind;     /* enum mon_kind */
	char *command;    /* "" for a shell */
	bool has_pty;
	uint32_t cols, rows;
	bool counted;         /* among the node's sessions */
	bool session_written; /* session.start is */
	struct channel_stream out, err;
	struct watch in_watch; /* standard input, without a terminal */
	int in_fd;             /* same as out.fd with a terminal */
	bool in_wide;
	bool in_blocked; /* the process does not take more now */
	bool in_ended;   /* the client sends no more, before the process was there */
	bool exited, signaled, core;
	uint32_t code;
	int64_t started_us;  /* wall clock */
	uint64_t rx, tx;     /* bytes from and to the client */
	const char *refusal; /* to be told at the end of the turn; NULL: none */
	const char *end_reason;
	char reason_text[256];
	struct timer linger;
	struct record record;
};

void channel_accept(struct conn *c, struct ssh_chan *chan);
/* The monitor believes the connection: start what was asked for. */
void channel_proven(struct channel *ch);
/* The connection is gone under it. */
void channel_lost(struct channel *ch);
/* Kills its processes and closes it. */
void channel_kill(struct channel *ch, const char *why);
/* What is left of sessions when the worker ends. */
void channel_free_all(struct node *n);
/* The monitor's news. */
void channel_exited(struct node *n, const struct mon_exited *exited);

#endif
