/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl: administration of a Sallyport cluster.
 *
 * Security: over the Unix sockets it has every right, and the sockets' folders are open to root and the daemons' user
 * alone; elsewhere it has the rights of the person whose tsh credentials it uses.
 */
#include <signal.h>

#include "base/log.h"
#include "base/version.h"
#include "cli/out.h"
#include "crypto/rand.h"
#include "tctl/tctl.h"

static const struct cli_option globals[] = {
	{ 0, "auth-socket", "PATH", "Unix socket of authd, when on its host", CLI_STRING,
	    &tctl_globals.auth_socket, "SALLYPORT_AUTH_SOCKET" },
	{ 0, "audit-socket", "PATH", "Unix socket of auditd, when on its host", CLI_STRING,
	    &tctl_globals.audit_socket, "SALLYPORT_AUDIT_SOCKET" },
	{ 0, "proxy", "HOST:PORT",
	    "from elsewhere: the proxy to work through (default: that of the last tsh login)",
	    CLI_STRING, &tctl_globals.proxy, "SALLYPORT_PROXY" },
	{ 0, "as", "NAME", "from elsewhere: whose login of tsh to use (default: the current one)",
	    CLI_STRING, &tctl_globals.as, "SALLYPORT_USER" },
	{ 0 },
};

static const struct cli_program program = {
	.name = "tctl",
	.summary = "administration of a Sallyport cluster",
	.version = SALLYPORT_VERSION,
	.globals = globals,
	.commands = tctl_commands,
	.node_names = "tctl nodes ls --format=names",
};

int
main(int argc, char **argv)
{
	/* A connection that breaks is an error to be told, not the end of the program. */
	(void)signal(SIGPIPE, SIG_IGN);
	log_open("tctl", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (crypto_init() < 0)
		return cli_fail("the system gives no random numbers");
	return cli_main(&program, argc, argv);
}
