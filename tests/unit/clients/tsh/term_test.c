/* SPDX-License-Identifier: Apache-2.0 */
/* The escapes of a session: what reaches the node and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tsh/term.h"

struct run {
	char out[256];
	size_t n, used;
	enum term_escape escape;
};

/* One go of the filter over a text. */
static struct run
typed(struct term_filter *f, const char *text)
{
	struct run r = { .n = 0 };

	r.n = term_filter(f, (const uint8_t *)text, strlen(text), (uint8_t *)r.out, &r.used,
	    &r.escape);
	r.out[r.n] = '\0';
	return r;
}

static struct run
fresh(const char *text)
{
	struct term_filter f;

	term_filter_init(&f, true);
	return typed(&f, text);
}

static void
test_a_tilde_and_a_dot_at_the_very_start_disconnect(void **state)
{
	struct run r = fresh("~.rest");

	(void)state;
	assert_int_equal(r.escape, TERM_DISCONNECT);
	assert_int_equal(r.used, 2);
	assert_string_equal(r.out, "");
}

static void
test_an_escape_needs_the_start_of_a_line(void **state)
{
	struct run r = fresh("ls a~.\r~.");

	(void)state;
	assert_int_equal(r.escape, TERM_DISCONNECT);
	assert_string_equal(r.out, "ls a~.\r");
	r = fresh("x\n~?");
	assert_int_equal(r.escape, TERM_HELP);
	assert_string_equal(r.out, "x\n");
	r = fresh("cd ~/x\r");
	assert_int_equal(r.escape, TERM_NONE);
	assert_string_equal(r.out, "cd ~/x\r");
}

static void
test_suspend(void **state)
{
	(void)state;
	assert_int_equal(fresh("~\x1a").escape, TERM_SUSPEND);
}

static void
test_two_tildes_are_one_and_end_the_start_of_the_line(void **state)
{
	struct run r = fresh("~~.");

	(void)state;
	assert_int_equal(r.escape, TERM_NONE);
	assert_string_equal(r.out, "~.");
}

static void
test_another_character_gets_its_tilde_back(void **state)
{
	struct run r = fresh("~/bin/x\r");

	(void)state;
	assert_int_equal(r.escape, TERM_NONE);
	assert_string_equal(r.out, "~/bin/x\r");
	/* ... and a newline behind the tilde begins a line. */
	r = fresh("~\r~.");
	assert_int_equal(r.escape, TERM_DISCONNECT);
	assert_string_equal(r.out, "~\r");
}

static void
test_an_escape_in_pieces(void **state)
{
	struct term_filter f;
	struct run r;

	(void)state;
	term_filter_init(&f, true);
	r = typed(&f, "echo\r");
	assert_string_equal(r.out, "echo\r");
	r = typed(&f, "~");
	assert_int_equal(r.n, 0);
	assert_int_equal(r.used, 1);
	r = typed(&f, ".");
	assert_int_equal(r.escape, TERM_DISCONNECT);
	assert_int_equal(r.n, 0);
}

static void
test_what_follows_an_escape_is_a_new_line(void **state)
{
	struct term_filter f;
	struct run r;

	(void)state;
	term_filter_init(&f, true);
	r = typed(&f, "~?~.");
	assert_int_equal(r.escape, TERM_HELP);
	assert_int_equal(r.used, 2);
	r = typed(&f, "~.");
	assert_int_equal(r.escape, TERM_DISCONNECT);
}

static void
test_without_escapes_every_byte_passes(void **state)
{
	struct term_filter f;
	struct run r;

	(void)state;
	term_filter_init(&f, false);
	r = typed(&f, "~.\r~.\n~?");
	assert_int_equal(r.escape, TERM_NONE);
	assert_string_equal(r.out, "~.\r~.\n~?");
}

static void
test_the_output_is_at_most_twice_the_input(void **state)
{
	struct term_filter f;
	uint8_t in[64], out[2 * sizeof in];
	enum term_escape escape;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof in; i += 2)
		in[i] = '\r', in[i + 1] = '~';
	term_filter_init(&f, true);
	assert_true(term_filter(&f, in, sizeof in, out, &used, &escape) <= sizeof in);
	assert_int_equal(used, sizeof in);
	assert_true(term_filter(&f, in, sizeof in, out, &used, &escape) <= sizeof out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tilde_and_a_dot_at_the_very_start_disconnect),
		cmocka_unit_test(test_an_escape_needs_the_start_of_a_line),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_two_tildes_are_one_and_end_the_start_of_the_line),
		cmocka_unit_test(test_another_character_gets_its_tilde_back),
		cmocka_unit_test(test_an_escape_in_pieces),
		cmocka_unit_test(test_what_follows_an_escape_is_a_new_line),
		cmocka_unit_test(test_without_escapes_every_byte_passes),
		cmocka_unit_test(test_the_output_is_at_most_twice_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
