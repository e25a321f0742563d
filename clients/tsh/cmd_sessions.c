/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh sessions: those that run now; tsh play --follow watches one.
 */
#include "tsh/tsh.h"
#include "view/sessions.h"

static int
cmd_ls_sessions(int argc, char **argv)
{
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	struct err e;
	int rc = 0;

	(void)argc;
	(void)argv;
	if (!p)
		return 1;
	if (client_open(&c, p, &e) < 0 || sessions_show(c, &sessions_query, &e) < 0)
		rc = tsh_call_failed(p, c, &e);
	client_free(c);
	profile_free(p);
	return rc;
}

const struct cli_command cmd_sessions_sub[] = {
	{ .name = "ls",
	    .summary = "list the sessions that run now",
	    .options = sessions_options,
	    .run = cmd_ls_sessions },
	{ 0 },
};
