/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a session starts, its end reaches: daemons, processes that fork while they are killed, those that never stay
 * what they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/monitor/reaper.h"

enum { ROUNDS_MAX = 2000000 };

/* A process of the session writes here as long as it lives: end of file is the proof that all are gone. */
static int alive[2];

/* In a process of its own, as a keeper is: starts `session`, then kills until nothing is left. */
static void
ends(void (*session)(void))
{
	int status;
	char c;

	assert_int_equal(pipe(alive), 0);
	pid_t keeper = fork();
	if (keeper == 0) {
		close(alive[0]);
		if (reaper_adopt())
			_exit(2);
		if (fork() == 0) {
			setsid();
			session();
			_exit(0);
		}
		usleep(50000); /* it may do its worst */
		for (int i = 0; i < ROUNDS_MAX; i++) {
			reaper_kill_children(NULL, NULL);
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
				_exit(0);
		}
		_exit(3);
	}
	close(alive[1]);
	assert_int_equal(waitpid(keeper, &status, 0), keeper);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	while (read(alive[0], &c, 1) > 0)
		;
	close(alive[0]);
}

static void
wait_for_ever(void)
{
	for (;;)
		pause();
}

static void
a_daemon(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			setsid();
			wait_for_ever();
		}
		_exit(0);
	}
}

static void
a_daemon_dies_with_its_session(void **state)
{
	(void)state;
	ends(a_daemon);
}

static void
a_deep_tree(void)
{
	for (int depth = 0; depth < 100; depth++) {
		if (fork() != 0)
			wait_for_ever();
		if (depth % 2)
			setsid();
	}
	wait_for_ever();
}

static void
a_deep_tree_dies_with_its_session(void **state)
{
	(void)state;
	ends(a_deep_tree);
}

/* No process lives long enough to be looked at twice, and none is in the group of the one before. */
static void
a_comet(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		if (pid == 0)
			setsid();
	}
}

static void
what_forks_away_while_it_is_killed_dies_too(void **state)
{
	(void)state;
	ends(a_comet);
}

static void
a_bomb(void)
{
	/* As many as half a thousand at a time: the machine is not only ours. */
	for (int i = 0; i < 20; i++)
		if (fork() == 0)
			for (;;) {
				for (int k = 0; k < 25; k++)
					if (fork() == 0) {
						usleep(1000);
						_exit(0);
					}
				while (waitpid(-1, NULL, 0) > 0)
					;
			}
	wait_for_ever();
}

static void
a_fork_bomb_dies_with_its_session(void **state)
{
	(void)state;
	ends(a_bomb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_daemon_dies_with_its_session),
		cmocka_unit_test(a_deep_tree_dies_with_its_session),
		cmocka_unit_test(what_forks_away_while_it_is_killed_dies_too),
		cmocka_unit_test(a_fork_bomb_dies_with_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
