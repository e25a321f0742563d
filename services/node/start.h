/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: how noded's worker comes to be and ends; the hooks of main.c's table.
 */
#ifndef NODE_START_H
#define NODE_START_H

#include "daemon/daemon.h"

int node_confine(struct daemon_run *run, struct err *e);
int node_start(struct daemon_run *run, struct err *e);
void node_stop(struct daemon_run *run);
void node_done(struct daemon_run *run);

#endif
