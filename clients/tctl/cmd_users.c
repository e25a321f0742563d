/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl users: add, ls, update, reset, rm.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
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
add(int argc, char **argv)
{
	Auth__AddUserRequest q = AUTH__ADD_USER_REQUEST__INIT;
	_cleanup_free_ char *roles_copy = NULL, *logins_copy = NULL;
	char *roles[TCTL_LABELS_MAX], *logins[TCTL_LABELS_MAX];
	Auth__InviteLink *link = NULL;
	struct client *c;
	struct err e;
	int rc;

	(void)argc;
	if (!opt.roles)
		return cli_fail("--roles is required, for example --roles=access");
	if (!(c = tctl_client()))
		return 1;
	q.name = argv[0];
	q.n_roles = tctl_list(opt.roles, &roles_copy, roles, TCTL_LABELS_MAX);
	q.roles = (const char **)roles;
	q.n_logins = tctl_list(opt.logins, &logins_copy, logins, TCTL_LABELS_MAX);
	q.logins = (const char **)logins;
	q.ttl_s = opt.ttl_s;
	rc = auth_sync_add_user(c, &q, &link, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		print_link(link, "has been created but needs a password");
	client_free_reply(link);
	client_free(c);
	return rc;
}

static int
update(int argc, char **argv)
{
	Auth__UpdateUserRequest q = AUTH__UPDATE_USER_REQUEST__INIT;
	_cleanup_free_ char *roles_copy = NULL, *logins_copy = NULL;
	char *roles[TCTL_LABELS_MAX], *logins[TCTL_LABELS_MAX];
	struct client *c = tctl_client();
	struct err e;
	int rc;

	(void)argc;
	if (!c)
		return 1;
	q.name = argv[0];
	q.set_roles = opt.roles != NULL;
	q.n_roles = tctl_list(opt.roles, &roles_copy, roles, TCTL_LABELS_MAX);
	q.roles = (const char **)roles;
	q.set_logins = opt.logins != NULL;
	q.n_logins = tctl_list(opt.logins, &logins_copy, logins, TCTL_LABELS_MAX);
	q.logins = (const char **)logins;
	q.unlock = opt.unlock;
	rc = auth_sync_update_user(c, &q, NULL, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		printf("User \"%s\" has been updated\n", argv[0]);
	client_free(c);
	return rc;
}

static int
reset(int argc, char **argv)
{
	Auth__ResetUserRequest q = AUTH__RESET_USER_REQUEST__INIT;
	Auth__InviteLink *link = NULL;
	struct client *c = tctl_client();
	struct err e;
	int rc;

	(void)argc;
	if (!c)
		return 1;
	q.name = argv[0];
	q.ttl_s = opt.ttl_s;
	rc = auth_sync_reset_user(c, &q, &link, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		print_link(link, "has been reset");
	client_free_reply(link);
	client_free(c);
	return rc;
}

static json_t *
strings(char *const *items, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(items[i]));
	return a;
}

static json_t *
user_value(const Auth__User *u)
{
	char when[40];

	clock_rfc3339(u->created, when, sizeof when);
	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:b}", "name", u->name, "roles",
	    strings((char *const *)u->roles, u->n_roles), "logins",
	    strings((char *const *)u->logins, u->n_logins), "created", when, "locked", u->locked,
	    "confirmed", u->confirmed);
}

static void
print_users(const Auth__UserList *list)
{
	struct cli_table *t = cli_table_new("User", "Roles", NULL);

	for (size_t i = 0; i < list->n_users; i++) {
		struct buf b;

		buf_init(&b, 4096);
		for (size_t k = 0; k < list->users[i]->n_roles; k++)
			buf_printf(&b, "%s%s", k ? "," : "", list->users[i]->roles[k]);
		buf_put(&b, "", 1);
		cli_table_add(t, list->users[i]->name, buf_ok(&b) ? (char *)buf_head(&b) : "",
		    NULL);
		buf_done(&b);
	}
	cli_table_print(t, stdout);
	cli_table_free(t);
}

static int
ls(int argc, char **argv)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	Auth__UserList *list = NULL;
	struct client *c = tctl_client();
	json_t *all;
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (!c)
		return 1;
	rc = auth_sync_list_users(c, &q, &list, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0) {
		if (strcmp(opt.format, "text") == 0) {
			print_users(list);
		} else {
			all = json_array();
			for (size_t i = 0; i < list->n_users; i++)
				json_array_append_new(all, user_value(list->users[i]));
			tctl_print(all, opt.format);
		}
	}
	client_free_reply(list);
	client_free(c);
	return rc;
}

static int
rm(int argc, char **argv)
{
	_cleanup_free_ char *copy = NULL;
	char *names[TCTL_LABELS_MAX];
	size_t n = tctl_list(argv[0], &copy, names, TCTL_LABELS_MAX);
	int rc = 0;

	(void)argc;
	for (size_t i = 0; i < n; i++) {
		if (tctl_by_name(auth_sync_remove_user, names[i]) == 0)
			printf("User \"%s\" has been deleted\n", names[i]);
		else
			rc = 1;
	}
	return rc;
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
