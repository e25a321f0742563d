/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of noded's worker as its monitor leads it: started, killed when it breaks the rules,
 * started again, given up, stopped. The worker is this program, started again by the monitor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "fake_worker.h"

/* --- the worker ------------------------------------------------------------------------------- */

static void
tell(enum mon_type type, uint32_t request, const uint32_t *number, const int *fds, size_t n_fds)
{
	struct buf b;

	buf_init(&b, 64);
	mon_begin(&b, type, request);
	if (number)
		wire_put_u32(&b, *number);
	if (mon_send(MON_FD, buf_span(&b), fds, n_fds) != 0)
		_exit(90);
	buf_done(&b);
}

static void
await(uint8_t wanted)
{
	static uint8_t packet[MON_MESSAGE_MAX];
	struct pollfd p = { MON_FD, POLLIN, 0 };
	int fds[MON_FDS_MAX];
	size_t n_fds;
	uint8_t type = 0;
	uint32_t request;
	struct wire w;

	while (type != wanted) {
		(void)poll(&p, 1, -1);
		ssize_t n = mon_receive(MON_FD, packet, sizeof(packet), fds, &n_fds);
		if (n < 0)
			_exit(91);
		if (n > 0 && mon_open((struct span){ packet, (size_t)n }, &type, &request, &w))
			_exit(92);
	}
}

static void
greet(void)
{
	const uint32_t version = MON_VERSION;

	tell(MON_HELLO, 1, &version, NULL, 0);
	await(MON_ANSWER);
}

static void
be_ready(void)
{
	greet();
	tell(MON_READY, 2, NULL, NULL, 0);
	await(MON_ANSWER);
}

static void
wait_for_ever(void)
{
	for (;;)
		pause();
}

/* What the worker is to do is in the environment. */
static void
play(const char *part)
{
	const uint32_t version = MON_VERSION;
	const uint32_t other = MON_VERSION + 1;
	const int input = STDIN_FILENO;

	if (strcmp(part, "is of another version") == 0)
		tell(MON_HELLO, 1, &other, NULL, 0), await(MON_ANSWER), _exit(1);
	if (strcmp(part, "gives up") == 0)
		_exit(1);
	if (strcmp(part, "leaves") == 0)
		_exit(0);
	if (strcmp(part, "crashes") == 0)
		(void)raise(SIGKILL);
	if (strcmp(part, "is ready and gives up") == 0)
		be_ready(), _exit(1);
	if (strcmp(part, "is ready twice") == 0)
		be_ready(), tell(MON_READY, 3, NULL, NULL, 0);
	if (strcmp(part, "brings a descriptor") == 0)
		tell(MON_HELLO, 1, &version, &input, 1);
	if (strcmp(part, "hangs up") == 0)
		close(MON_FD);
	if (strcmp(part, "serves") == 0)
		greet(), await(MON_STOP), _exit(0);
	if (strcmp(part, "is deaf") == 0)
		greet();
	wait_for_ever();
}

/* --- the monitor ------------------------------------------------------------------------------ */

static int
setup(void **state)
{
	struct worker *f;

	if (worker_setup(state))
		return -1;
	f = *state;
	close(f->monitor.peer.fd);
	f->monitor.peer.fd = -1;
	f->monitor.worker_path = "/proc/self/exe";
	return 0;
}

static int
teardown(void **state)
{
	struct worker *f = *state;
	int status;

	if (f->monitor.worker > 0) {
		kill(f->monitor.worker, SIGKILL);
		(void)waitpid(f->monitor.worker, &status, 0);
	}
	return worker_teardown(state);
}

/* Of what children of the test's own have left. */
static void
drain(struct monitor *m)
{
	while (monitor_turn(m, 0) > 0)
		;
}

/* As the timer does, when it is time to look after the worker. */
static void
wake(struct monitor *m)
{
	struct itimerspec now = { .it_value = { 0, 1 } };

	drain(m);
	assert_int_equal(timerfd_settime(m->wake.fd, 0, &now, NULL), 0);
	assert_int_equal(monitor_turn(m, 10000), 1);
}

static void
start(struct monitor *m, const char *part)
{
	setenv("TEST_WORKER", part, 1);
	wake(m);
	assert_true(m->worker > 0 || m->stopping);
}

static void
turn_until_it_is_dead(struct monitor *m)
{
	for (int i = 0; i < 1000 && m->worker > 0; i++)
		assert_true(monitor_turn(m, 10) >= 0);
	assert_int_equal(m->worker, 0);
	assert_int_equal(m->peer.fd, -1);
}

static void
turn_until_greeted(struct monitor *m)
{
	for (int i = 0; i < 1000 && !m->greeted; i++)
		assert_true(monitor_turn(m, 10) >= 0);
	assert_true(m->greeted);
}

static int64_t
wakes_in_ms(const struct monitor *m)
{
	struct itimerspec left;

	assert_int_equal(timerfd_gettime(m->wake.fd, &left), 0);
	return left.it_value.tv_sec * 1000 + (left.it_value.tv_nsec + 999999) / 1000000;
}

static void
what_never_was_ready_and_fails_is_not_tried_again(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "gives up");
	turn_until_it_is_dead(m);
	assert_true(m->stopping);
	assert_int_equal(m->exit_code, 1);
	assert_int_equal(m->backoff_ms, 0);
}

/* A good end, a crash, and any end of one that was ready: started again. */
static void
what_dies_otherwise_is_started_again(void **state)
{
	static const char *const parts[] = { "leaves", "crashes", "is ready and gives up" };
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		m->backoff_ms = 0;
		m->was_ready = false;
		start(m, parts[i]);
		turn_until_it_is_dead(m);
		assert_int_equal(m->was_ready, i == 2);
		assert_false(m->stopping);
		assert_int_equal(m->exit_code, 0);
		assert_int_equal(m->backoff_ms, 100);
		assert_in_range(wakes_in_ms(m), 1, 100);
	}
	/* By the timer itself, and as new: it must greet again. */
	m->greeted = true;
	m->done_once = ~0u;
	setenv("TEST_WORKER", "serves", 1);
	for (int i = 0; i < 1000 && m->worker == 0; i++)
		assert_true(monitor_turn(m, 10) >= 0);
	assert_true(m->worker > 0);
	assert_false(m->greeted);
	turn_until_greeted(m);
}

/* noded was upgraded and not restarted: the monitor that cannot speak with its worker any more makes room for a new one. */
static void
a_worker_of_another_version_ends_the_monitor_too(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "is ready and gives up");
	turn_until_it_is_dead(m);
	assert_false(m->stopping);
	start(m, "is of another version");
	turn_until_it_is_dead(m);
	assert_true(m->stopping);
	assert_int_equal(m->exit_code, 1);
}

static void
each_time_it_waits_twice_as_long_until_one_lived(void **state)
{
	static const int64_t waits[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		start(m, "crashes");
		turn_until_it_is_dead(m);
		assert_int_equal(m->backoff_ms, waits[i]);
		assert_in_range(wakes_in_ms(m), 1, waits[i]);
	}
	start(m, "crashes");
	m->started_ms -= 8000; /* not long enough */
	turn_until_it_is_dead(m);
	assert_int_equal(m->backoff_ms, 5000);
	start(m, "crashes");
	m->started_ms -= 10001;
	turn_until_it_is_dead(m);
	assert_int_equal(m->backoff_ms, 100);
}

static void
who_breaks_the_rules_is_killed(void **state)
{
	static const char *const parts[] = { "is ready twice", "brings a descriptor" };
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		m->backoff_ms = 0;
		start(m, parts[i]);
		turn_until_it_is_dead(m);
		assert_int_equal(m->backoff_ms, 100);
		assert_false(m->stopping);
	}
}

static void
who_keeps_the_rules_lives_on(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "serves");
	turn_until_greeted(m);
	pid_t worker = m->worker;
	wake(m); /* neither killed nor started beside itself */
	for (int i = 0; i < 20; i++)
		assert_true(monitor_turn(m, 1) >= 0);
	assert_int_equal(m->worker, worker);
	assert_int_equal(waitpid(worker, NULL, WNOHANG), 0);
	assert_true(m->peer.fd >= 0);
}

/* It is ending, and may say how; but not for ever. */
static void
who_hangs_up_has_a_while_to_end(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "hangs up");
	for (int i = 0; i < 1000 && m->peer.fd >= 0; i++)
		assert_true(monitor_turn(m, 10) >= 0);
	assert_int_equal(m->peer.fd, -1);
	assert_true(m->worker > 0);
	assert_in_range(wakes_in_ms(m), 1, 2000);
	assert_int_equal(waitpid(m->worker, NULL, WNOHANG), 0);
	monitor_answer(m, 1, true, ""); /* goes nowhere, and kills nobody */
	assert_int_equal(waitpid(m->worker, NULL, WNOHANG), 0);
	wake(m);
	turn_until_it_is_dead(m);
	assert_int_equal(m->backoff_ms, 100);
}

static void
who_does_not_read_is_killed(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;
	int told = 0;

	start(m, "is deaf");
	turn_until_greeted(m);
	for (; told < 100000 && m->peer.fd >= 0; told++)
		monitor_answer(m, 1, true, "");
	assert_true(told > 1 && told < 100000);
	turn_until_it_is_dead(m);
	assert_int_equal(m->backoff_ms, 100);
}

static void
stopped_it_is_asked_and_asked_twice_killed(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "is deaf");
	turn_until_greeted(m);
	(void)raise(SIGTERM);
	assert_int_equal(monitor_turn(m, 10000), 1);
	assert_true(m->stopping);
	assert_int_equal(usleep(50000), 0);
	assert_int_equal(waitpid(m->worker, NULL, WNOHANG), 0);
	(void)raise(SIGINT);
	assert_int_equal(monitor_turn(m, 10000), 1);
	turn_until_it_is_dead(m);
	wake(m); /* nothing is started any more */
	assert_int_equal(m->worker, 0);
}

static void
before_its_greeting_a_signal_stops_it(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	start(m, "says nothing");
	(void)raise(SIGTERM);
	turn_until_it_is_dead(m);
	assert_true(m->stopping);
	assert_int_equal(m->exit_code, 0);
}

static void
the_whole_ends_when_the_worker_has(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;

	setenv("TEST_WORKER", "serves", 1);
	(void)raise(SIGTERM); /* read after the start */
	assert_int_equal(monitor_run(m), 0);
	assert_int_equal(m->worker, 0);
	m->stopping = false;
	setenv("TEST_WORKER", "gives up", 1);
	assert_int_equal(monitor_run(m), 1);
	assert_int_equal(m->worker, 0);
}

static void
without_descriptors_no_worker_is_started(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;
	struct rlimit was, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	wake(m);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(m->worker, 0);
	assert_true(m->stopping);
	assert_int_equal(m->exit_code, 1);
}

static void
on_alarm(int signo)
{
	(void)signo;
}

static void
a_turn_tells_an_interruption_from_the_end_of_its_events(void **state)
{
	struct worker *f = *state;
	struct monitor *m = &f->monitor;
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_interval = { 0, 10000 }, .it_value = { 0, 10000 } },
			       never = { { 0, 0 }, { 0, 0 } };
	int epoll = m->epoll;

	drain(m);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(monitor_turn(m, 10000), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	m->epoll = -1;
	assert_true(monitor_turn(m, 0) < 0);
	setenv("TEST_WORKER", "serves", 1);
	assert_int_equal(monitor_run(m), 1);
	m->epoll = epoll;
}

/* --- its start -------------------------------------------------------------------------------- */

static struct monitor again; /* beside the fixture's, over a state folder of the test's choice */

static int
init_again(struct worker *f, char *folder, struct err *e)
{
	char *was = f->config->state;

	f->config->state = folder;
	int r = monitor_init(&again, f->config, f->config_path, "/bin/false", e);
	f->config->state = was;
	return r;
}

static void
a_state_that_cannot_be_read_stops_the_start(void **state)
{
	static const char *const names[] = { "ca-bundle", "seen-sessions", "ssh_host_key",
		"cutoffs" };
	struct worker *f = *state;
	char folder[128], path[256];
	struct err e = { "" };

	str_format(folder, sizeof(folder), "%s/other", f->world->dir);
	assert_int_equal(init_again(f, folder, &e), 0);
	monitor_done(&again);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		str_format(path, sizeof(path), "%s/monitor/%s", folder, names[i]);
		(void)unlink(path);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_true(init_again(f, folder, &e) < 0);
		monitor_done(&again);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(init_again(f, folder, &e), 0);
	monitor_done(&again);
	/* Where a folder must be is a file. */
	assert_true(init_again(f, f->config_path, &e) < 0);
	monitor_done(&again);
}

/* The longest name in it decides, and nothing is cut short. */
static void
a_state_folder_may_be_as_long_as_its_longest_path(void **state)
{
	enum { PATH_SIZE = 512 };
	const size_t most = PATH_SIZE - 1 - strlen("/monitor/seen-sessions");
	struct worker *f = *state;
	char folder[PATH_SIZE + 16];
	struct err e = { "" };

	for (size_t n = most; n <= most + 3; n++) {
		size_t at = strlen(f->world->dir);
		str_copy(folder, sizeof(folder), f->world->dir);
		for (; at < n; at++)
			folder[at] = at % 100 == 99 && at + 1 < n ? '/' : 'a';
		folder[strlen(f->world->dir)] = '/';
		folder[n] = '\0';
		if ((init_again(f, folder, &e) == 0) != (n == most))
			fail_msg("%zu: %s", n, e.text);
		if (n > most)
			assert_non_null(strstr(e.text, "the path is too long"));
		monitor_done(&again);
	}
}

/* However many descriptors there are: it starts with all that it needs, or not at all. */
static void
without_descriptors_it_does_not_start(void **state)
{
	struct worker *f = *state;
	struct rlimit was, few;
	bool started = false;
	char folder[128];
	struct err e = { "" };

	str_format(folder, sizeof(folder), "%s/other", f->world->dir);
	assert_int_equal(init_again(f, folder, &e), 0);
	monitor_done(&again);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	for (few = was, few.rlim_cur = 3; !started; few.rlim_cur++) {
		assert_true(few.rlim_cur < 200);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		started = init_again(f, folder, &e) == 0;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		if (started) {
			assert_true(again.epoll >= 0);
			assert_true(again.signals.fd >= 0);
			assert_true(again.wake.fd >= 0);
		}
		monitor_done(&again);
	}
}

int
main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_never_was_ready_and_fails_is_not_tried_again),
		T(what_dies_otherwise_is_started_again),
		T(a_worker_of_another_version_ends_the_monitor_too),
		T(each_time_it_waits_twice_as_long_until_one_lived),
		T(who_breaks_the_rules_is_killed),
		T(who_keeps_the_rules_lives_on),
		T(who_hangs_up_has_a_while_to_end),
		T(who_does_not_read_is_killed),
		T(stopped_it_is_asked_and_asked_twice_killed),
		T(before_its_greeting_a_signal_stops_it),
		T(the_whole_ends_when_the_worker_has),
		T(without_descriptors_no_worker_is_started),
		T(a_turn_tells_an_interruption_from_the_end_of_its_events),
		T(a_state_that_cannot_be_read_stops_the_start),
		T(a_state_folder_may_be_as_long_as_its_longest_path),
		T(without_descriptors_it_does_not_start),
	};

	if (argc > 1 && strcmp(argv[1], "worker") == 0)
		play(getenv("TEST_WORKER"));
	/* A monitor that killed "worker 0" would kill its process group: let that be this program. */
	(void)setpgid(0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
