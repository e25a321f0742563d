/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of a file that a refusal of authd's is about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tctl/place.h"

static const char role[] = "kind: role\n"                 /* 1 */
			   "metadata:\n"                  /* 2 */
			   "  name: dba\n"                /* 3 */
			   "spec:\n"                      /* 4 */
			   "  options:\n"                 /* 5 */
			   "    max_session_ttl: 99h\n"   /* 6 */
			   "  allow:\n"                   /* 7 */
			   "    logins:\n"                /* 8 */
			   "    - root\n"                 /* 9 */
			   "    - ^x$\n"                  /* 10 */
			   "    node_labels:\n"           /* 11 */
			   "      a.b: [x, y]\n"          /* 12 */
			   "      env:\n"                 /* 13 */
			   "      - dev\n"                /* 14 */
			   "      - ^y$\n"                /* 15 */
			   "    rules:\n"                 /* 16 */
			   "    - resources: role\n"      /* 17 */
			   "      verbs: list\n"          /* 18 */
			   "    - resources: [user,\n"    /* 19 */
			   "        users]\n"             /* 20 */
			   "  deny: {logins: bad}\n"      /* 21 */;

static size_t
line_of(const char *refusal)
{
	struct yaml_source source = { .name = "role.yaml" };
	json_t *value = NULL;
	struct err e;
	size_t line;

	assert_int_equal(yaml_to_json(&source, role, strlen(role), &value, &e), 0);
	line = place_line(value, &source, refusal);
	yaml_source_done(&source);
	json_decref(value);
	return line;
}

static void
every_place_has_its_line(void **state)
{
	static const struct {
		const char *refusal;
		size_t line;
	} rows[] = {
		{ "name: not possible", 3 },
		{ "options.max_session_ttl_s: at most 30h", 6 },
		{ "allow.logins[0]: x", 9 },
		{ "allow.logins[1]: x", 10 },
		{ "allow.logins: more than 256 entries", 8 },
		{ "allow.node_labels[0]: a.b cannot be the key", 12 },
		{ "allow.node_labels[0].values[1]: x", 12 },
		{ "allow.node_labels[1].values[1]: x", 15 },
		{ "allow.rules[0].verbs[0]: x", 18 },
		{ "allow.rules[1].resources[1]: x", 20 },
		{ "deny.logins[0]: one text is a list of one", 21 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (line_of(rows[i].refusal) != rows[i].line)
			fail_msg("%s: line %zu", rows[i].refusal, line_of(rows[i].refusal));
}

static void
what_the_file_does_not_have_is_where_it_would_be(void **state)
{
	(void)state;
	assert_int_equal(line_of("allow.rules[1].verbs: a rule has no verbs"), 19);
	assert_int_equal(line_of("allow.rules[7].verbs[0]: x"), 16);
	assert_int_equal(line_of("options.record_limit: x"), 5);
	assert_int_equal(line_of("allow.node_labels[9].values[0]: x"), 11);
}

static void
other_refusals_have_none(void **state)
{
	static const char *const texts[] = { "role dba exists already", "allow", "allow.", "allow.logins",
		"message: no field of a role", "", ": x", "[0]: x", "allow.logins[: x",
		"allow.logins[0: x", "allow.logins[0]x: y", "allow logins: x",
		"allow..logins: x", "allow.logins[18446744073709551616]",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: x" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(line_of(texts[i]), 0);
	assert_int_equal(line_of("allow: "), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place_has_its_line),
		cmocka_unit_test(what_the_file_does_not_have_is_where_it_would_be),
		cmocka_unit_test(other_refusals_have_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
