/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: the skeleton that owns main(); see daemon.h for the order of things.
 *
 * Security: everything before priv_drop may run as root. Up to there nothing
 * from the network has been read, only the command line, the configuration
 * and what the daemon's own prepare hook opens.
 */
#include "daemon/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/version.h"
#include "daemon/diag.h"
#include "priv/priv.h"

enum {
	DRAIN_DEFAULT_S = 10,
	LARGE_BLOCK = 256 *
	    1024, /* bytes: from here on memory is mapped, and given back when freed */
};

#if defined(__SANITIZE_ADDRESS__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

/* What the command line said. */
struct flags {
	const char *conf_path;
	const char *log_level;
	const char *log_format;
	bool check, help, version;
};

/* One daemon a process: its run, and what the skeleton needs besides. */
static struct {
	struct daemon_run run;
	struct flags flags;
	struct timer drain;
	struct timer watchdog;
	struct diag *diag; /* NULL: off */
	int status;
} self;

static int
fatal(const struct err *e)
{
	log_error(e->text, NULL);
	return 1;
}

/* --- 1. flags ------------------------------------------------------------------ */

static const struct cli_option own_options[] = {
	{ 'c', "config", "FILE", "configuration", CLI_STRING, &self.flags.conf_path, NULL },
	{ 0, "check", NULL, "read the configuration, say what is wrong with it, and end", CLI_FLAG,
	    &self.flags.check, NULL },
	{ 0, "log-level", "error|warn|info|debug", "what is logged (default info)", CLI_CHOICE,
	    &self.flags.log_level, "SALLYPORT_LOG_LEVEL" },
	{ 0, "log-format", "text|json", "how it is logged (default text)", CLI_CHOICE,
	    &self.flags.log_format, "SALLYPORT_LOG_FORMAT" },
	{ 'h', "help", NULL, "this text", CLI_FLAG, &self.flags.help, NULL },
	{ 0, "version", NULL, "the version, and nothing else", CLI_FLAG, &self.flags.version,
	    NULL },
	{ 0 },
};

enum { MAX_OPTIONS = 40 };

/* The skeleton's options and the daemon's own in one table. */
static void
join_options(const struct daemon *d, struct cli_option *all)
{
	size_t n = sizeof(own_options) / sizeof(own_options[0]) - 1;

	memcpy(all, own_options, n * sizeof(*all));
	for (const struct cli_option *o = d->options;
	     o && (o->long_name || o->short_name) && n < MAX_OPTIONS - 1; o++)
		all[n++] = *o;
	memset(&all[n], 0, sizeof(*all));
}

static void
print_help(const struct daemon *d, const struct cli_option *options)
{
	printf("%s: %s\n\nUsage: %s [OPTIONS]\n", d->name, d->summary, d->name);
	for (const struct cli_command *c = d->commands; c && c->name; c++)
		if (!c->hidden)
			printf("       %s %s [OPTIONS] %s: %s\n", d->name, c->name,
			    c->args ? c->args : "", c->summary);
	printf("\nOptions:\n");
	cli_print_options(options);
	if (d->conf_path)
		printf("\nWithout --config it reads %s.\n", d->conf_path);
}

/* 0 go on, 1 done with self.status. */
static int
read_flags(const struct daemon *d, int argc, char **argv)
{
	struct cli_option all[MAX_OPTIONS];
	struct err e;
	int n;

	self.flags =
	    (struct flags){ .conf_path = d->conf_path, .log_level = "info", .log_format = "text" };
	join_options(d, all);
	n = cli_parse(all, argc - 1, argv + 1, &e);
	if (n > 0)
		err_set(&e, "unexpected argument '%s' (see `%s --help`)", argv[1], d->name);
	if (n != 0) {
		self.status = cli_fail_err(&e);
		return 1;
	}
	if (self.flags.help)
		print_help(d, all);
	else if (self.flags.version)
		printf("%s\n", SALLYPORT_VERSION);
	return self.flags.help || self.flags.version;
}

/* Verbs come before options: "noded configure --output=...". */
static bool
is_verb(const struct daemon *d, const char *word)
{
	for (const struct cli_command *c = d->commands; c && c->name; c++)
		if (strcmp(c->name, word) == 0)
			return true;
	return false;
}

static int
run_verb(const struct daemon *d, int argc, char **argv)
{
	const struct cli_program program = {
		.name = d->name,
		.summary = d->summary,
		.version = SALLYPORT_VERSION,
		.commands = d->commands,
	};

	return cli_main(&program, argc, argv);
}

/* --- 2. and 3.: configuration, log ----------------------------------------------- */

static int
load_conf(const struct daemon *d, const char *path, void **ret, struct err *e)
{
	*ret = NULL;
	if (!d->conf_schema)
		return 0;
	if (!path)
		return err_set(e, "no configuration: give --config");
	if (conf_load(path, d->conf_schema, ret, e) < 0)
		return -1;
	/* With SIGHUP, too: a configuration that does not hold together never takes the place of
	 * one that does. */
	if (d->check && d->check(*ret, e) < 0) {
		conf_free(d->conf_schema, *ret);
		*ret = NULL;
		return err_prefix(e, "%s", path);
	}
	return 0;
}

static void
open_log(const struct daemon *d)
{
	log_open(d->name, (enum log_level)log_level_from(self.flags.log_level),
	    strcmp(self.flags.log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

/* --- 4. to 7.: rights ---------------------------------------------------------------- */

/* Only a daemon that was started as root changes its user; systemd has given the others theirs. */
static int
drop_rights(const struct daemon *d, struct err *e)
{
	const char *name = d->user ? d->user(self.run.conf) : NULL;
	struct priv_user user;

	if (d->flags & DAEMON_KEEP_ROOT)
		return 0;
	if (geteuid() == 0 && name && *name) {
		if (priv_user_find(name, &user, e) < 0)
			return -1;
		/* While it is still root: the bounding set cannot be changed any more afterwards. */
		if (!(d->flags & DAEMON_SETUID_CHILDREN) && priv_no_capabilities(e) < 0)
			return -1;
		if (priv_drop(&user, e) < 0)
			return -1;
		log_debug("rights dropped", "user", name, NULL);
	}
	if (d->flags & DAEMON_SETUID_CHILDREN)
		return 0;
	return priv_no_new_privs(e);
}

/* glibc lets its thresholds grow with the largest block ever freed, and then keeps that much for ever. */
static void
return_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
}

static int
limits_and_rights(const struct daemon *d, struct err *e)
{
	const char *seccomp = getenv("SALLYPORT_SECCOMP");

	/* A peer that closes is an error of write, not the end of the daemon. */
	signal(SIGPIPE, SIG_IGN);
	return_memory();
	/* Each connection is a descriptor or two, and the usual soft limit of 1024 is soon
	 * reached. */
	priv_raise_files();
	/* Children of prepare inherit it; setuid sets it anew, so it comes again below. */
	if ((d->flags & DAEMON_SECRETS) && priv_no_dump(e) < 0)
		return -1;
	if (d->prepare && d->prepare(&self.run, e) < 0)
		return -1;
	if (drop_rights(d, e) < 0)
		return -1;
	if ((d->flags & DAEMON_SECRETS) && priv_no_dump(e) < 0)
		return -1;
	/* Sanitizers make system calls of their own. The variable is the way out on a kernel or
	 * libc that needs another call. */
	if (!d->confine || sanitized || (seccomp && strcmp(seccomp, "off") == 0))
		return 0;
	return d->confine(&self.run, e);
}

/* --- 8. to 11.: the loop ---------------------------------------------------------------- */

static void
on_watchdog(void *arg)
{
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

static void
begin_stop(void)
{
	const struct daemon *d = self.run.daemon;

	/* The second signal is from somebody who does not want to wait. */
	if (self.run.stopping) {
		loop_stop(self.run.loop);
		return;
	}
	self.run.stopping = true;
	sd_notify(0, "STOPPING=1");
	/* Whatever `stop` does: a daemon that hangs there would be killed by systemd, without its
	 * last words. */
	timer_start(&self.drain, 1000LL * (d->drain_s ? d->drain_s : DRAIN_DEFAULT_S));
	if (d->stop)
		d->stop(&self.run);
	else
		loop_stop(self.run.loop);
}

static void
on_drain_over(void *arg)
{
	(void)arg;
	log_warn("stopping before all work was finished", NULL);
	loop_stop(self.run.loop);
}

static void
on_stop_signal(int signo, void *arg)
{
	(void)arg;
	if (!self.run.stopping)
		log_info("stopping", "signal", signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
	begin_stop();
}

static void
on_hangup(int signo, void *arg)
{
	const struct daemon *d = self.run.daemon;
	void *fresh = NULL;
	char text[64];
	struct err e;

	(void)signo;
	(void)arg;
	if (self.run.stopping)
		return;
	/* systemd tells reloads apart by this time (sd_notify(3), Type=notify-reload). */
	(void)str_format(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)loop_now_ms(self.run.loop) * 1000);
	sd_notify(0, text);
	if (load_conf(d, self.run.conf_path, &fresh, &e) < 0) {
		log_error("configuration not reloaded, the old one stays", "cause", e.text, NULL);
	} else {
		if (d->reload)
			d->reload(&self.run, fresh);
		log_info("configuration reloaded", NULL);
	}
	if (d->conf_schema)
		/* Never becomes the daemon's configuration: `reload` takes out of it what may
		 * change while it runs. */
		conf_free(d->conf_schema, fresh);
	sd_notify(0, "READY=1");
}

static int
make_loop(struct err *e)
{
	struct daemon_run *run = &self.run;

	if (loop_new(&run->loop) < 0 ||
	    timer_init(&self.drain, run->loop, on_drain_over, NULL) < 0 ||
	    timer_init(&self.watchdog, run->loop, on_watchdog, NULL) < 0 ||
	    loop_on_signal(run->loop, SIGTERM, on_stop_signal, NULL) < 0 ||
	    loop_on_signal(run->loop, SIGINT, on_stop_signal, NULL) < 0 ||
	    loop_on_signal(run->loop, SIGHUP, on_hangup, NULL) < 0)
		return err_errno(e, "cannot make the event loop");
	return 0;
}

static void
announce(void)
{
	uint64_t every_us = 0;

	if (sd_watchdog_enabled(0, &every_us) > 0 && every_us >= 2000)
		/* Twice in the time that systemd gives: one turn may be slow. */
		timer_repeat(&self.watchdog, (int64_t)(every_us / 2000));
	sd_notify(0, "READY=1");
	log_info("ready", "version", SALLYPORT_VERSION, NULL);
}

/* Also after a start that failed half way. */
static void
tear_down(void)
{
	const struct daemon *d = self.run.daemon;

	/* First: it asks the parts that are about to go. */
	diag_free(self.diag);
	self.diag = NULL;
	if (self.run.loop && d->done)
		d->done(&self.run);
	timer_done(&self.drain);
	timer_done(&self.watchdog);
	loop_free(self.run.loop);
	self.run.loop = NULL;
	if (d->conf_schema)
		conf_free(d->conf_schema, self.run.conf);
	self.run.conf = NULL;
}

/* Before start, which may wait for other daemons for a long time: also then it can be seen what is missing. */
static int
open_diag(const struct daemon *d, struct err *e)
{
	const char *address = d->diag_addr ? d->diag_addr(self.run.conf) : "";

	return *address ? diag_new(&self.diag, &self.run, address, e) : 0;
}

static int
serve(const struct daemon *d)
{
	struct err e = { "" };

	if (limits_and_rights(d, &e) < 0 || make_loop(&e) < 0 || open_diag(d, &e) < 0)
		return fatal(&e);
	if (d->start && d->start(&self.run, &e) < 0)
		return fatal(&e);
	self.run.started = true;
	announce();
	if (loop_run(self.run.loop) < 0) {
		err_set(&e, "the event loop failed");
		return fatal(&e);
	}
	log_info("stopped", NULL);
	return self.status;
}

int
daemon_main(const struct daemon *d, int argc, char **argv)
{
	struct err e;
	int status;

	if (argc > 1 && is_verb(d, argv[1]))
		return run_verb(d, argc, argv);
	if (read_flags(d, argc, argv))
		return self.status;
	self.run = (struct daemon_run){ .daemon = d, .conf_path = self.flags.conf_path };
	if (load_conf(d, self.flags.conf_path, &self.run.conf, &e) < 0)
		return cli_fail_err(&e);
	if (self.flags.check) {
		printf("%s: ok\n", self.flags.conf_path ? self.flags.conf_path : d->name);
		tear_down();
		return 0;
	}
	status = d->instead ? d->instead(self.run.conf, &e) : 0;
	if (status != 0) {
		tear_down();
		return status < 0 ? cli_fail_err(&e) : 0;
	}
	/* Errors before this line are for whoever stands at the terminal; from here on for the journal. */
	open_log(d);
	status = serve(d);
	tear_down();
	return status;
}

void
daemon_stopped(struct daemon_run *run)
{
	loop_stop(run->loop);
}

void
daemon_fail(struct daemon_run *run)
{
	(void)run;
	self.status = 1;
	if (!self.run.stopping)
		begin_stop();
}

void
daemon_status(const char *fmt, ...)
{
	char text[256];
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)str_format(line, sizeof(line), "STATUS=%s", text);
	sd_notify(0, line);
}
