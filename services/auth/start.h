/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: how authd comes to be and ends; the hooks of main.c's table.
 */
#ifndef AUTH_START_H
#define AUTH_START_H

#include <sys/types.h>

#include "daemon/daemon.h"

/* The folder, when it is not there, of the user that authd becomes ("": of whoever this is). */
int start_make_folder(const char *path, mode_t mode, const char *user, struct err *e);
int auth_prepare(struct daemon_run *run, struct err *e);
int auth_confine(struct daemon_run *run, struct err *e);
int auth_start(struct daemon_run *run, struct err *e);
void auth_stop(struct daemon_run *run);
void auth_done(struct daemon_run *run);

#endif
