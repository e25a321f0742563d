/* SPDX-License-Identifier: Apache-2.0 */
/* proxyd's defaults that depend on the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "proxy/conf.h"

/* How many connections a proxy takes whose process may have so many files, the soft limit below the hard one. */
static int64_t
connections(int64_t configured, rlim_t files)
{
	struct conf c = { .public_addr = (char *)(uintptr_t) "proxy.example.com:443",
		.authd_addr = (char *)(uintptr_t) "127.0.0.1:3025",
		.limits.connections = configured };
	struct rlimit limit = { .rlim_cur = files / 2, .rlim_max = files };
	struct err e = { "" };

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (conf_check(&c, &e) < 0)
		fail_msg("%s", e.text);
	return c.limits.connections;
}

/* Once a process: the hard limit only goes down. */
static void
the_default_is_what_the_descriptors_are_enough_for(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(connections(0, 4096), (4096 - 256) * 3 / 5);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
	assert_int_equal(connections(777, 4000), 777);
	assert_int_equal(connections(0, 1024), (1024 - 256) * 3 / 5);
	assert_int_equal(connections(0, 100), 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_what_the_descriptors_are_enough_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
