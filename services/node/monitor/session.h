/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: one shell, command or subsystem of a user, as the monitor sees it: a keeper process and
 * its socket.
 *
 * The monitor opens the terminal or the pipes and has a keeper forked (forkserver.c); everything that may take long (PAM,
 * name services, the session's life) happens in that keeper (keeper.c), so that the monitor never waits.
 */
#ifndef NODE_MONITOR_SESSION_H
#define NODE_MONITOR_SESSION_H

#include "node/monitor/monitor.h"

struct session {
	struct list link;
	struct source report; /* our end of the pair with the keeper */
	struct monitor *monitor;
	uint32_t id;          /* the worker's number */
	bool exited;          /* the worker was told so */
	bool orphan;          /* its worker has died: nobody is told of it any more */
	uint32_t request;     /* to be answered when the keeper says that it runs; 0: answered */
	int fds[MON_FDS_MAX]; /* for the worker, until it got them; -1 */
	size_t n_fds;
};

/* Starts a session for a proven connection; answers later. Negative: refused at once, with e. */
int session_start(struct monitor *m, const struct connection *conn, uint32_t request,
    const struct mon_start *start, struct err *e);
struct session *session_find(struct monitor *m, uint32_t id);
void session_signal(struct session *s, int signo);
void session_kill(struct session *s);
void session_kill_all(struct monitor *m);
/* Forgets them all: their keepers see the end of their socket, and kill what they keep. */
void session_free_all(struct monitor *m);
/* The worker has died: its sessions are killed, and the numbers of the next worker do not mean
 * them. */
void session_orphan_all(struct monitor *m);

#endif
