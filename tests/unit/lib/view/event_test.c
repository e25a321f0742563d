/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of `tctl audit ls` says about an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "view/event.h"

/* Of an event with a message and up to two fields. */
static const char *
detail(const char *message, const char *key1, const char *value1, const char *key2,
    const char *value2)
{
	static char text[128];
	Common__Label a = COMMON__LABEL__INIT, b = COMMON__LABEL__INIT;
	Common__Label *fields[] = { &a, &b };
	Audit__Event ev = AUDIT__EVENT__INIT;

	a.key = (char *)key1;
	a.value = (char *)value1;
	b.key = (char *)key2;
	b.value = (char *)value2;
	ev.message = (char *)message;
	ev.fields = fields;
	ev.n_fields = key2 ? 2 : key1 ? 1 : 0;
	event_detail(&ev, text, sizeof text);
	return text;
}

static void
a_command_and_how_it_ended_are_shown(void **state)
{
	(void)state;
	assert_string_equal(detail("", "exit_status", "0", "command", "ls /"), "ls /");
	assert_string_equal(detail("", "exit_status", "3", "command", "false"), "false, status 3");
	assert_string_equal(detail("", "exit_signal", "KILL", NULL, NULL), "signal KILL");
}

static void
whom_a_change_meets_and_why_a_client_left_are_shown(void **state)
{
	(void)state;
	assert_string_equal(detail("", "target", "user=bob", NULL, NULL), "target user=bob");
	assert_string_equal(detail("", "name", "bob", "roles", "access"), "bob, roles access");
	assert_string_equal(detail("", "reason", "disconnected by user", NULL, NULL),
	    "disconnected by user");
	/* A message that says it already is not said again. */
	assert_string_equal(detail("no such user: bob", "reason", "no such user", NULL, NULL),
	    "no such user: bob");
}

static void
a_detail_of_any_length_fits(void **state)
{
	char value[300];

	(void)state;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	assert_int_equal(strlen(detail("", "command", value, "reason", value)), 127);
	assert_string_equal(detail("", NULL, NULL, NULL, NULL), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_and_how_it_ended_are_shown),
		cmocka_unit_test(whom_a_change_meets_and_why_a_client_left_are_shown),
		cmocka_unit_test(a_detail_of_any_length_fits),
	};

	return cmocka_run_group_tests_name("view: events in one line", tests, NULL, NULL);
}
