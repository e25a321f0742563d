/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: how proxyd comes to be and ends; the hooks of main.c's table.
 */
#ifndef PROXY_START_H
#define PROXY_START_H

#include "daemon/daemon.h"

int proxy_prepare(struct daemon_run *run, struct err *e);
int proxy_confine(struct daemon_run *run, struct err *e);
int proxy_start(struct daemon_run *run, struct err *e);
void proxy_stop(struct daemon_run *run);
void proxy_done(struct daemon_run *run);

#endif
