/* SPDX-License-Identifier: Apache-2.0 */
/* A library that comes when it is called, and the end of a program that lacks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lazy/lazy.h"

static void
a_function_is_found_and_kept(void **state)
{
	struct lazy l = { .soname = "libm.so.6" };
	lazy_fn *fn = NULL;
	double (*square_root)(double);

	(void)state;
	square_root = (double (*)(double))lazy_find(&l, &fn, "sqrt");
	assert_true(square_root(9) > 2.9 && square_root(9) < 3.1);
	assert_non_null(l.handle);
	/* From now on the name is not looked at. */
	assert_ptr_equal(lazy_find(&l, &fn, "no such function"), fn);
}

/* What the program says as it ends; its status. */
static int
end_of(const char *soname, const char *name, char *text, size_t size)
{
	struct lazy l = { .soname = soname };
	lazy_fn *fn = NULL;
	int out[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		(void)lazy_find(&l, &fn, name);
		_exit(99);
	}
	close(out[1]);
	n = read(out[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void
a_program_that_lacks_it_ends_and_says_so(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(end_of("libnosuch-sallyport.so.1", "sqrt", text, sizeof text), 1);
	assert_non_null(strstr(text, "ERROR: libnosuch-sallyport.so.1: "));
	assert_int_equal(end_of("libm.so.6", "no_such_function", text, sizeof text), 1);
	assert_non_null(strstr(text, "no_such_function"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_found_and_kept),
		cmocka_unit_test(a_program_that_lacks_it_ends_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
