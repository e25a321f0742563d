/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: as whom and with what the worker runs, and the folders it finds.
 */
#ifndef NODE_MONITOR_SPAWN_H
#define NODE_MONITOR_SPAWN_H

#include "node/monitor/monitor.h"

/* Finds the worker's user, makes the state folders, finds the cgroup for sessions. */
int spawn_prepare(struct monitor *m, struct err *e);
/* Starts a worker: its pid, and our end of the socket. Negative with e. */
pid_t spawn_worker(struct monitor *m, int *ret_fd, struct err *e);

#endif
