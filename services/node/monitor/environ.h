/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environ: the environment of a session, put together as sshd does.
 */
#ifndef NODE_MONITOR_ENVIRON_H
#define NODE_MONITOR_ENVIRON_H

#include "node/monitor/account.h"
#include "node/monitor/keeper.h"

/* A NULL-terminated vector of NAME=VALUE for execve, or NULL without memory. Never freed: exec
 * follows. */
char **environ_make(const struct keeper *k, const struct account *a);

#endif
