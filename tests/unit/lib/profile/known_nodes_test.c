/* SPDX-License-Identifier: Apache-2.0 */
/* Which machine a name was: remembered for ever, by cluster and in any spelling, until somebody says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "profile/known_nodes.h"
#include "profile_home.h"

#define A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define B "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"

static char path[128];

static int
setup(void **state)
{
	return profile_home_setup(state) == 0 &&
		str_format(path, sizeof path, "%s/known_nodes", test_home)
	    ? 0
	    : -1;
}

static int
check(const char *cluster, const char *name, const char *uuid)
{
	struct err e = { "" };
	int rc = known_nodes_check(cluster, name, uuid, &e);

	assert_true((rc == 0) == (e.text[0] == '\0'));
	return rc;
}

static void
the_first_machine_of_a_name_keeps_it(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(known_nodes_check("example.com", "web-1", B, &e), KNOWN_NODES_E_OTHER);
	assert_string_equal(e.text,
	    "web-1 is another machine than before: it was " A " and is " B
	    "; if it was set up anew, run tsh forget web-1");
	/* Having been refused it is no better known. */
	assert_int_equal(check("example.com", "web-1", B), KNOWN_NODES_E_OTHER);
	assert_int_equal(check("example.com", "web-1", A), 0);
}

static void
a_name_is_one_name_in_every_spelling(void **state)
{
	(void)state;
	assert_int_equal(check("example.com", "Web-1", A), 0);
	assert_int_equal(check("example.com", "web-1.EXAMPLE.com", B), KNOWN_NODES_E_OTHER);
	assert_int_equal(check("example.com", "WEB-1", B), KNOWN_NODES_E_OTHER);
	/* of another name, or cluster, nothing is said */
	assert_int_equal(check("example.com", "web-1x", B), 0);
	assert_int_equal(check("example.com", "web", B), 0);
	assert_int_equal(check("example.org", "web-1", B), 0);
}

static void
what_is_forgotten_is_that_name_alone(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-2", A), 0);
	assert_int_equal(check("example.org", "web-1", A), 0);
	assert_int_equal(known_nodes_forget("example.com", "Web-1.example.com", &e), 0);
	assert_int_equal(known_nodes_forget("example.com", "web-1", &e), KNOWN_NODES_NONE);
	assert_int_equal(check("example.com", "web-1", B), 0);
	assert_int_equal(check("example.com", "web-1", A), KNOWN_NODES_E_OTHER);
	assert_int_equal(check("example.com", "web-2", B), KNOWN_NODES_E_OTHER);
	assert_int_equal(check("example.org", "web-1", B), KNOWN_NODES_E_OTHER);
}

/* Two programs that meet two machines at once both write; the first line counts, for both from then on. */
static void
of_two_lines_the_first_counts(void **state)
{
	const char *text = "example.com web-1 " A "\nexample.com web-1 " B "\n";

	(void)state;
	assert_int_equal(file_write(path, 0600, text, strlen(text), NULL), 0);
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-1", B), KNOWN_NODES_E_OTHER);
}

static void
what_is_damaged_is_nobodys(void **state)
{
	/* The first as a full disk leaves it. */
	static const char *const texts[] = { "example.com web-1 aaaa",
		"example.com web-1 aaaa\n", "example.com web-1 " A " and more\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(file_write(path, 0600, texts[i], strlen(texts[i]), NULL), 0);
		assert_int_equal(check("example.com", "web-1", A), 0);
		assert_int_equal(check("example.com", "web-1", B), KNOWN_NODES_E_OTHER);
	}
	assert_int_equal(file_write(path, 0600, "\n \n\nexample.com\n", 16, NULL), 0);
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-1", B), KNOWN_NODES_E_OTHER);
	/* What cannot be read at all is no reason to believe somebody new. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(check("example.com", "web-1", A) < 0);
	assert_int_equal(rmdir(path), 0);
}

static void
a_last_line_that_is_open_stays_one(void **state)
{
	(void)state;
	assert_int_equal(file_write(path, 0600, "example.com web-1 " A, 54, NULL), 0);
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-2", B), 0);
	assert_int_equal(check("example.com", "web-1", A), 0);
	assert_int_equal(check("example.com", "web-2", A), KNOWN_NODES_E_OTHER);
}

/* No name that is a line of its own. */
static void
what_fits_no_line_is_not_kept(void **state)
{
	char long_name[300];

	(void)state;
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(check("example.com", "web-1 " A "\nexample.com web-2", A), 0);
	assert_int_equal(check("example.com", long_name, A), 0);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, profile_home_teardown)
	const struct CMUnitTest tests[] = {
		T(the_first_machine_of_a_name_keeps_it),
		T(a_name_is_one_name_in_every_spelling),
		T(what_is_forgotten_is_that_name_alone),
		T(of_two_lines_the_first_counts),
		T(what_is_damaged_is_nobodys),
		T(a_last_line_that_is_open_stays_one),
		T(what_fits_no_line_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
