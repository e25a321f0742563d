/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: how auditd comes to be and ends; the hooks of main.c's table.
 */
#ifndef AUDIT_START_H
#define AUDIT_START_H

#include "daemon/daemon.h"

int audit_confine(struct daemon_run *run, struct err *e);
int audit_start(struct daemon_run *run, struct err *e);
void audit_stop(struct daemon_run *run);
void audit_done(struct daemon_run *run);

#endif
