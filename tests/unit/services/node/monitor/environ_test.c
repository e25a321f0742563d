/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a client's variables reaches a session: how texts look, under any name that a shell knows, and nothing that
 * changes what programs do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "node/monitor/environ.h"

static struct conf config;

/* The value that a session has of NAME when the client sends NAME=value; NULL: none. */
static const char *
comes_through(const char *name)
{
	static char value[64];
	struct account account = { .name = (char *)(uintptr_t) "root",
		.home = (char *)(uintptr_t) "/root",
		.shell = (char *)(uintptr_t) "/bin/sh" };
	struct mon_start start = { .n_env = 1 };
	const struct keeper k = { .config = &config, .start = &start, .user = "alice" };
	const char *found = NULL;
	char **env;

	start.env[0].name = span_str(name);
	start.env[0].value = span_str("value");
	env = environ_make(&k, &account);
	assert_non_null(env);
	for (char **v = env; *v; v++) {
		if (strncmp(*v, name, strlen(name)) == 0 && (*v)[strlen(name)] == '=') {
			str_copy(value, sizeof(value), *v + strlen(name) + 1);
			found = value;
		}
		free(*v);
	}
	free(env);
	return found;
}

static void
how_texts_look_comes_from_the_client(void **state)
{
	static const char *const names[] = { "LANG", "LANGUAGE", "COLORTERM", "NO_COLOR", "LC_ALL",
		"LC_CTYPE", "LC_1", "LC_ISO_8859_15", "LC_A1", "LC_Own2", "LC_my_terminal",
		"LC__" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = comes_through(names[i]);

		if (!value || strcmp(value, "value") != 0)
			fail_msg("%s is lost", names[i]);
	}
}

static void
nothing_else_does(void **state)
{
	static const char *const names[] = { "LD_PRELOAD", "BASH_ENV", "ENV", "PS4", "IFS",
		"PYTHONPATH", "lang", "lc_all", "LC_", "LC", "XLC_ALL", "LC_A-B", "LC_A B",
		"LC_A.B", "LC_%%", "LC_()", "LC_\xc3\xa4", "LC_A\n", "BASH_FUNC_ls%%",
		"GIT_SSH_COMMAND" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (comes_through(names[i]))
			fail_msg("%s comes through", names[i]);
}

static void
what_is_ours_cannot_be_set(void **state)
{
	(void)state;
	assert_string_equal(comes_through("HOME"), "/root");
	assert_string_equal(comes_through("SALLYPORT_USER"), "alice");
	assert_string_not_equal(comes_through("PATH"), "value");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_texts_look_comes_from_the_client),
		cmocka_unit_test(nothing_else_does),
		cmocka_unit_test(what_is_ours_cannot_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
