/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl get, create, rm: resources as files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/yaml.h"
#include "tctl/role.h"
#include "tctl/tctl.h"

enum { FILE_MAX = 1 << 20 };

static struct {
	const char *format;
	bool force;
} opt = { .format = "yaml" };

const struct cli_option cmd_get_options[] = {
	{ 0, "format", CLI_FORMATS, "output format (default yaml)", CLI_CHOICE, &opt.format },
	{ 0 },
};
const struct cli_option cmd_create_options[] = {
	{ 'f', "force", NULL, "replace what is there", CLI_FLAG, &opt.force },
	{ 0 },
};

/* "role/NAME" or "roles" taken apart: NULL for all, or -1 in *ok when it is no role. */
static const char *
role_name(const char *ref, bool *ok)
{
	*ok = !strcmp(ref, "role") || !strcmp(ref, "roles") || str_starts(ref, "role/") ||
	    str_starts(ref, "roles/");
	return *ok && strchr(ref, '/') ? strchr(ref, '/') + 1 : NULL;
}

static int
print_roles(const Auth__RoleList *list, const char *name)
{
	json_t *all = json_array();
	enum cli_format format = strcmp(opt.format, "json") == 0 ? CLI_JSON : CLI_YAML;
	int rc = 0;

	for (size_t i = 0; i < list->n_roles; i++)
		if (!name || strcmp(list->roles[i]->name, name) == 0)
			json_array_append_new(all, role_to_json(list->roles[i]));
	if (name && json_array_size(all) == 0)
		rc = cli_fail("role \"%s\" is not there; see tctl get roles", name);
	else if (format == CLI_JSON)
		cli_print_value(all, CLI_JSON, stdout);
	else
		for (size_t i = 0; i < json_array_size(all); i++) {
			if (i > 0)
				puts("---");
			cli_print_value(json_array_get(all, i), CLI_YAML, stdout);
		}
	json_decref(all);
	return rc;
}

int
cmd_get(int argc, char **argv)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	Auth__RoleList *list = NULL;
	struct client *c;
	const char *name;
	bool ok;
	struct err e;
	int rc;

	(void)argc;
	name = role_name(argv[0], &ok);
	if (!ok)
		return cli_fail("cannot get %s; only roles: tctl get roles, tctl get role/NAME",
		    argv[0]);
	if (!(c = tctl_client()))
		return 1;
	rc = auth_sync_list_roles(c, &q, &list, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		rc = print_roles(list, name);
	client_free_reply(list);
	client_free(c);
	return rc;
}

static int
read_input(const char *path, char **ret, size_t *ret_n, struct err *e)
{
	struct buf b;
	char chunk[4096];
	size_t n;

	if (strcmp(path, "-") != 0)
		return file_read(path, FILE_MAX, ret, ret_n, e);
	buf_init(&b, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		buf_put(&b, chunk, n);
	*ret_n = b.len;
	buf_put(&b, "", 1);
	*ret = buf_ok(&b) ? malloc(b.len) : NULL;
	if (*ret)
		memcpy(*ret, buf_head(&b), b.len);
	buf_done(&b);
	return *ret ? 0 : err_set(e, "standard input is larger than 1 MiB");
}

static int
create_one(struct client *c, const json_t *value)
{
	Auth__PutRoleRequest q = AUTH__PUT_ROLE_REQUEST__INIT;
	Auth__Role *role = NULL;
	struct err e;
	int rc;

	if (role_from_json(&role, value, &e) < 0)
		return cli_fail_err(&e);
	q.role = role;
	q.replace = opt.force;
	rc = auth_sync_put_role(c, &q, NULL, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		printf("role '%s' has been %s\n", role->name, opt.force ? "written" : "created");
	role_free(role);
	return rc;
}

int
cmd_create(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	json_t *value = NULL;
	struct client *c = NULL;
	struct err e;
	size_t n;
	int rc = 0;

	(void)argc;
	if (read_input(argv[0], &text, &n, &e) < 0 ||
	    yaml_to_json(argv[0], text, n, &value, &e) < 0)
		return cli_fail_err(&e);
	if (!(c = tctl_client()))
		rc = 1;
	else if (!json_is_array(value))
		rc = create_one(c, value);
	else
		for (size_t i = 0; i < json_array_size(value) && rc == 0; i++)
			rc = create_one(c, json_array_get(value, i));
	client_free(c);
	json_decref(value);
	return rc;
}

int
cmd_rm(int argc, char **argv)
{
	static const struct {
		const char *prefix, *kind;
		tctl_named_fn *remove;
	} rows[] = {
		{ "role/", "role", auth_sync_remove_role },
		{ "user/", "user", auth_sync_remove_user },
		{ "node/", "node", auth_sync_remove_node },
		{ "token/", "token", auth_sync_remove_token },
	};
	size_t i = 0;
	int rc;

	(void)argc;
	while (i < sizeof rows / sizeof *rows && !str_starts(argv[0], rows[i].prefix))
		i++;
	if (i == sizeof rows / sizeof *rows)
		return cli_fail(
		    "cannot delete %s; write role/NAME, user/NAME, node/NAME or token/NAME",
		    argv[0]);
	rc = tctl_by_name(rows[i].remove, argv[0] + strlen(rows[i].prefix));
	if (rc == 0)
		printf("%s \"%s\" has been deleted\n", rows[i].kind,
		    argv[0] + strlen(rows[i].prefix));
	return rc;
}
