/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: the unprivileged half of noded, as hooks of the skeleton.
 */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "daemon/daemon.h"

int worker_confine(struct daemon_run *run, struct err *e);
int worker_start(struct daemon_run *run, struct err *e);
void worker_stop(struct daemon_run *run);
void worker_done(struct daemon_run *run);

#endif
