/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions at a terminal.
 */
#include <pty.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli_priv.h"

static int master;

static void
set_interrupt(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

/* Takes the signal in the place of the thread that waits, as one of a library's may. */
static void *
other_thread(void *arg)
{
	char seen[64] = "";
	size_t n = 0;

	(void)arg;
	set_interrupt(SIG_UNBLOCK);
	while (!strstr(seen, "Secret: ") && n < sizeof(seen) - 1)
		n += (size_t)read(master, seen + n, 1);
	kill(getpid(), SIGINT);
	return NULL;
}

static void
a_signal_that_another_thread_takes_ends_the_question(void **state)
{
	struct termios before, after;
	char answer[16];
	pthread_t thread;
	struct err e;
	int slave;

	(void)state;
	alarm(30);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(dup2(slave, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(tcgetattr(slave, &before), 0);
	set_interrupt(SIG_BLOCK);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	assert_true(cli_prompt_secret("Secret: ", answer, sizeof(answer), &e) < 0);
	assert_int_equal(cli_prompt_interrupted(), SIGINT);
	pthread_join(thread, NULL);
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(before.c_lflag, after.c_lflag);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_that_another_thread_takes_ends_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
