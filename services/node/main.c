/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noded: a server's end of the cluster. Started by people and the service manager it checks flags and
 * configuration and becomes noded-monitor (monitor/, a program of its own that stays root); started
 * by the monitor ("noded worker") it is the worker.
 *
 * What the worker is made of: conf.c (noded.yaml) and configure.c (which writes it); start.c (the
 * order of things) and node.c (what the parts tell each other); tunnel.c (the reverse tunnel to a
 * proxy); serve.c (a client's SSH connection), authorize.c (who it is, what it may), channel.c (the
 * kinds of its channels), session.h (a session, which lists its files), live.c (files of those that
 * run); lib/replica (the cluster as authd says it); rpc_heartbeat.c; events.c (what is written down);
 * monitor_client.c with monitor_proto.c (what the monitor is asked).
 *
 * Security: the worker runs as an unprivileged user, without new privileges and under seccomp
 * without execve: what a stranger breaks there cannot become root and cannot start a program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "node/conf.h"
#include "node/configure.h"
#include "node/metrics.h"
#include "node/start.h"

static const struct cli_command commands[] = {
	{ .name = "configure",
	    .summary = "write a configuration",
	    .options = configure_options,
	    .more = configure_help,
	    .run = configure_run },
	{ 0 },
};

static const struct daemon worker = {
	.name = "noded",
	.summary = "SSH sessions through the proxy, recorded (worker)",
	.conf_schema = &conf_schema,
	.conf_path = CONF_PATH,
	.flags = DAEMON_SECRETS,
	.drain_s = 10,
	.check = conf_check,
	.confine = node_confine,
	.start = node_start,
	.stop = node_stop,
	.diag_addr = conf_diag,
	.unready = node_unready,
	.metrics = node_metrics,
	.done = node_done,
};

/* noded-monitor lies beside this program. */
static int
find_monitor(char *self, char *monitor, size_t size, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", self, size - 1);

	if (n <= 0)
		return err_errno(e, "cannot find this program's own file");
	self[n] = '\0';
	const char *slash = strrchr(self, '/');
	if (!slash || !str_format(monitor, size, "%.*s/noded-monitor", (int)(slash - self), self))
		return err_set(e, "the path of this program is too long");
	return access(monitor, X_OK) == 0
	    ? 0
	    : err_errno(e, "%s is missing: install noded whole", monitor);
}

/* The skeleton parses it too, and keeps it to itself; the monitor must log in the same way. */
static const char *
format_of(int argc, char **argv)
{
	const char *env = getenv("SALLYPORT_LOG_FORMAT");
	const char *format = env ? env : "text";

	for (int i = 1; i < argc; i++) {
		if (str_starts(argv[i], "--log-format="))
			format = argv[i] + strlen("--log-format=");
		else if (strcmp(argv[i], "--log-format") == 0 && i + 1 < argc)
			format = argv[i + 1];
	}
	return format;
}

static struct {
	int argc;
	char **argv;
} started;

/* Everything was checked: from here on the process is the monitor. */
static int
become_monitor(struct daemon_run *run, struct err *e)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	char self[1024], monitor[1024];

	if (find_monitor(self, monitor, sizeof(self), e))
		return -1;
	execl(monitor, "noded-monitor", "--config", run->conf_path, "--log-level",
	    levels[log_level()], "--log-format", format_of(started.argc, started.argv), "--worker",
	    self, (char *)NULL);
	return err_errno(e, "cannot run %s", monitor);
}

static const struct daemon noded = {
	.name = "noded",
	.summary = "SSH sessions through the proxy, recorded",
	.conf_schema = &conf_schema,
	.conf_path = CONF_PATH,
	.commands = commands,
	.flags = DAEMON_KEEP_ROOT | DAEMON_SETUID_CHILDREN,
	.check = conf_check,
	.prepare = become_monitor,
};

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "worker") == 0) {
		/* The word "worker" goes, the program's name stays in front: flags are parsed as
		 * of any daemon. */
		argv[1] = argv[0];
		return daemon_main(&worker, argc - 1, argv + 1);
	}
	started.argc = argc;
	started.argv = argv;
	return daemon_main(&noded, argc, argv);
}
