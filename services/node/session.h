/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: one session channel: what the client asks for, the process the monitor starts for it,
 * the bytes between them.
 */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "node/channel.h"
#include "session/recorder.h"
#include "node/serve.h"
#include "ssh/session.h"

enum session_state {
	SESSION_OPEN,     /* nothing asked to run yet */
	SESSION_WAITING,  /* for the proof of the connection */
	SESSION_STARTING, /* the monitor was asked */
	SESSION_RUNNING,  /* until all output is sent; `exited` may be true before */
	SESSION_OVER,     /* session.end is written */
};

/* What the client set before it asked for a program; freed when that runs. */
struct session_setup {
	bool has_pty;
	struct ssh_pty pty;
	struct buf env; /* string name, string value, ... */
	uint32_t n_env;
};

/* Bytes from the process that are on their way to the client. */
struct stream {
	struct session *session;
	struct watch watch;
	int fd;
	uint32_t ext;
	enum frame_type frame;
	bool wide;       /* the pipe was made wider */
	struct buf rest; /* recorded, but not yet taken by the SSH channel */
};

struct session {
	struct channel base;
	struct list node_link; /* of the node, once it was asked to run something */
	enum session_state state;
	struct session_setup *setup;
	char uuid[MON_UUID_SIZE];
	uint32_t session; /* the monitor's number */
	uint8_t kind;     /* enum mon_kind */
	char *command;    /* "" for a shell */
	bool has_pty;
	uint32_t cols, rows;
	bool counted;         /* among the node's sessions */
	bool session_written; /* session.start is */
	struct stream out, err;
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
	struct recorder recorder;
};

/* The row of sessions in channel.c. */
extern const struct channel_ops session_ops;

/* What is left of sessions when the worker ends: session.end is written now. */
void session_end_all(struct node *n);
/* The monitor's news: the process of a session has ended. */
void session_exited(struct node *n, const struct mon_exited *exited);

#endif
