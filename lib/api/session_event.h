/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_event: the events of one session (session.start, session.end, exec, subsystem,
 * session.reject), filled from what a session is. For whoever serves sessions: a sink adds what
 * only that daemon knows, and writes.
 */
#ifndef API_SESSION_EVENT_H
#define API_SESSION_EVENT_H

#include "api/event.h"

/* Values of the node's files of running sessions too: they keep their numbers. */
enum session_kind { SESSION_SHELL = 0, SESSION_EXEC = 1, SESSION_SUBSYSTEM = 2 };

/* Texts are the caller's; "" or NULL: not known. */
struct session_info {
	const char *uuid;
	const char *connection; /* UUID of the client's connection */
	const char *user, *login;
	const char *remote_addr, *server_addr;
	enum session_kind kind;
	bool interactive;    /* with a terminal */
	const char *command; /* "" of a shell; the name of a subsystem */
	const char *term;    /* type of the terminal */
	struct span env;     /* variables asked for: NAME=value, a NUL between two */
	const char *client;  /* version string of the client's program */
	uint32_t cols, rows;
	int64_t started_us; /* since 1970 */
};

struct session_outcome {
	uint32_t status;    /* 255 when a signal ended it, or when nobody knows */
	const char *signal; /* its name, NULL: none */
	const char *why;    /* it was ended, for people; NULL: it ended by itself */
	bool unseen;        /* whoever served it has died: neither bytes nor status are known */
	uint64_t rx, tx;    /* bytes from and to the client */
};

/* Adds what it knows to the event, and writes it. 0: it is on disk. */
typedef int session_event_sink(struct audit_event *ev, void *arg);

/* Negative: it could not be written, so the session must not begin. */
int session_event_start(const struct session_info *s, session_event_sink *sink, void *arg);
/* Before it, of a command or subsystem, the event of that. Negative: session.end was not written. */
int session_event_end(const struct session_info *s, const struct session_outcome *outcome,
    session_event_sink *sink, void *arg);
/* What was asked for, of any bytes, is not run. */
int session_event_reject(const struct session_info *s, struct span command, const char *why,
    session_event_sink *sink, void *arg);

#endif
