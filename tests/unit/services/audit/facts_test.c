/* SPDX-License-Identifier: Apache-2.0 */
/* What auditd remembers of connections and sessions, and when it asks the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/facts.h"

#define A "aaaaaaaa-0000-4000-8000-000000000001"
#define B "aaaaaaaa-0000-4000-8000-000000000002"

static const struct fact alice = { .source = 3, .user = "alice", .login = "root", .from_us = 5 };

static void
what_is_not_in_memory_is_wanted_once(void **state)
{
	struct facts *known = facts_new(NULL), *f = facts_new(known);

	(void)state;
	assert_false(facts_is_wanting(f));
	assert_null(facts_find(f, FACT_CONNECTION, A));
	assert_null(facts_find(f, FACT_CONNECTION, A));
	assert_null(facts_find(f, FACT_SESSION, B));
	assert_true(facts_is_wanting(f));
	assert_string_equal(facts_wanted(f, FACT_CONNECTION), "{" A "}");
	assert_string_equal(facts_wanted(f, FACT_SESSION), "{" B "}");
	assert_string_equal(facts_wanted(f, FACT_SIGNED), "{}");
	/* The database has one of them: the other is known not to be there. */
	assert_int_equal(facts_put(f, FACT_CONNECTION, A, &alice), 0);
	assert_int_equal(facts_answered(f), 0);
	assert_false(facts_is_wanting(f));
	assert_int_equal(facts_find(f, FACT_CONNECTION, A)->source, 3);
	assert_string_equal(facts_find(f, FACT_CONNECTION, A)->login, "root");
	assert_int_equal(facts_find(f, FACT_SESSION, B)->source, 0);
	assert_false(facts_is_wanting(f));
	/* A kind of its own: the same UUID as a session is another thing. */
	assert_null(facts_find(f, FACT_SESSION, A));
	facts_free(f);
	facts_free(known);
}

static void
facts_of_a_transaction_count_when_it_commits(void **state)
{
	struct facts *known = facts_new(NULL), *f = facts_new(known);

	(void)state;
	assert_int_equal(facts_put(f, FACT_CONNECTION, A, &alice), 0);
	facts_free(f); /* rolled back */
	f = facts_new(known);
	assert_null(facts_find(f, FACT_CONNECTION, A));
	assert_int_equal(facts_put(f, FACT_CONNECTION, A, &alice), 0);
	facts_keep(f);
	facts_free(f);
	f = facts_new(known);
	assert_string_equal(facts_find(f, FACT_CONNECTION, A)->user, "alice");
	facts_free(f);
	facts_free(known);
}

static void
that_something_is_not_there_is_not_remembered(void **state)
{
	struct facts *known = facts_new(NULL), *f = facts_new(known);

	(void)state;
	assert_null(facts_find(f, FACT_SESSION, A));
	assert_int_equal(facts_answered(f), 0);
	facts_keep(f);
	facts_free(f);
	/* Another auditd may have written it meanwhile. */
	f = facts_new(known);
	assert_null(facts_find(f, FACT_SESSION, A));
	assert_true(facts_is_wanting(f));
	facts_free(f);
	facts_free(known);
}

static void
the_newest_are_kept_and_the_oldest_go(void **state)
{
	struct facts *known = facts_new(NULL), *f;
	char key[40];

	(void)state;
	for (int i = 0; i < 120000; i++) {
		f = facts_new(known);
		snprintf(key, sizeof(key), "%036d", i);
		assert_int_equal(facts_put(f, FACT_SESSION, key, &alice), 0);
		facts_keep(f);
		facts_free(f);
	}
	f = facts_new(known);
	for (int i = 70000; i < 120000; i++) {
		snprintf(key, sizeof(key), "%036d", i);
		assert_non_null(facts_find(f, FACT_SESSION, key));
	}
	assert_null(facts_find(f, FACT_SESSION, "000000000000000000000000000000000000"));
	facts_free(f);
	facts_free(known);
}

static void
what_another_auditd_may_have_changed_is_asked_again(void **state)
{
	struct facts *known = facts_new(NULL), *tx = facts_new(known);
	const struct fact ours = { .source = 1, .connection = "c" }, other = { .source = 2 };

	(void)state;
	assert_int_equal(facts_put(tx, FACT_SESSION, "a", &ours), 0);
	assert_int_equal(facts_put(tx, FACT_SESSION, "b", &other), 0);
	facts_keep(tx);
	assert_non_null(facts_find(tx, FACT_SESSION, "a"));
	assert_int_equal(facts_distrust(known, 1), 0);
	assert_null(facts_find(tx, FACT_SESSION, "a"));
	assert_true(facts_is_wanting(tx));
	assert_non_null(facts_find(tx, FACT_SESSION, "b"));
	assert_int_equal(facts_put(tx, FACT_SESSION, "a", &ours), 0);
	facts_keep(tx);
	assert_non_null(facts_find(tx, FACT_SESSION, "a"));
	assert_int_equal(facts_distrust(known, 1), 0);
	assert_null(facts_find(tx, FACT_SESSION, "a"));
	facts_free(tx);
	facts_free(known);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_in_memory_is_wanted_once),
		cmocka_unit_test(facts_of_a_transaction_count_when_it_commits),
		cmocka_unit_test(that_something_is_not_there_is_not_remembered),
		cmocka_unit_test(the_newest_are_kept_and_the_oldest_go),
		cmocka_unit_test(what_another_auditd_may_have_changed_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
