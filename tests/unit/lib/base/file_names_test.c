/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files under names that somebody else may change meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

static char dir[] = "/tmp/file-names-XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[4][64];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, 64, "%s/%s", dir, name);
	return p;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

static void
make(const char *path, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
a_file_is_closed_to_others_by_no_name_but_its_own(void **state)
{
	const char *file = path_of("file"), *link_ = path_of("link"), *other = path_of("other");
	struct err e;

	(void)state;
	make(file, 0644);
	assert_int_equal(symlink(file, link_), 0);
	assert_true(file_close_to_others(link_, &e) < 0);
	assert_int_equal(mode_of(file), 0644);
	assert_int_equal(file_close_to_others(file, &e), 1);
	assert_int_equal(mode_of(file), 0600);
	assert_int_equal(file_close_to_others(file, &e), 0);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(link(file, other), 0);
	assert_true(file_close_to_others(other, &e) < 0);
	assert_non_null(strstr(e.text, "several names"));
	assert_int_equal(mode_of(file), 0644);
	/* No opening that waits for a writer, either. */
	assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);
	assert_true(file_close_to_others(path_of("fifo"), &e) < 0);
	assert_true(file_close_to_others(dir, &e) < 0);
	assert_true(file_close_to_others(path_of("none"), &e) < 0);
}

static void
a_new_file_replaces_nothing(void **state)
{
	const char *path = path_of("new"), *target = path_of("target");
	struct err e;

	(void)state;
	assert_int_equal(file_write_new(path, 0600, "one", 3, &e), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_true(file_write_new(path, 0600, "two", 3, &e) < 0);
	assert_int_equal(file_write(path, 0600, "three", 5, &e), 0);
	/* A link that waits there is not followed: nothing is written behind it. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_true(file_write_new(path, 0600, "four", 4, &e) < 0);
	assert_int_equal(file_write(path, 0600, "five", 4, &e), 0);
	assert_true(access(target, F_OK) < 0);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "file", "link", "other", "fifo", "new", "target" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlink(path_of(names[i]));
	return rmdir(dir);
}

/* As NFS, sshfs and GlusterFS answer. In place of libc's. */
static bool without_flags;

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (without_flags && flags) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static void
a_new_file_is_made_on_file_systems_that_only_rename(void **state)
{
	const char *file = path_of("fresh"), *other = path_of("taken");
	char pattern[64];
	struct err e;
	glob_t found;

	(void)state;
	make(other, 0644);
	for (int i = 0; i < 2; i++) {
		without_flags = i == 1;
		assert_int_equal(file_write_new(file, 0600, "x", 1, &e), 0);
		assert_int_equal(mode_of(file), 0600);
		assert_true(file_write_new(other, 0600, "x", 1, &e) < 0);
		assert_non_null(strstr(e.text, "File exists"));
		assert_int_equal(mode_of(other), 0644);
		assert_int_equal(unlink(file), 0);
	}
	assert_int_equal(unlink(other), 0);
	/* Nothing of another name was left. */
	str_format(pattern, sizeof(pattern), "%s/*.??????", dir);
	assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_closed_to_others_by_no_name_but_its_own),
		cmocka_unit_test(a_new_file_replaces_nothing),
		cmocka_unit_test(a_new_file_is_made_on_file_systems_that_only_rename),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
