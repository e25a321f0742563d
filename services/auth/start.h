/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: how authd comes to be and ends; the hooks of main.c's table.
 */
#ifndef AUTH_START_H
#define AUTH_START_H

#include "daemon/daemon.h"

int auth_prepare(struct daemon_run *run, struct err *e);
int auth_confine(struct daemon_run *run, struct err *e);
int auth_start(struct daemon_run *run, struct err *e);
void auth_stop(struct daemon_run *run);
void auth_done(struct daemon_run *run);

#endif
