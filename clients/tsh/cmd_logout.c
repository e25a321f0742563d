/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh logout: deletes keys and certificates of one login, or of all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsh/tsh.h"

const struct cli_option cmd_logout_options[] = {
	{ 0 },
};

static int
logout_one(const struct profile *p)
{
	struct err e;

	if (profile_remove(p, &e) < 0)
		return cli_fail_err(&e);
	printf("Logged out %s from %s.\n", p->user, p->proxy);
	return 0;
}

/* One that cannot be loaded is passed over: there is nothing in it that names its keys. */
static int
logout_all(void)
{
	char *names[PROFILE_LIST_MAX];
	struct err e;
	int n = profile_list(names, &e), rc = 0;

	if (n < 0)
		return cli_fail_err(&e);
	for (int i = 0; i < n; i++) {
		struct profile *p = NULL;

		if (profile_load(&p, names[i], &e) == 0)
			rc |= logout_one(p);
		profile_free(p);
		free(names[i]);
	}
	puts("All users logged out.");
	return rc;
}

int
cmd_logout(int argc, char **argv)
{
	struct profile *p = NULL;
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (!tsh_globals.proxy)
		return logout_all();
	if (profile_load(&p, tsh_globals.proxy, &e) < 0)
		return cli_fail_err(&e);
	if (tsh_globals.user && strcmp(tsh_globals.user, p->user) != 0)
		rc = cli_fail("user %s is not logged in to %s", tsh_globals.user, p->proxy);
	else
		rc = logout_one(p);
	profile_free(p);
	return rc;
}
