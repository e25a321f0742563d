/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper: the small process that stays beside one session: account, PAM, login records, the fork of
 * the user's process, its signals, its end.
 *
 * It talks with the monitor over one SEQPACKET socket. Its words (first byte): 'S' started; 'F' and
 * text: refused; 'X' and four bytes status of waitpid. The monitor's: 's' and a signal number; 'k'
 * kill all. End of file: kill all.
 */
#ifndef NODE_MONITOR_KEEPER_H
#define NODE_MONITOR_KEEPER_H

#include <stdnoreturn.h>

#include "node/conf.h"
#include "node/monitor_proto.h"

struct keeper {
	const struct conf *config;
	const struct mon_start *start;
	const char *login;
	const char *user; /* the person */
	bool root;
	uid_t worker_uid;
	int report;         /* socket to the monitor */
	int stdio[3];       /* the session's ends; all the same with a terminal */
	char tty[64];       /* "" without one */
	const char *cgroup; /* parent folder for the session's cgroup, or "" */
};

/* In the process that forkserver.c forked; never returns. Descriptors other than those named were not closed yet. */
noreturn void keeper_run(struct keeper *k);

#endif
