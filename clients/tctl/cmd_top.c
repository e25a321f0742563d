/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl top: how the daemons of the central machine and the proxies do, live. Everything comes from authd and auditd, as for
 * every verb; nothing has to be reachable for it that was not.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "api/client.h"
#include "base/clock.h"
#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tctl/tctl.h"
#include "tctl/top.h"

enum { FIRST_MS = 1000, EVERY_S = 2, EVERY_MAX_S = 3600 };

static int64_t every_s;
static bool once;

const struct cli_option cmd_top_options[] = {
	{ 'n', "interval", "SECONDS", "how often (default 2)", CLI_INT, &every_s },
	{ 0, "once", NULL, "print one picture, after two seconds of looking, and end", CLI_FLAG,
	    &once },
	{ 0 },
};

/* auditd may be away, which is one of the things to be seen here. */
static void
ask_audit(struct client *c, struct top *t, double now_s)
{
	static struct err trouble; /* until the next question */
	Audit__AuditEmpty q = AUDIT__AUDIT_EMPTY__INIT;
	Audit__AuditMetrics *m = NULL;

	t->trouble = NULL;
	if (audit_sync_get_audit_metrics(c, &q, &m, &trouble) == 0 &&
	    top_add(t, "auditd", "", m->text, now_s) < 0)
		(void)err_memory(&trouble);
	else if (m)
		trouble.text[0] = '\0';
	t->trouble = trouble.text[0] ? trouble.text : NULL;
	client_free_reply(m);
}

static int
ask(struct client *c, struct top *t, struct err *e)
{
	double now_s = (double)clock_mono_ms() / 1000;
	Auth__Empty q = AUTH__EMPTY__INIT;
	Auth__MetricsList *list = NULL;
	int rc = auth_sync_get_metrics(c, &q, &list, e);

	for (size_t i = 0; rc == 0 && i < list->n_daemons; i++) {
		const Auth__MetricsText *m = list->daemons[i];

		if (top_add(t, m->daemon, m->host, m->text, now_s) < 0)
			rc = err_memory(e);
	}
	client_free_reply(list);
	if (rc == 0)
		ask_audit(c, t, now_s);
	return rc;
}

/* --- the terminal ---------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* Keys come one by one and are not shown; false: standard input is no terminal. */
static bool
quiet_keys(struct termios *saved)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, saved) < 0)
		return false;
	now = *saved;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

/* Until the next picture is due. False: somebody wants to leave. */
static bool
wait_for(int64_t ms, bool keys)
{
	int64_t until = clock_mono_ms() + ms;
	char key;

	for (int64_t left = ms; left > 0 && !interrupted; left = until - clock_mono_ms()) {
		struct pollfd p = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };

		if (poll(&p, 1, (int)left) <= 0 || !keys)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 4)
			return false;
	}
	return !interrupted;
}

static void
draw(const struct top *t, bool live)
{
	char now[64];

	if (live)
		fputs("\x1b[H\x1b[2J", stdout);
	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	if (live)
		printf("%.19s   every %d s; q ends\n\n", now, (int)every_s);
	top_print(t, (double)clock_wall_ms() / 1000, stdout);
	(void)fflush(stdout);
}

static int
watch(struct client *c, void *arg, struct err *e)
{
	struct top t = { .n = 0 };
	struct termios saved;
	bool live = !once && isatty(STDOUT_FILENO), keys = live && quiet_keys(&saved);
	bool go = true, drawn = false;
	int rc = 0;

	(void)arg;
	/* Rates need two texts, and a proxy's comes with the question after the one that it answers. */
	for (int i = 0; i < 2 && go && rc == 0; i++) {
		rc = ask(c, &t, e);
		go = rc == 0 && wait_for(FIRST_MS, keys);
	}
	while (go) {
		rc = ask(c, &t, e);
		/* Who watches is not to begin anew because authd does. */
		if (rc < 0 && live)
			printf("\x1b[H\x1b[2J%s\n", e->text);
		else if (rc == 0)
			draw(&t, live);
		drawn = drawn || rc == 0;
		go = live && wait_for(every_s * 1000, keys);
	}
	if (keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	top_done(&t);
	return live && drawn ? 0 : rc;
}

int
cmd_top(int argc, char **argv)
{
	struct sigaction end = { .sa_handler = on_interrupt };

	(void)argc, (void)argv;
	if (every_s == 0)
		every_s = EVERY_S;
	if (every_s < 1 || every_s > EVERY_MAX_S)
		return cli_fail("--interval: 1 to %d seconds", EVERY_MAX_S);
	/* So that the terminal is put back. */
	(void)sigaction(SIGINT, &end, NULL);
	(void)sigaction(SIGTERM, &end, NULL);
	return tctl_run(watch, NULL);
}
