/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: noded-monitor, a program of its own so that the root process carries neither gRPC nor an
 * SSH engine. `noded` becomes it by exec after it has checked flags and configuration; nobody types
 * its name.
 *
 * Security: runs as root when noded was started as root. See monitor.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "node/monitor/monitor.h"

struct flags {
	const char *config, *level, *format, *worker;
};

static int
read_flags(struct flags *f, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "log-format", required_argument, NULL, 'f' },
		{ "worker", required_argument, NULL, 'w' },
		{ 0 },
	};
	int c;

	*f = (struct flags){ CONF_PATH, "info", "text", NULL };
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			f->config = optarg;
			break;
		case 'l':
			f->level = optarg;
			break;
		case 'f':
			f->format = optarg;
			break;
		case 'w':
			f->worker = optarg;
			break;
		default:
			return -1;
		}
	}
	return f->worker && optind == argc && log_level_from(f->level) >= 0 ? 0 : -1;
}

static int
fail(const struct err *e)
{
	fprintf(stderr, "ERROR: %s\n", e->text);
	return 1;
}

int
main(int argc, char **argv)
{
	struct conf *config = NULL;
	static struct monitor monitor;
	struct err e = { "" };
	struct flags f;

	if (read_flags(&f, argc, argv)) {
		fprintf(stderr, "ERROR: noded-monitor is started by noded, not by hand\n");
		return 1;
	}
	log_open("noded-monitor", (enum log_level)log_level_from(f.level),
	    strcmp(f.format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	/* No core file with the host key in it, and no ptrace by the worker where both are of one
	 * user. */
	prctl(PR_SET_DUMPABLE, 0);
	if (conf_load_checked(&config, f.config, &e))
		return fail(&e);
	if (crypto_init()) {
		err_set(&e, "no source of randomness");
		return fail(&e);
	}
	int r = 1;
	monitor.log_level = f.level;
	monitor.log_format = f.format;
	if (monitor_init(&monitor, config, f.config, f.worker, &e))
		fail(&e);
	else
		r = monitor_run(&monitor);
	monitor_done(&monitor);
	conf_free(&conf_schema, config);
	return r;
}
