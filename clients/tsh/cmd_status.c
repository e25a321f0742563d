/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh status: who is logged in where, and until when. Exit status 1 when nobody is, or the login that is meant has
 * expired or was withdrawn.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "tsh/show.h"
#include "tsh/tsh.h"

static const char *format = "text";

const struct cli_option cmd_status_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &format },
	{ 0 },
};

static bool
is_same(const struct profile *a, const struct profile *b)
{
	return strcmp(a->proxy, b->proxy) == 0 && strcmp(a->user, b->user) == 0;
}

/* The one that is meant first, then all others. active NULL: none is. */
static void
print_text(const struct profile *active, const struct profile_list *l)
{
	if (active)
		show_profile(stdout, active, true);
	for (size_t i = 0; i < l->n; i++)
		if (!active || !is_same(active, l->all[i]))
			show_profile(stdout, l->all[i], false);
}

static void
print_value(const struct profile *active, const struct profile_list *l)
{
	json_t *others = json_array();
	json_t *v = json_pack("{s:o, s:o}", "active",
	    active ? show_profile_value(active) : json_null(), "profiles", others);

	for (size_t i = 0; i < l->n; i++)
		if (!active || !is_same(active, l->all[i]))
			json_array_append_new(others, show_profile_value(l->all[i]));
	cli_print_value(v, cli_format_from(format), stdout);
	json_decref(v);
}

int
cmd_status(int argc, char **argv)
{
	struct profile *p = NULL;
	struct profile_list l;
	struct err e, why;
	int rc = 0;

	(void)argc;
	(void)argv;
	if (profile_list(&l, &e) < 0)
		return cli_fail_err(&e);
	if (profile_find(&p, tsh_globals.proxy, tsh_globals.user, &why) < 0 ||
	    profile_check(p, &why) < 0)
		rc = 1;
	/* Whoever asks for one that is not there gets no list of others in its place. */
	if (p || (!tsh_globals.proxy && !tsh_globals.user && l.n > 0)) {
		if (strcmp(format, "text") == 0)
			print_text(p, &l);
		else
			print_value(p, &l);
	}
	if (rc != 0)
		rc = cli_fail_err(&why);
	profile_list_done(&l);
	profile_free(p);
	return rc;
}
