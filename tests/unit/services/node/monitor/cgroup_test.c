/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of cgroup v2 for a session: limits, and its end. The files that the kernel puts into a new cgroup are put
 * there by a mkdir of ours, since few machines on which this runs have controllers to give.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "node/monitor/cgroup.h"

static char parent[64], session[128];
static const struct cgroup_limits limits = { .processes = 300, .memory = 1 << 30 };
/* What this kernel has; NULL: nothing more. */
static const char *const *kernel_files;

int
mkdir(const char *path, mode_t mode)
{
	int r = mkdirat(AT_FDCWD, path, mode);

	for (size_t i = 0; r == 0 && kernel_files && kernel_files[i]; i++) {
		char file[256];
		struct err e = { "" };

		str_format(file, sizeof(file), "%s/%s", path, kernel_files[i]);
		assert_int_equal(file_write(file, 0600, "", 0, &e), 0);
	}
	return r;
}

static const char *
content(const char *dir, const char *name)
{
	static char text[64];
	char path[256];
	int fd;

	str_format(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int
setup(void **state)
{
	(void)state;
	str_copy(parent, sizeof(parent), "/tmp/cgroup-test.XXXXXX");
	return mkdtemp(parent) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	str_format(command, sizeof(command), "rm -rf %s", parent);
	return system(command);
}

static void
a_session_has_its_limits(void **state)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.kill", "pids.max",
		"memory.max", NULL };

	(void)state;
	kernel_files = files;
	assert_true(cgroup_make(parent, "1", &limits, session, sizeof(session)));
	assert_true(str_ends(session, "/session-1"));
	assert_string_equal(content(session, "pids.max"), "300");
	assert_string_equal(content(session, "memory.max"), "1073741824");
	cgroup_enter(session);
	assert_string_equal(content(session, "cgroup.procs"), "0");
	assert_string_equal(content(session, "cgroup.kill"), "");
	assert_true(cgroup_kill(session));
	assert_string_equal(content(session, "cgroup.kill"), "1");
	/* One session, one cgroup. */
	assert_false(cgroup_make(parent, "1", &limits, session, sizeof(session)));
	assert_string_equal(session, "");
}

static void
without_controllers_it_says_that_nothing_is_counted(void **state)
{
	static const char *const files[] = { "cgroup.procs", NULL };

	(void)state;
	kernel_files = files;
	assert_false(cgroup_make(parent, "2", &limits, session, sizeof(session)));
	assert_true(str_ends(session,
	    "/session-2")); /* its end still reaches all in it, where it can be killed */
	assert_false(cgroup_kill(session));
}

static void
without_a_place_nothing_is_done(void **state)
{
	(void)state;
	assert_false(cgroup_make("", "3", &limits, session, sizeof(session)));
	assert_string_equal(session, "");
	assert_false(cgroup_kill(""));
	cgroup_enter("");
	cgroup_remove("");
	cgroup_sweep("");
	cgroup_divide("");
}

static void
who_divides_goes_into_one_beside_the_sessions(void **state)
{
	static const char *const files[] = { "cgroup.procs", NULL };
	char path[128], own[128];
	struct err e = { "" };

	(void)state;
	kernel_files = files;
	str_format(path, sizeof(path), "%s/cgroup.subtree_control", parent);
	assert_int_equal(file_write(path, 0600, "", 0, &e), 0);
	cgroup_divide(parent);
	str_format(own, sizeof(own), "%s/noded", parent);
	assert_string_equal(content(own, "cgroup.procs"), "0");
	assert_true(content(parent, "cgroup.subtree_control")[0] == '+');
}

static void
only_empty_ones_of_sessions_are_swept(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const files[] = { "cgroup.procs", NULL };
	char other[128];

	(void)state;
	kernel_files = none;
	str_format(other, sizeof(other), "%s/noded", parent);
	assert_int_equal(mkdir(other, 0700), 0);
	(void)cgroup_make(parent, "empty", &limits, session, sizeof(session));
	kernel_files = files;
	(void)cgroup_make(parent, "full", &limits, session, sizeof(session));
	cgroup_sweep(parent);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(access(session, F_OK), 0);
	str_format(session, sizeof(session), "%s/session-empty", parent);
	assert_true(access(session, F_OK) != 0 && errno == ENOENT);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_session_has_its_limits),
		T(without_controllers_it_says_that_nothing_is_counted),
		T(without_a_place_nothing_is_done),
		T(who_divides_goes_into_one_beside_the_sessions),
		T(only_empty_ones_of_sessions_are_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
