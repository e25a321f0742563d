/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way from state to state of a session, and every way that there is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/session_state.h"

/* A row from each state, a column to each: o(pen) f(refused) w(aiting) n(oting) s(tarting) r(unning) d(raining)
 * l(ingering) x(over). */
static const char *const ways[SESSION_STATES] = {
	/*                    ofwnsrdlx */
	[SESSION_OPEN] = "      .++......",
	[SESSION_REFUSED] = "   ........+",
	[SESSION_WAITING] = "   .+.+....+",
	[SESSION_NOTING] = "    .+..+...+",
	[SESSION_STARTING] = "  .....+..+",
	[SESSION_RUNNING] = "   ......+++",
	[SESSION_DRAINING] = "  ........+",
	[SESSION_LINGERING] = " ........+",
	[SESSION_OVER] = "      .........",
};

static bool
is_way(int from, int to)
{
	const char *row = ways[from] + strspn(ways[from], " ");

	assert_int_equal(strlen(row), SESSION_STATES);
	return row[to] == '+';
}

static void
only_the_ways_of_the_table_are_gone(void **state)
{
	(void)state;
	for (int from = 0; from < SESSION_STATES; from++)
		for (int to = 0; to < SESSION_STATES; to++) {
			bool may = session_state_why((enum session_state)from,
				       (enum session_state)to) != NULL;

			if (may != is_way(from, to))
				fail_msg("%s -> %s: %d",
				    session_state_name((enum session_state)from),
				    session_state_name((enum session_state)to), may);
		}
}

static void
every_way_says_why(void **state)
{
	(void)state;
	for (int from = 0; from < SESSION_STATES; from++)
		for (int to = 0; to < SESSION_STATES; to++)
			if (is_way(from, to))
				assert_true(strlen(session_state_why((enum session_state)from,
						(enum session_state)to)) > 5);
}

/* Whatever happens to it, a session can end, and nothing leads back. */
static void
every_state_leads_to_the_end_and_none_back(void **state)
{
	(void)state;
	for (int from = 0; from < SESSION_STATES; from++) {
		unsigned seen = 1u << from;

		for (int round = 0; round < SESSION_STATES; round++)
			for (int a = 0; a < SESSION_STATES; a++)
				for (int b = 0; b < SESSION_STATES; b++)
					if ((seen & 1u << a) && is_way(a, b)) {
						assert_int_not_equal(b, from);
						seen |= 1u << b;
					}
		assert_true(seen & 1u << SESSION_OVER);
	}
}

static void
states_have_names_of_their_own(void **state)
{
	(void)state;
	for (int a = 0; a < SESSION_STATES; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(session_state_name((enum session_state)a),
			    session_state_name((enum session_state)b));
	assert_string_equal(session_state_name(SESSION_STATES), "?");
}

/* What the other files ask of a state. */
static void
what_a_state_means(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_STATES; i++) {
		enum session_state s = (enum session_state)i;

		assert_int_equal(session_state_has_process(s),
		    s == SESSION_STARTING || s == SESSION_RUNNING || s == SESSION_LINGERING);
		assert_int_equal(session_state_has_output(s),
		    s == SESSION_RUNNING || s == SESSION_DRAINING);
		assert_int_equal(session_state_is_early(s),
		    s == SESSION_OPEN || s == SESSION_REFUSED || s == SESSION_WAITING ||
			s == SESSION_NOTING || s == SESSION_STARTING);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_ways_of_the_table_are_gone),
		cmocka_unit_test(every_way_says_why),
		cmocka_unit_test(every_state_leads_to_the_end_and_none_back),
		cmocka_unit_test(states_have_names_of_their_own),
		cmocka_unit_test(what_a_state_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
