/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl: administration of a Sallyport cluster.
 *
 * Security: over the Unix sockets it has every right, and the sockets' folders are open to root and the daemons' user
 * alone; elsewhere it has the rights of the person whose tsh credentials it uses.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/version.h"
#include "cli/out.h"
#include "crypto/rand.h"
#include "tctl/tctl.h"

struct tctl_globals tctl_globals = {
	.auth_socket = "/run/sallyport/authd/authd.sock",
	.audit_socket = "/run/sallyport/auditd/auditd.sock",
};

static const struct cli_option globals[] = {
	{ 0, "auth-socket", "PATH", "Unix socket of authd, when on its host", CLI_STRING,
	    &tctl_globals.auth_socket, "SALLYPORT_AUTH_SOCKET" },
	{ 0, "audit-socket", "PATH", "Unix socket of auditd, when on its host", CLI_STRING,
	    &tctl_globals.audit_socket, "SALLYPORT_AUDIT_SOCKET" },
	{ 0, "proxy", "HOST:PORT",
	    "from elsewhere: the proxy to work through (default: that of the last tsh login)",
	    CLI_STRING, &tctl_globals.proxy, "SALLYPORT_PROXY" },
	{ 0 },
};

static const struct cli_command commands[] = {
	{ .name = "status",
	    .summary = "show the cluster, its authorities and CA pin",
	    .options = cmd_status_options,
	    .run = cmd_status },
	{ .name = "users", .summary = "manage users", .sub = cmd_users_sub },
	{ .name = "tokens", .summary = "manage join tokens", .sub = cmd_tokens_sub },
	{ .name = "nodes", .summary = "list and label nodes", .sub = cmd_nodes_sub },
	{ .name = "get",
	    .args = "KINDS|KIND/NAME",
	    .summary = "print resources as YAML: roles, role/NAME",
	    .options = cmd_get_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_get },
	{ .name = "create",
	    .args = "FILE|-",
	    .summary = "create resources from YAML",
	    .options = cmd_create_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_create },
	{ .name = "edit",
	    .args = "KIND/NAME",
	    .summary = "change a resource in $EDITOR",
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_edit },
	{ .name = "rm",
	    .args = "KIND/NAME|user/NAME|node/NAME|token/NAME",
	    .summary = "delete a resource",
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_rm },
	{ .name = "recordings", .summary = "find recorded sessions", .sub = cmd_recordings_sub },
	{ .name = "audit", .summary = "search the audit trail", .sub = cmd_audit_sub },
	{ .name = "version",
	    .summary = "print the version",
	    .options = cmd_version_options,
	    .run = cmd_version },
	{ 0 },
};

static const struct cli_program program = {
	.name = "tctl",
	.summary = "administration of a Sallyport cluster",
	.version = SALLYPORT_VERSION,
	.globals = globals,
	.commands = commands,
};

static struct client *
open_profile(void)
{
	struct profile *p = NULL;
	struct client *c = NULL;
	struct err e;

	if (profile_load_valid(&p, tctl_globals.proxy, &e) < 0 || client_open(&c, p, &e) < 0)
		(void)cli_fail_err(&e);
	profile_free(p);
	return c;
}

struct client *
tctl_client(void)
{
	struct client *c = NULL;
	struct err e;

	if (tctl_globals.proxy || access(tctl_globals.auth_socket, R_OK | W_OK) < 0)
		return open_profile();
	if (client_open_local(&c, tctl_globals.auth_socket, tctl_globals.audit_socket, &e) < 0)
		(void)cli_fail_err(&e);
	return c;
}

int
tctl_by_name(tctl_named_fn *method, const char *name)
{
	Auth__Name q = AUTH__NAME__INIT;
	struct client *c = tctl_client();
	struct err e;
	int rc;

	if (!c)
		return 1;
	q.name = name;
	rc = method(c, &q, NULL, &e) < 0 ? cli_fail_err(&e) : 0;
	client_free(c);
	return rc;
}

void
tctl_print(json_t *value, const char *format)
{
	cli_print_value(value, cli_format_from(format), stdout);
	json_decref(value);
}

size_t
tctl_list(const char *text, char **ret_copy, char **parts, size_t max)
{
	*ret_copy = strdup(text ? text : "");
	return *ret_copy ? str_split(*ret_copy, ',', parts, max) : 0;
}

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	log_open("tctl", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (crypto_init() < 0)
		return cli_fail("the system gives no random numbers");
	return cli_main(&program, argc, argv);
}
