/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forkserver: the process that keepers are forked from. What every session needs is loaded there once (PAM's modules and
 * the libraries of name services are half of what a short session would cost), and its keepers share that memory. What a
 * keeper that was killed leaves behind comes to it and is killed (but for keepers of one that died before).
 *
 * Security: root, like the keepers, and holds nothing else: it is forked before the monitor reads the host key (one that is
 * started later drops it first), hears the monitor alone, over a socket that no keeper keeps, and calls no module's functions.
 */
#ifndef NODE_MONITOR_FORKSERVER_H
#define NODE_MONITOR_FORKSERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "node/monitor/keeper.h"

struct monitor;

struct forkserver {
	int fd;    /* -1: there is none */
	pid_t pid; /* 0: none */
};

/* Once there is a configuration and the worker's user is known. Negative with e. */
int forkserver_start(struct monitor *m, struct err *e);
/* Has a keeper forked that talks over k->report, with login, user, start, tty and the descriptors of k, which stay the
 * caller's; starts another server where the one before has died. Negative with e. What goes wrong later is the end of
 * file of the report. */
int forkserver_ask(struct monitor *m, const struct keeper *k, struct err *e);
/* False: pid is not it. Sessions that began go on. */
bool forkserver_reap(struct monitor *m, pid_t pid);
void forkserver_stop(struct monitor *m);

#endif
