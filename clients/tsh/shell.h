/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell: one session on one node joined to our own standard input, output and error.
 */
#ifndef TSH_SHELL_H
#define TSH_SHELL_H

#include "session/remote.h"

struct shell_config {
	const char *node, *login;
	const char *command; /* NULL: a shell */
	bool tty;            /* ask for a terminal on the node */
	bool escapes;        /* ~. and friends */
	bool no_stdin;       /* -n */
	int timeout_ms;
};

/* Runs it to its end, turning the loop; returns the exit status for our own exit (the remote one; 128 + signal
 * number; 1 with *ret filled for people when it never ran or was lost). */
int shell_run(const struct remote_way *way, const struct shell_config *config,
    struct remote_result *ret);

#endif
