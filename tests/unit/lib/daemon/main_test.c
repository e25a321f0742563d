/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton: a small daemon in a child, its order of things, its end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "daemon/daemon.h"

/* --- the daemon ------------------------------------------------------------------ */

struct conf {
	char *greeting;
	char *fail; /* the hook that is to fail */
	char *drain;
	char *user;
};

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_STRING_PTR("greeting", CYAML_FLAG_POINTER, struct conf, greeting, 1, 64),
	CYAML_FIELD_STRING_PTR("fail", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf, fail,
	    1, 64),
	CYAML_FIELD_STRING_PTR("drain", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf,
	    drain, 1, 64),
	CYAML_FIELD_STRING_PTR("user", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf, user,
	    1, 64),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf,
    fields) };

static struct timer work;

static void
say(const char *what)
{
	(void)!write(1, what, strlen(what));
	(void)!write(1, " ", 1);
}

static int
hook(const struct daemon_run *run, const char *name, struct err *e)
{
	const struct conf *c = run->conf;

	say(name);
	if (c->fail && strcmp(c->fail, name) == 0)
		return err_set(e, "%s did not work", name);
	return 0;
}

static int
check(void *conf, struct err *e)
{
	const struct conf *c = conf;

	return strcmp(c->greeting, "rude") == 0 ? err_set(e, "greeting: be polite") : 0;
}

static const char *
user(const void *conf)
{
	return ((const struct conf *)conf)->user;
}

static int
prepare(struct daemon_run *run, struct err *e)
{
	return hook(run, "prepare", e);
}

static int
confine(struct daemon_run *run, struct err *e)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(e, "rights were not dropped before confine");
	return hook(run, "confine", e);
}

static void
on_work_done(void *arg)
{
	say("drained");
	daemon_stopped(arg);
}

static int
start(struct daemon_run *run, struct err *e)
{
	const struct conf *c = run->conf;

	timer_init(&work, run->loop, on_work_done, run);
	if (c->user && (geteuid() == 0 || setuid(0) == 0))
		return err_set(e, "still root");
	return hook(run, "start", e);
}

static void
reload(struct daemon_run *run, const void *fresh)
{
	const struct conf *c = fresh;

	(void)run;
	say(c->greeting);
}

static void
stop(struct daemon_run *run)
{
	const struct conf *c = run->conf;

	say("stop");
	if (c->drain && strcmp(c->drain, "never") == 0)
		return;
	timer_start(&work, 1);
}

static void
done(struct daemon_run *run)
{
	(void)run;
	say("done");
	timer_done(&work);
}

static const struct daemon daemon_table = {
	.name = "testd",
	.summary = "a test",
	.conf_schema = &schema,
	.drain_s = 1,
	.check = check,
	.user = user,
	.prepare = prepare,
	.confine = confine,
	.start = start,
	.reload = reload,
	.stop = stop,
	.done = done,
};

/* --- around it --------------------------------------------------------------------- */

static char folder[] = "/tmp/daemon-test-XXXXXX";

static void
path_of(const char *name, char *dst, size_t size)
{
	snprintf(dst, size, "%s/%s", folder, name);
}

static void
write_conf(const char *text)
{
	char path[64];
	struct err e;

	path_of("conf", path, sizeof(path));
	assert_int_equal(file_write(path, 0600, text, strlen(text), &e), 0);
}

/* Starts it with a notify socket; its stdout and stderr go to files. */
static pid_t
launch(const char *flag, int *ret_notify)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char out[64], err[64], conf[64];
	const struct timeval patience = { .tv_sec = 30 };
	int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	path_of("out", out, sizeof(out));
	path_of("err", err, sizeof(err));
	path_of("conf", conf, sizeof(conf));
	path_of("notify", sun.sun_path, sizeof(sun.sun_path));
	unlink(sun.sun_path);
	assert_int_equal(bind(notify, (struct sockaddr *)&sun, sizeof(sun)), 0);
	/* As systemd's own: open to the user that the daemon becomes. */
	assert_int_equal(chmod(sun.sun_path, 0666), 0);
	assert_int_equal(chmod(folder, 0711), 0);
	assert_int_equal(setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
	    0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *argv[] = { (char *)"testd", (char *)"--config", conf, (char *)(uintptr_t)flag,
			NULL };

		setenv("NOTIFY_SOCKET", sun.sun_path, 1);
		if (!freopen(out, "w", stdout) || !freopen(err, "w", stderr))
			_exit(99);
		exit(daemon_main(&daemon_table, flag ? 4 : 3, argv));
	}
	*ret_notify = notify;
	return pid;
}

static void
wait_for(int notify, const char *word)
{
	char text[512];
	ssize_t n;

	do {
		n = recv(notify, text, sizeof(text) - 1, 0);
		assert_true(n > 0);
		text[n] = 0;
	} while (!strstr(text, word));
}

static char *
content(const char *name)
{
	char path[64];
	char *text;
	struct err e;
	size_t n;

	path_of(name, path, sizeof(path));
	assert_int_equal(file_read(path, 100000, &text, &n, &e), 0);
	return text;
}

static int
end_of(pid_t pid, int notify)
{
	int status;

	waitpid(pid, &status, 0);
	close(notify);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

#if defined(__SANITIZE_ADDRESS__)
#define CONFINE "" /* no seccomp under a sanitizer */
#else
#define CONFINE "confine "
#endif

static void
hooks_run_in_order_and_sigterm_drains(void **state)
{
	_cleanup_free_ char *out = NULL, *err = NULL;
	int notify;
	pid_t pid;

	(void)state;
	write_conf("greeting: hello\n");
	pid = launch(NULL, &notify);
	wait_for(notify, "READY=1");
	kill(pid, SIGTERM);
	wait_for(notify, "STOPPING=1");
	assert_int_equal(end_of(pid, notify), 0);
	out = content("out");
	err = content("err");
	assert_string_equal(out, "prepare " CONFINE "start stop drained done ");
	assert_non_null(strstr(err, "testd info: ready"));
	assert_non_null(strstr(err, "testd info: stopped"));
}

static void
sighup_reads_the_configuration_again(void **state)
{
	_cleanup_free_ char *out = NULL, *err = NULL;
	int notify;
	pid_t pid;

	(void)state;
	write_conf("greeting: hello\n");
	pid = launch(NULL, &notify);
	wait_for(notify, "READY=1");
	write_conf("greeting: again\n");
	kill(pid, SIGHUP);
	wait_for(notify, "RELOADING=1");
	wait_for(notify, "READY=1");
	write_conf("greetin: wrong\n");
	kill(pid, SIGHUP);
	wait_for(notify, "RELOADING=1");
	wait_for(notify, "READY=1");
	kill(pid, SIGINT);
	assert_int_equal(end_of(pid, notify), 0);
	out = content("out");
	err = content("err");
	assert_non_null(strstr(out, "start again stop"));
	assert_non_null(strstr(err, "configuration not reloaded"));
	assert_non_null(strstr(err, "unknown key 'greetin'"));
}

static void
a_second_signal_does_not_wait(void **state)
{
	_cleanup_free_ char *out = NULL;
	int notify;
	pid_t pid;

	(void)state;
	write_conf("greeting: hello\ndrain: never\n");
	pid = launch(NULL, &notify);
	wait_for(notify, "READY=1");
	kill(pid, SIGTERM);
	wait_for(notify, "STOPPING=1");
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid, notify), 0);
	out = content("out");
	assert_string_equal(out, "prepare " CONFINE "start stop done ");
}

static void
a_drain_that_does_not_end_is_ended(void **state)
{
	_cleanup_free_ char *err = NULL;
	int notify;
	pid_t pid;

	(void)state;
	write_conf("greeting: hello\ndrain: never\n");
	pid = launch(NULL, &notify);
	wait_for(notify, "READY=1");
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid, notify), 0);
	err = content("err");
	assert_non_null(strstr(err, "stopping before all work was finished"));
}

static void
a_hook_that_fails_ends_the_start(void **state)
{
	static const char *const hooks[] = { "prepare", "start" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *err = NULL;
		char text[64], want[64];
		int notify;
		pid_t pid;

		snprintf(text, sizeof(text), "greeting: hello\nfail: %s\n", hooks[i]);
		snprintf(want, sizeof(want), "testd error: %s did not work", hooks[i]);
		write_conf(text);
		pid = launch(NULL, &notify);
		assert_int_equal(end_of(pid, notify), 1);
		err = content("err");
		assert_non_null(strstr(err, want));
	}
}

static void
root_is_gone_before_start(void **state)
{
	_cleanup_free_ char *err = NULL;
	int notify;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	write_conf("greeting: hello\nuser: nobody\n");
	pid = launch(NULL, &notify);
	wait_for(notify, "READY=1");
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid, notify), 0);
	write_conf("greeting: hello\nuser: no-such-user\n");
	pid = launch(NULL, &notify);
	assert_int_equal(end_of(pid, notify), 1);
	err = content("err");
	assert_non_null(strstr(err, "there is no user 'no-such-user'"));
}

static void
check_says_what_is_wrong_and_starts_nothing(void **state)
{
	_cleanup_free_ char *good = NULL, *bad = NULL, *worse = NULL, *flag = NULL;
	int notify;
	pid_t pid;

	(void)state;
	write_conf("greeting: hello\n");
	pid = launch("--check", &notify);
	assert_int_equal(end_of(pid, notify), 0);
	good = content("out");
	assert_non_null(strstr(good, "/conf: ok\n"));
	assert_null(strstr(good, "prepare"));
	write_conf("greeting: rude\n");
	pid = launch("--check", &notify);
	assert_int_equal(end_of(pid, notify), 1);
	bad = content("err");
	assert_non_null(strstr(bad, "/conf: greeting: be polite\n"));
	write_conf("greeting: hello\nfial: x\n");
	pid = launch("--check", &notify);
	assert_int_equal(end_of(pid, notify), 1);
	worse = content("err");
	assert_non_null(strstr(worse, "/conf:2: unknown key 'fial'\n"));
	pid = launch("--chekc", &notify);
	assert_int_equal(end_of(pid, notify), 1);
	flag = content("err");
	assert_string_equal(flag, "ERROR: unknown option '--chekc'; did you mean '--check'?\n");
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_run_in_order_and_sigterm_drains),
		cmocka_unit_test(sighup_reads_the_configuration_again),
		cmocka_unit_test(a_second_signal_does_not_wait),
		cmocka_unit_test(a_drain_that_does_not_end_is_ended),
		cmocka_unit_test(a_hook_that_fails_ends_the_start),
		cmocka_unit_test(root_is_gone_before_start),
		cmocka_unit_test(check_says_what_is_wrong_and_starts_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
