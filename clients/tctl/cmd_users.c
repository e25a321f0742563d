/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl users: add, ls, update, reset, rm.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "tctl/tctl.h"

static struct {
	const char *roles, *logins, *format;
	int64_t ttl_s;
	bool unlock;
} opt = { .format = "text" };

static const struct cli_option add_options[] = {
	{ 0, "roles", "ROLE,...", "roles of the user (required)", CLI_STRING, &opt.roles },
	{ 0, "logins", "LOGIN,...", "Unix users he may log in as", CLI_STRING, &opt.logins },
	{ 0, "ttl", "DURATION", "life of the link (default 1h, at most 48h)", CLI_DURATION,
	    &opt.ttl_s },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};
static const struct cli_option update_options[] = {
	{ 0, "set-roles", "ROLE,...", "new roles", CLI_STRING, &opt.roles },
	{ 0, "set-logins", "LOGIN,...", "new logins", CLI_STRING, &opt.logins },
	{ 0, "unlock", NULL, "forget failed logins", CLI_FLAG, &opt.unlock },
	{ 0 },
};
static const struct cli_option reset_options[] = {
	{ 0, "ttl", "DURATION", "life of the link (default 8h, at most 24h)", CLI_DURATION,
	    &opt.ttl_s },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};
static const struct cli_option ls_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

/* The link is a secret, and is shown this once. */
static void
print_link(const Auth__InviteLink *link, const char *what)
{
	char span[48], when[40];
	json_t *v;

	clock_rfc3339(link->expires, when, sizeof when);
	if (strcmp(opt.format, "text") != 0) {
		v = json_pack("{s:s, s:s, s:s, s:s}", "user", link->user, "url", link->url, "token",
		    link->token, "expires", when);
		tctl_print(v, opt.format);
		return;
	}
	str_duration_text((link->expires - clock_wall_ms() + 999) / 1000, span, sizeof span);
	printf("User \"%s\" %s. The link below is valid for %s and works once:\n%s\n\n", link->user,
	    what, span, link->url);
	printf("NOTE: the browser must be able to reach the proxy at the address in the link.\n");
}

static int
add_user(struct client *c, void *arg, struct err *e)
{
	Auth__AddUserRequest q = AUTH__ADD_USER_REQUEST__INIT;
	struct tctl_words roles = { 0 }, logins = { 0 };
	Auth__InviteLink *link = NULL;
	int rc = -1;

	q.name = *(char **)arg;
	q.ttl_s = opt.ttl_s;
	if (tctl_words_split(&roles, opt.roles, e) == 0 &&
	    tctl_words_split(&logins, opt.logins, e) == 0) {
		q.n_roles = roles.n;
		q.roles = (const char **)roles.v;
		q.n_logins = logins.n;
		q.logins = (const char **)logins.v;
		rc = auth_sync_add_user(c, &q, &link, e);
	}
	if (rc == 0)
		print_link(link, "has been created but needs a password");
	client_free_reply(link);
	tctl_words_done(&roles);
	tctl_words_done(&logins);
	return rc;
}

/* Roles are asked for here and not left to authd: a user without any is never what was meant. */
static int
add(int argc, char **argv)
{
	(void)argc;
	if (!opt.roles)
		return cli_fail("--roles is required, for example --roles=access");
	return tctl_run(add_user, argv);
}

static int
update_user(struct client *c, void *arg, struct err *e)
{
	Auth__UpdateUserRequest q = AUTH__UPDATE_USER_REQUEST__INIT;
	struct tctl_words roles = { 0 }, logins = { 0 };
	int rc = -1;

	q.name = *(char **)arg;
	q.unlock = opt.unlock;
	if (tctl_words_split(&roles, opt.roles, e) == 0 &&
	    tctl_words_split(&logins, opt.logins, e) == 0) {
		/* An empty list and none are different wishes: what was not named stays. */
		q.set_roles = opt.roles != NULL;
		q.n_roles = roles.n;
		q.roles = (const char **)roles.v;
		q.set_logins = opt.logins != NULL;
		q.n_logins = logins.n;
		q.logins = (const char **)logins.v;
		rc = auth_sync_update_user(c, &q, NULL, e);
	}
	if (rc == 0)
		printf("User \"%s\" has been updated\n", q.name);
	tctl_words_done(&roles);
	tctl_words_done(&logins);
	return rc;
}

static int
update(int argc, char **argv)
{
	(void)argc;
	if (!opt.roles && !opt.logins && !opt.unlock)
		return cli_fail("say what to change: --set-roles, --set-logins or --unlock");
	return tctl_run(update_user, argv);
}

static int
reset_user(struct client *c, void *arg, struct err *e)
{
	Auth__ResetUserRequest q = AUTH__RESET_USER_REQUEST__INIT;
	Auth__InviteLink *link = NULL;

	q.name = *(char **)arg;
	q.ttl_s = opt.ttl_s;
	if (auth_sync_reset_user(c, &q, &link, e) < 0)
		return -1;
	print_link(link, "has been reset");
	client_free_reply(link);
	return 0;
}

static int
reset(int argc, char **argv)
{
	(void)argc;
	return tctl_run(reset_user, argv);
}

static json_t *
strings(char *const *items, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(items[i]));
	return a;
}

static struct cli_table *
users_table(void)
{
	return cli_table_new("User", "Roles", NULL);
}

static void
users_row(struct cli_table *t, const void *found, size_t i)
{
	const Auth__User *u = ((const Auth__UserList *)found)->users[i];
	struct buf b;

	buf_init(&b, 4096);
	for (size_t k = 0; k < u->n_roles; k++)
		buf_printf(&b, "%s%s", k ? "," : "", u->roles[k]);
	buf_put(&b, "", 1);
	cli_table_add(t, u->name, buf_ok(&b) ? (char *)buf_head(&b) : "", NULL);
	buf_done(&b);
}

static json_t *
users_value(const void *found, size_t i)
{
	const Auth__User *u = ((const Auth__UserList *)found)->users[i];
	char when[40];

	clock_rfc3339(u->created, when, sizeof when);
	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:b, s:o}", "name", u->name, "roles",
	    strings((char *const *)u->roles, u->n_roles), "logins",
	    strings((char *const *)u->logins, u->n_logins), "created", when, "locked", u->locked,
	    "confirmed", u->confirmed, "second_factors",
	    strings((char *const *)u->factors, u->n_factors));
}

static const struct cli_listing users = { users_table, users_row, users_value, NULL };

static int
list_users(struct client *c, void *arg, struct err *e)
{
	Auth__ListUsersRequest q = AUTH__LIST_USERS_REQUEST__INIT;
	Auth__UserList *list = NULL;

	(void)arg;
	if (auth_sync_list_users_all(c, &q, &list, e) < 0)
		return -1;
	cli_print_listing(&users, list, list->n_users, opt.format, stdout);
	client_free_reply(list);
	return 0;
}

static int
ls(int argc, char **argv)
{
	(void)argc;
	return tctl_run(list_users, argv);
}

static int
rm(int argc, char **argv)
{
	struct tctl_words names;
	struct err e;
	int failed = 0;
	int rc = tctl_words_split(&names, argv[0], &e) < 0 ? cli_fail_err(&e) : 0;

	(void)argc;
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		if (tctl_by_name(auth_sync_remove_user, names.v[i]) == 0)
			printf("User \"%s\" has been deleted\n", names.v[i]);
		else
			/* Each for itself: one that is not there must not keep the others. */
			failed = 1;
	}
	tctl_words_done(&names);
	return rc ? rc : failed;
}

const struct cli_command cmd_users_sub[] = {
	{ .name = "add",
	    .args = "NAME",
	    .summary = "add a user; prints a one-time link",
	    .options = add_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = add },
	{ .name = "ls", .summary = "list users", .options = ls_options, .run = ls },
	{ .name = "update",
	    .args = "NAME",
	    .summary = "change roles or logins",
	    .options = update_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = update },
	{ .name = "reset",
	    .args = "NAME",
	    .summary = "new password and second factor; prints a one-time link",
	    .options = reset_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = reset },
	{ .name = "rm",
	    .args = "NAME[,...]",
	    .summary = "delete users; their certificates are worthless at once",
	    .min_args = 1,
	    .max_args = 1,
	    .run = rm },
	{ 0 },
};
