/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program: what is executed for a session: the login's shell, or for a file transfer the configured
 * program without one. Called by keeper.c.
 */
#ifndef NODE_MONITOR_PROGRAM_H
#define NODE_MONITOR_PROGRAM_H

#include <stdnoreturn.h>

#include "node/monitor/account.h"
#include "node/monitor/keeper.h"

/* Before the session's process is made. Negative, with e for the user: this login has no transfers. */
int program_check(const struct keeper *k, const struct account *a, struct err *e);
/* In the session's process, as its user and at home; says on stderr why it cannot. */
noreturn void program_run(const struct keeper *k, const struct account *a, char **env);

#endif
