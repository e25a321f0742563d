/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: the skeleton that owns main(). A daemon is a const table:
 *
 *	static const struct daemon authd = {
 *		.name = "authd", .summary = "users, nodes, certificates",
 *		.conf_schema = &conf_schema, .conf_path = "/etc/sallyport/authd.yaml", .check = conf_check,
 *		.user = conf_user, .flags = DAEMON_SECRETS,
 *		.prepare = authd_prepare, .confine = authd_confine,
 *		.start = authd_start, .reload = authd_reload, .stop = authd_stop, .done = authd_done,
 *		.diag_addr = conf_diag_addr, .unready = authd_unready, .metrics = authd_metrics,
 *	};
 *	int main(int argc, char **argv) { return daemon_main(&authd, argc, argv); }
 *
 * daemon_main does, always in this order:
 *	 1. flags            --config --check --log-level --log-format --help --version, and the daemon's own
 *	 2. configuration    conf_schema, then check; --check ends here, and so does what `instead` did
 *	 3. log              level, format
 *	 4. limits, signals  SIGPIPE ignored, open files up, no core with DAEMON_SECRETS
 *	 5. prepare          still with the rights it was started with: low ports, children that keep them
 *	 6. rights           becomes `user` when started as root; no_new_privs
 *	 7. confine          seccomp (off with SALLYPORT_SECCOMP=off, and in sanitizer builds)
 *	 8. loop, start      those who watch it are answered from now on (diag.h); sockets are served when start returns;
 *	                     gRPC is initialised here and not before
 *	 9. READY=1          sd_notify; watchdog from then on
 *	10. serve            SIGHUP: configuration again, reload
 *	11. stop             SIGTERM, SIGINT: drain, at most drain_s; a second signal does not wait
 *	12. done             frees
 *
 * Environment: NOTIFY_SOCKET and WATCHDOG_USEC of systemd; JOURNAL_STREAM for the log.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/err.h"
#include "cli/cli.h"
#include "conf/conf.h"
#include "event/loop.h"
#include "metric/metric.h"

struct daemon;

struct daemon_run {
	const struct daemon *daemon;
	struct loop *loop;     /* NULL before start */
	void *conf;            /* the daemon's own struct, checked */
	const char *conf_path; /* where it came from */
	void *state;           /* the daemon's own */
	bool started;          /* start is over */
	bool stopping;
};

enum daemon_flags {
	/* Key material in memory: no core, not dumpable. */
	DAEMON_SECRETS = 1 << 0,
	/* Rights are the daemon's own business (noded's monitor). */
	DAEMON_KEEP_ROOT = 1 << 1,
	/* no_new_privs is not set: its children may run set-uid programs. */
	DAEMON_SETUID_CHILDREN = 1 << 2,
};

struct daemon {
	const char *name;
	const char *summary;
	const cyaml_schema_value_t *conf_schema; /* NULL: no configuration */
	const char *conf_path;                   /* the default of --config */
	const struct cli_option *options;        /* further flags; may be NULL */
	const struct cli_command *commands;      /* verbs besides ("configure"); may be NULL */
	unsigned flags;                          /* enum daemon_flags */
	int drain_s;                             /* longest drain; 0: 10 s */

	/* Every hook may be NULL. Negative with e: start-up ends with that error, exit status 1. */
	/* Defaults and ranges; conf is the daemon's struct. Also for --check and SIGHUP: no side effects. */
	int (*check)(void *conf, struct err *e);
	/* Something else than serving, which its options ask for; for whoever stands at the terminal, with the rights it was
	 * started with. 0: not asked for; 1: done, and the program ends. */
	int (*instead)(const void *conf, struct err *e);
	/* The user to become when started as root; NULL or "": stay. */
	const char *(*user)(const void *conf);
	int (*prepare)(struct daemon_run *run, struct err *e);
	int (*confine)(struct daemon_run *run, struct err *e);
	int (*start)(struct daemon_run *run, struct err *e);
	/* SIGHUP: fresh is a checked configuration; take (copy) what can change. It is freed afterwards and
	 * run->conf stays as it was. Without conf_schema fresh is NULL. */
	void (*reload)(struct daemon_run *run, const void *fresh);
	/* Take no more work, finish what runs, then daemon_stopped(). NULL: stops at once. */
	void (*stop)(struct daemon_run *run);
	/* Those who watch it (diag.h). */
	/* HOST:PORT where they are answered; "": nowhere. */
	const char *(*diag_addr)(const void *conf);
	/* Why work cannot be taken now, for people; NULL when it can. Asked between start and stop. */
	const char *(*unready)(const struct daemon_run *run);
	/* Its own tables, after those that all daemons have. Parts may be missing while it starts. */
	void (*metrics)(const struct daemon_run *run, struct metric_out *out);
	/* Frees what start (and prepare) made; also after a start that failed. The loop is still there. */
	void (*done)(struct daemon_run *run);
};

/* Returns the exit status of main. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* The drain that stop began is over. */
void daemon_stopped(struct daemon_run *run);
/* Something the daemon cannot live without is gone (its signer): logs nothing, drains, exits with status 1. */
void daemon_fail(struct daemon_run *run);
/* One line for `systemctl status`. */
void daemon_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
