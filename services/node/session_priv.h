/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_priv: what the files of the session know about each other (session.h lists them), and what
 * those who write a session down read.
 */
#ifndef NODE_SESSION_PRIV_H
#define NODE_SESSION_PRIV_H

#include "api/session_event.h"
#include "node/recording.h"
#include "node/serve.h"
#include "node/session.h"
#include "node/session_state.h"
#include "node/stream.h"
#include "session/file_observer.h"
#include "session/recorder.h"
#include "ssh/session.h"

enum { SESSION_ENV_MAX_BYTES = 8192 };

/* What the client set before it asked for a program; freed when that runs. */
struct session_setup {
	bool has_pty;
	struct ssh_pty pty;
	struct buf env; /* string name, string value, ... */
	uint32_t n_env;
};

struct session {
	struct channel base;
	struct list node_link;    /* of the node's sessions, once something was asked to run */
	enum session_state state; /* session_enter alone changes it */
	struct session_setup *setup;
	/* what was asked for */
	char uuid[MON_UUID_SIZE];
	uint32_t session; /* the monitor's number */
	uint8_t kind;     /* enum mon_kind */
	uint8_t transfer; /* enum mon_transfer: what of it is read along instead of recorded */
	char *command;    /* "" for a shell; NULL: nothing was asked for yet */
	bool has_pty;
	uint32_t cols, rows;
	bool counted; /* among the node's sessions */
	/* the process */
	struct stream out, err;
	struct watch in_watch; /* standard input, without a terminal */
	int in_fd;             /* same as out.fd with a terminal */
	bool in_wide;
	bool in_blocked;    /* the process does not take more now */
	size_t in_recorded; /* of what the client sent and the process did not take yet */
	bool in_held;       /* the observer of a transfer does not take more now */
	bool in_ended;      /* the client sends no more, before the process was there */
	bool no_reader;     /* the client reads no more */
	bool exited, signaled, core;
	uint32_t code;
	/* what is written down */
	struct recorder recorder;
	struct recording recording;
	struct file_observer *observer; /* of a transfer; NULL: it is recorded whole */
	bool waits;         /* its share of the spool is full: nothing of it is read */
	struct timer room;  /* looks whether there is some again, */
	unsigned looks;     /* so often in vain */
	bool declined;      /* a request was, and is written down */
	bool start_written; /* session.start is, so session.end will be */
	int64_t started_us; /* wall clock */
	uint64_t rx, tx;    /* bytes from and to the client */
	const char *end_reason;
	char reason_text[256]; /* of a refusal or an end, when it is no constant */
	struct timer idle;     /* of a terminal: idle.h */
	int64_t heard_ms;      /* when the client last sent something, by the loop's clock */
	bool idle_warned;      /* since then */
	struct timer timer;    /* REFUSED: the end of this turn; LINGERING, and DRAINING when we ended it: how long */
};

/* The one way from state to state; says so in the log. False: there is no such way, nothing was
 * changed, and that is a fault of ours. */
bool session_enter(struct session *s, enum session_state to);
/* What it is, for events; valid as long as the session. */
struct session_info session_info(const struct session *s);
enum session_kind session_kind_of(enum mon_kind kind);
void session_free(struct session *s);
void session_setup_free(struct session *s);
int session_may(const struct channel *ch, struct err *e);

/* session_end.c; after each of the first four the session may be gone. */
/* Looks whether it is over. */
void session_advance(struct session *s);
/* The client is gone. */
void session_hang_up(struct session *s);
/* Tells the client why it is not served, and ends it. */
void session_refuse(struct session *s, const char *why);
void session_on_timer(void *arg);
/* It can go on no longer, for a reason of ours; session_advance is to follow. */
void session_fail(struct session *s, const char *why);
/* It may no longer be: its process is killed, and its end comes by the usual way. */
void session_stop(struct session *s, const char *why);

/* A line to the client about it; not recorded: it is our word, not the session's. */
void session_tell(struct session *s, const char *what, const char *text);

/* session_request.c: CHANNEL_REQUEST. */
enum ssh_answer session_request(struct session *s, struct span name, struct span payload);

/* session_start.c: what was asked to run, when that may be. */
enum ssh_answer session_run(struct session *s, enum mon_kind kind, struct span command);
/* Nothing can be run for this request; written down once a session, so that nobody can fill the spool with it. */
enum ssh_answer
session_decline(struct session *s, enum mon_kind kind, struct span command, const char *why);
/* What waited for the proof begins. */
void session_start(struct session *s);
/* The terminal's size, as the client last said. */
void session_apply_size(const struct session *s);

#endif
