/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh recordings: finds recorded sessions; tsh play shows one.
 */
#include "tsh/tsh.h"
#include "view/recordings.h"

static int
cmd_ls_recordings(int argc, char **argv)
{
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	struct err e;
	int rc = 0;

	(void)argc;
	(void)argv;
	if (!p)
		return 1;
	if (client_open(&c, p, &e) < 0 || recordings_show(c, &recordings_query, &e) < 0)
		rc = tsh_call_failed(p, c, &e);
	client_free(c);
	profile_free(p);
	return rc;
}

const struct cli_command cmd_recordings_sub[] = {
	{ .name = "ls",
	    .summary = "list recorded sessions",
	    .options = recordings_options,
	    .run = cmd_ls_recordings },
	{ 0 },
};
