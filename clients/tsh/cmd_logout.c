/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh logout: deletes keys and certificates of one login, or, by --all, of all that fit --proxy and --user.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsh/tsh.h"

static bool all;

const struct cli_option cmd_logout_options[] = {
	{ 0, "all", NULL, "every login (of --user, at --proxy, where given)", CLI_FLAG, &all },
	{ 0 },
};

static int
log_out(const struct profile *p)
{
	struct err e;

	if (profile_remove(p, &e) < 0)
		return cli_fail_err(&e);
	printf("Logged out %s from %s.\n", p->user, p->proxy);
	return 0;
}

/* Whoever logs out means to leave nothing behind: he is told what he did. */
static void
tell_others(void)
{
	struct profile_list l;

	if (profile_list(&l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++)
		printf("%s is still logged in to %s.\n", l.all[i]->user, l.all[i]->proxy);
	profile_list_done(&l);
}

static int
log_out_all(const char *proxy)
{
	struct profile_list l;
	struct err e;
	size_t n = 0;
	int rc = 0;

	if (profile_list(&l, &e) < 0)
		return cli_fail_err(&e);
	for (size_t i = 0; i < l.n; i++) {
		if ((proxy && strcmp(proxy, l.all[i]->proxy) != 0) ||
		    (tsh_globals.user && strcmp(tsh_globals.user, l.all[i]->user) != 0))
			continue;
		rc |= log_out(l.all[i]);
		n++;
	}
	profile_list_done(&l);
	if (n == 0)
		puts("Nobody was logged in.");
	else
		tell_others();
	return rc;
}

/* The login that --proxy and --user name, as for every other verb; a damaged one too. */
static int
log_out_one(void)
{
	struct profile *p = NULL;
	struct err e;
	int rc;

	if (profile_find(&p, tsh_globals.proxy, tsh_globals.user, &e) < 0)
		return cli_fail_err(&e);
	rc = log_out(p);
	profile_free(p);
	if (rc == 0)
		tell_others();
	return rc;
}

int
cmd_logout(int argc, char **argv)
{
	char proxy[PROFILE_PROXY_MAX];
	struct err e;

	(void)argc;
	(void)argv;
	if (!all)
		return log_out_one();
	if (tsh_globals.proxy && profile_proxy(tsh_globals.proxy, proxy, &e) < 0)
		return cli_fail_err(&e);
	return log_out_all(tsh_globals.proxy ? proxy : NULL);
}
