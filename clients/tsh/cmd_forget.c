/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh forget: a node's name may be another machine's from now on. For nodes that were set up anew.
 */
#include <stdio.h>

#include "cli/out.h"
#include "profile/known_nodes.h"
#include "tsh/tsh.h"

static int
forget(const struct profile *p, const char *name)
{
	struct err e;
	int rc = known_nodes_forget(p->cluster, name, &e);

	if (rc < 0)
		return cli_fail_err(&e);
	if (rc == KNOWN_NODES_NONE)
		return cli_fail("no node %s was reached from here", name);
	printf("The next machine that answers as %s is believed, if the cluster certifies it.\n",
	    name);
	return 0;
}

int
cmd_forget(int argc, char **argv)
{
	struct profile *p = NULL;
	struct err e;
	int rc = 0;

	/* Also one that has ended: what is forgotten is on this machine. */
	if (profile_load(&p, tsh_globals.proxy, tsh_globals.user, &e) < 0)
		return cli_fail_err(&e);
	for (int i = 0; i < argc; i++)
		rc |= forget(p, argv[i]);
	profile_free(p);
	return rc;
}
