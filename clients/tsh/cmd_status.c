/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh status: who is logged in where, and until when. Exit status 1 when nobody is, or the login has expired.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/out.h"
#include "tsh/show.h"
#include "tsh/tsh.h"

static const char *format = "text";

const struct cli_option cmd_status_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &format },
	{ 0 },
};

/* The other profiles, after the active one. */
static void
others(const struct profile *active, json_t *values)
{
	char *names[PROFILE_LIST_MAX];
	int n = profile_list(names, NULL);

	for (int i = 0; i < n; i++) {
		struct profile *p = NULL;

		if (strcmp(names[i], active->name) != 0 && profile_load(&p, names[i], NULL) == 0) {
			if (values)
				json_array_append_new(values, show_profile_value(p));
			else
				show_profile(stdout, p, false);
		}
		profile_free(p);
		free(names[i]);
	}
}

int
cmd_status(int argc, char **argv)
{
	struct profile *p = NULL;
	struct err e;
	int rc = 0;

	(void)argc;
	(void)argv;
	if (profile_load(&p, tsh_globals.proxy, &e) < 0)
		return cli_fail_err(&e);
	if (strcmp(format, "text") == 0) {
		show_profile(stdout, p, true);
		others(p, NULL);
	} else {
		json_t *list = json_array();
		json_t *all = json_pack("{s:o, s:o}", "active", show_profile_value(p), "profiles",
		    list);

		others(p, list);
		cli_print_value(all, cli_format_from(format), stdout);
		json_decref(all);
	}
	if (p->valid_until_s <= clock_wall_ms() / 1000)
		rc = cli_fail("your login has expired; run tsh login --proxy=%s --user=%s",
		    p->proxy, p->user);
	profile_free(p);
	return rc;
}
