/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh: the client of Sallyport: log in, list nodes, open sessions, copy files, replay recordings.
 *
 * Security: runs as the user; keeps keys in ~/.sallyport (0700); believes hosts only by the cluster's host CA.
 */
#include <signal.h>

#include "base/log.h"
#include "base/version.h"
#include "crypto/rand.h"
#include "tsh/tsh.h"

struct tsh_globals tsh_globals;

static const struct cli_option globals[] = {
	{ 0, "proxy", "HOST:PORT", "the proxy to work with (default: that of the last login)",
	    CLI_STRING, &tsh_globals.proxy, "SALLYPORT_PROXY" },
	{ 0, "user", "NAME", "the Sallyport user to log in as", CLI_STRING, &tsh_globals.user,
	    "SALLYPORT_USER" },
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
	    .summary = "copy files",
	    .options = cmd_scp_options,
	    .min_args = 2,
	    .max_args = -1,
	    .run = cmd_scp },
	{ .name = "config",
	    .summary = "print an ssh_config for stock OpenSSH",
	    .options = cmd_config_options,
	    .run = cmd_config },
	{ .name = "play",
	    .args = "SESSION",
	    .summary = "replay a recorded session",
	    .options = cmd_play_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_play },
	{ .name = "recordings", .summary = "find recorded sessions", .sub = cmd_recordings_sub },
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
};

struct profile *
tsh_profile(void)
{
	struct profile *p = NULL;
	struct err e;

	if (profile_load_valid(&p, tsh_globals.proxy, &e) == 0)
		return p;
	(void)cli_fail_err(&e);
	return NULL;
}

int
main(int argc, char **argv)
{
	/* Connections and pipes that break are errors to be handled, and the terminal to be put
	 * back. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_open("tsh", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (crypto_init() < 0)
		return cli_fail("the system gives no random numbers");
	return cli_main(&program, argc, argv);
}
