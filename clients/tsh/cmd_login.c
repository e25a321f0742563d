/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh login: chooses whose login is meant; the rest is login.c.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/out.h"
#include "tsh/login.h"
#include "tsh/show.h"
#include "tsh/tsh.h"

static struct {
	const char *ca_pin, *format, *auth, *browser;
	int64_t ttl_s;
	bool force;
} opt = { .format = "text" };

const struct cli_option cmd_login_options[] = {
	{ 0, "ca-pin", "sha256:HEX", "the cluster's CA pin, as tctl status prints it", CLI_STRING,
	    &opt.ca_pin, "SALLYPORT_CA_PIN" },
	{ 0, "ttl", "DURATION", "life of the certificates (default 12h)", CLI_DURATION,
	    &opt.ttl_s },
	{ 0, "auth", "password|browser",
	    "by password and one-time code, or in a browser (default: as the last login)",
	    CLI_CHOICE, &opt.auth, "SALLYPORT_AUTH" },
	{ 0, "browser", "PROGRAM",
	    "opens the browser; none: you open it (default xdg-open, where there is a screen)",
	    CLI_STRING, &opt.browser, "SALLYPORT_BROWSER" },
	{ 0, "force", NULL, "log in again although the login is still valid", CLI_FLAG,
	    &opt.force },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

static void
print(const struct profile *p)
{
	json_t *v;

	if (strcmp(opt.format, "text") == 0) {
		show_profile(stdout, p, true);
		return;
	}
	v = show_profile_value(p);
	cli_print_value(v, cli_format_from(opt.format), stdout);
	json_decref(v);
}

static bool
still_good(const struct profile *p)
{
	return !opt.force && !opt.ttl_s && !p->damaged && !p->withdrawn &&
	    /* A login that ends within the minute would end in the middle of what it is wanted
	     * for. */
	    p->valid_until_s > clock_wall_ms() / 1000 + 60 && !login_is_withdrawn(p);
}

/* Whose login, and where: what was said; else the current login's; at a proxy where only one is logged in, his; else
 * the name of the Unix user. */
struct meant {
	char proxy[PROFILE_PROXY_MAX];
	const char *user;
	const struct profile *old; /* NULL: not logged in yet */
};

static int
mean_proxy(struct meant *m, const struct profile_list *l, struct err *e)
{
	if (tsh_globals.proxy)
		return profile_proxy(tsh_globals.proxy, m->proxy, e);
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i]->current || l->n == 1)
			return profile_proxy(l->all[i]->proxy, m->proxy, e);
	return err_set(e, "no proxy given; run tsh login --proxy=HOST:PORT --user=NAME");
}

static void
mean_user(struct meant *m, const struct profile_list *l)
{
	const struct passwd *pw = getpwuid(getuid());
	const struct profile *only = NULL, *current = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i]->proxy, m->proxy) == 0) {
			only = l->all[i];
			current = only->current ? only : current;
			n++;
		}
	m->user = tsh_globals.user ? tsh_globals.user
	    : current              ? current->user
	    : n == 1               ? only->user
	    : pw                   ? pw->pw_name
				   : "";
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i]->proxy, m->proxy) == 0 &&
		    strcmp(l->all[i]->user, m->user) == 0)
			m->old = l->all[i];
}

static int
log_in(const struct meant *m)
{
	const struct login_wish wish = { .proxy = m->proxy,
		.user = m->user,
		.ca_pin = opt.ca_pin,
		.ttl_s = opt.ttl_s,
		.browser = opt.auth ? strcmp(opt.auth, "browser") == 0 : m->old && m->old->browser,
		.opener = opt.browser };
	struct profile *p = NULL;
	struct err e;
	int rc;

	if (m->old && still_good(m->old)) {
		/* It may have been another's turn. */
		if (profile_use(m->old, &e) < 0)
			return cli_fail_err(&e);
		print(m->old);
		return 0;
	}
	rc = login_run(&wish, &p, &e) < 0 || profile_use(p, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		print(p);
	profile_free(p);
	return rc;
}

int
cmd_login(int argc, char **argv)
{
	struct profile_list l;
	struct meant m = { .user = "" };
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (profile_list(&l, &e) < 0)
		return cli_fail_err(&e);
	if (mean_proxy(&m, &l, &e) < 0) {
		rc = cli_fail_err(&e);
	} else {
		mean_user(&m, &l);
		rc = log_in(&m);
	}
	profile_list_done(&l);
	return rc;
}
