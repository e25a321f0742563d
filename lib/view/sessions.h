/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sessions: those that run now, asked for and shown, for tsh and tctl: `sessions ls` of both is this.
 */
#ifndef VIEW_SESSIONS_H
#define VIEW_SESSIONS_H

#include "api/client.h"
#include "base/err.h"
#include "cli/cli.h"

struct sessions_query {
	const char *user, *node;
	const char *format;
};

/* The option rows of `sessions ls` that fill this query; static, one query a program. */
extern struct sessions_query sessions_query;
extern const struct cli_option sessions_options[];

/* Asks auditd and prints. */
int sessions_show(struct client *c, const struct sessions_query *q, struct err *e);

#endif
