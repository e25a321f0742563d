/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh: the client of Sallyport: log in, list nodes, open sessions, copy files, replay recordings.
 *
 * Security: runs as the user; keeps keys in ~/.sallyport (0700); believes hosts only by the cluster's host CA.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "crypto/rand.h"
#include "tsh/login.h"
#include "tsh/tsh.h"

/* Set for the command that is started anew after a login. */
#define AGAIN "SALLYPORT_LOGGED_IN_AGAIN"

struct tsh_globals tsh_globals;
static char **command_line;

static const struct cli_option globals[] = {
	{ 0, "proxy", "HOST:PORT", "the proxy to work with (default: that of the current login)",
	    CLI_STRING, &tsh_globals.proxy, "SALLYPORT_PROXY" },
	{ 0, "user", "NAME", "the Sallyport user to work as (default: that of the current login)",
	    CLI_STRING, &tsh_globals.user, "SALLYPORT_USER" },
	{ 0 },
};

static const struct cli_command commands[] = {
	{ .name = "login",
	    .summary = "log in and fetch short-lived certificates",
	    .options = cmd_login_options,
	    .run = cmd_login },
	{ .name = "logout",
	    .summary = "delete the certificates of a login",
	    .options = cmd_logout_options,
	    .run = cmd_logout },
	{ .name = "status",
	    .summary = "show who is logged in, and until when",
	    .options = cmd_status_options,
	    .run = cmd_status },
	{ .name = "ls",
	    .args = "[LABEL=VALUE,...]",
	    .summary = "list nodes",
	    .options = cmd_ls_options,
	    .max_args = -1,
	    .run = cmd_ls },
	{ .name = "ssh",
	    .args = "[user@]HOST|[user@]LABEL=VALUE[,...] [COMMAND...]",
	    .summary = "open a shell or run a command, on one node or on all with a label",
	    .more =
		"HOST is a node's name, UUID or address. With LABEL=VALUE the command runs on every matching node in\n"
		"parallel; the exit status is 0 only when it succeeded on all of them.",
	    .options = cmd_ssh_options,
	    .min_args = 1,
	    .max_args = -1,
	    .stop_at_arg = true,
	    .run = cmd_ssh },
	{ .name = "scp",
	    .args = "[[user@]HOST:]FROM... [[user@]HOST:]TO",
	    .summary = "copy files to, from and between nodes",
	    .more =
		"FROM on a node may hold wildcards in any part: *, ?, [a-z]; quote it, or the shell looks for it here.\n"
		"~ and ~USER are home folders on the node.",
	    .options = cmd_scp_options,
	    .min_args = 2,
	    .max_args = -1,
	    .run = cmd_scp },
	{ .name = "config",
	    .summary = "print an ssh_config for stock OpenSSH",
	    .options = cmd_config_options,
	    .run = cmd_config },
	{ .name = "forget",
	    .args = "NODE...",
	    .summary = "believe a node that was set up anew under its old name",
	    .min_args = 1,
	    .max_args = -1,
	    .run = cmd_forget },
	{ .name = "play",
	    .args = "SESSION",
	    .summary = "replay a recorded session, or watch one that runs",
	    .options = cmd_play_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_play },
	{ .name = "sessions", .summary = "list sessions that run", .sub = cmd_sessions_sub },
	{ .name = "recordings", .summary = "find recorded sessions", .sub = cmd_recordings_sub },
	{ .name = "web", .summary = "the web app that a proxy serves", .sub = cmd_web_sub },
	{ .name = "version",
	    .summary = "print the versions of tsh and of the proxy",
	    .options = cmd_version_options,
	    .run = cmd_version },
	{ 0 },
};

static const struct cli_program program = {
	.name = "tsh",
	.summary = "audited SSH access to servers that have no open port",
	.version = SALLYPORT_VERSION,
	.globals = globals,
	.commands = commands,
	.node_names = "tsh ls --format=names",
};

static bool
is_somebody_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* NULL: it did not work, and why was said. */
static struct profile *
log_in_again(const struct profile *p)
{
	const struct login_wish wish = { .proxy = p->proxy,
		.user = p->user,
		.browser = p->browser };
	struct profile *renewed = NULL;
	struct err e;

	fprintf(stderr, "The login of %s at %s %s. Log in again (Ctrl-C: not now).\n", p->user,
	    p->proxy,
	    p->withdrawn     ? "was withdrawn by a change of the account"
		: p->damaged ? "is damaged"
			     : "has expired");
	if (login_run(&wish, &renewed, &e) == 0)
		return renewed;
	(void)cli_fail_err(&e);
	profile_free(renewed);
	return NULL;
}

struct profile *
tsh_profile(void)
{
	struct profile *p = NULL, *ended;
	struct err e;

	if (profile_load_valid(&p, tsh_globals.proxy, tsh_globals.user, &e) == 0)
		return p;
	if (p && is_somebody_there()) {
		ended = p;
		p = log_in_again(ended);
		profile_free(ended);
		return p;
	}
	(void)cli_fail_err(&e);
	profile_free(p);
	return NULL;
}

int
tsh_refused(struct profile *p, const struct err *e)
{
	struct profile *renewed;
	struct err why;

	if (!login_is_withdrawn(p))
		return cli_fail_err(e);
	/* The next verb knows it at once. */
	p->withdrawn = true;
	if (!p->damaged)
		(void)profile_save(p, NULL);
	if (!is_somebody_there() || getenv(AGAIN)) {
		(void)profile_check(p, &why);
		return cli_fail_err(&why);
	}
	if (!(renewed = log_in_again(p)))
		return 1;
	profile_free(renewed);
	/* Once: a new login that is refused as well is somebody's mistake, and no reason for the next. */
	if (setenv(AGAIN, "1", 1) == 0)
		(void)execv("/proc/self/exe", command_line);
	return cli_fail("logged in again; now run the command again");
}

int
tsh_call_failed(struct profile *p, const struct client *c, const struct err *e)
{
	enum rpc_code code = c ? client_code(c) : RPC_UNAVAILABLE;

	return code == RPC_UNAVAILABLE || code == RPC_DEADLINE_EXCEEDED ? cli_fail_err(e)
									: tsh_refused(p, e);
}

int
main(int argc, char **argv)
{
	int rc;

	/* Connections and pipes that break are errors to be handled, and the terminal to be put
	 * back. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_open("tsh", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (crypto_init() < 0)
		return cli_fail("the system gives no random numbers");
	/* cli_main moves words about in argv. */
	command_line = calloc((size_t)argc + 1, sizeof *command_line);
	if (!command_line)
		return cli_fail("out of memory");
	for (int i = 0; i < argc; i++)
		command_line[i] = argv[i];
	rc = cli_main(&program, argc, argv);
	free(command_line);
	return rc;
}
