/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl explain: may this user log in there, as whom, and by what. authd decides, with the policy that nodes decide with.
 */
#include "api/client.h"
#include "cli/out.h"
#include "tctl/tctl.h"

static struct {
	const char *login, *format;
} opt = { .format = "text" };

const struct cli_option cmd_explain_options[] = {
	{ 'l', "login", "LOGIN", "only this login (default: all that the user's roles name)",
	    CLI_STRING, &opt.login },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

static struct cli_table *
new_table(void)
{
	return cli_table_new("Login", "Allowed", "By", "Why", NULL);
}

static void
add_row(struct cli_table *t, const void *found, size_t i)
{
	const Auth__LoginDecision *d = ((const Auth__Explanation *)found)->logins[i];

	cli_table_add(t, d->login, d->allowed ? "yes" : "no", d->role, d->reason, NULL);
}

static json_t *
decision_value(const void *found, size_t i)
{
	const Auth__Explanation *x = found;
	const Auth__LoginDecision *d = x->logins[i];

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "user", x->user, "node",
	    x->node, "node_name", x->node_name, "login", d->login, "allowed", d->allowed, "role",
	    d->role, "rule", d->rule, "reason", d->reason);
}

static int
explain(struct client *c, void *arg, struct err *e)
{
	static const struct cli_listing listing = { new_table, add_row, decision_value, NULL };
	Auth__ExplainRequest q = AUTH__EXPLAIN_REQUEST__INIT;
	Auth__Explanation *x = NULL;
	char **argv = arg;

	q.user = argv[0];
	q.node = argv[1];
	q.login = opt.login ? opt.login : "";
	if (auth_sync_explain(c, &q, &x, e) < 0)
		return -1;
	cli_print_listing(&listing, x, x->n_logins, opt.format, stdout);
	client_free_reply(x);
	return 0;
}

int
cmd_explain(int argc, char **argv)
{
	(void)argc;
	return tctl_run(explain, argv);
}
