/* SPDX-License-Identifier: Apache-2.0 */
/* What spreadsheets get of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "view/event_csv.h"

/* The line of an event with this login and message, and a field of that value. */
static const char *
line(const char *login, const char *message, const char *value)
{
	static char text[1024];
	Common__Label field = COMMON__LABEL__INIT, *fields[] = { &field, &field };
	Audit__Event ev = AUDIT__EVENT__INIT;
	Audit__FoundEvent hit = AUDIT__FOUND_EVENT__INIT;
	struct buf b;

	field.key = "k";
	field.value = value;
	ev.login = login;
	ev.message = message;
	ev.fields = fields;
	ev.n_fields = value ? 2 : 0;
	hit.event = &ev;
	buf_init(&b, sizeof(text) - 1);
	assert_true(event_csv_row(&b, &hit));
	memcpy(text, buf_head(&b), b.len);
	text[b.len] = 0;
	buf_done(&b);
	return text;
}

#define START "1970-01-01T00:00:00.000Z,1970-01-01T00:00:00.000Z,,,false,,,"

static void
a_cell_with_what_separates_cells_is_quoted(void **state)
{
	(void)state;
	assert_string_equal(line("root", "a b", NULL), START "root,,,,,,a b,,,,\r\n");
	assert_string_equal(line("a,b", "say \"x\" end", "v"),
	    START "\"a,b\",,,,,,\"say \"\"x\"\" end\",,,,\"k=v; k=v\"\r\n");
	assert_string_equal(line("", "a;b", "="), START ",,,,,,\"a;b\",,,,\"k==; k==\"\r\n");
}

static void
no_cell_is_a_formula(void **state)
{
	static const char *const evil[] = { "=1+1", "+1", "-1", "@SUM(A1)", "  =1", " +1",
		"\xef\xbc\x9d"
		"1",
		"\xef\xbc\xa0"
		"1" };
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		snprintf(expected, sizeof(expected), START "\"'%s\",,,,,,,,,,\r\n", evil[i]);
		assert_string_equal(line(evil[i], "", NULL), expected);
	}
	assert_string_equal(line("a=1", "2-1", NULL), START "a=1,,,,,,2-1,,,,\r\n");
}

/* Where a spreadsheet separates by semicolons, or splits before it looks at quotes. */
static void
no_formula_stands_behind_a_separator(void **state)
{
	(void)state;
	assert_string_equal(line("x;=1+1", "a, -1;@b", NULL),
	    START "\"x;'=1+1\",,,,,,\"a,' -1;'@b\",,,,\r\n");
	assert_string_equal(line("\"=1", "x; \"=1\"", NULL),
	    START "\"'\"\"=1\",,,,,,\"x;' \"\"=1\"\"\",,,,\r\n");
	assert_string_equal(line("", "", "ls;=1"), START ",,,,,,,,,,\"k=ls;'=1; k=ls;'=1\"\r\n");
	assert_string_equal(line(";\xef\xbc\x9d", "", NULL), START "\";'\xef\xbc\x9d\",,,,,,,,,,\r\n");
}

/* Of a node that was taken over, whose events are not its own library's. */
static void
no_terminal_is_steered(void **state)
{
	(void)state;
	assert_string_equal(line("\x1b]0;x\a", "a\\b\r\n=1\t\x7f", "\xc2\x9b\xe2\x80\xae"),
	    START "\"\\x1b]0;x\\x07\",,,,,,a\\\\b\\r\\n=1\\t\\x7f,,,,"
		  "\"k=\\xc2\\x9b\\xe2\\x80\\xae; k=\\xc2\\x9b\\xe2\\x80\\xae\"\r\n");
	assert_string_equal(line("a\\b", "\xc3\xa4", NULL), START "a\\b,,,,,,\xc3\xa4,,,,\r\n");
}

static void
the_head_has_a_name_for_each_cell(void **state)
{
	struct buf b;
	size_t commas = 0;
	const char *row = line("", "", NULL);

	(void)state;
	buf_init(&b, 1024);
	assert_true(event_csv_head(&b));
	for (size_t i = 0; i < b.len; i++)
		commas += buf_head(&b)[i] == ',';
	for (; *row; row++)
		commas -= *row == ',';
	assert_int_equal(commas, 0);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_with_what_separates_cells_is_quoted),
		cmocka_unit_test(no_cell_is_a_formula),
		cmocka_unit_test(no_formula_stands_behind_a_separator),
		cmocka_unit_test(no_terminal_is_steered),
		cmocka_unit_test(the_head_has_a_name_for_each_cell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
