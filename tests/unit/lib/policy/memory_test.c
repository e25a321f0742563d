/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subjects and roles when memory runs out: none at all, rather than one without what denies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "no_memory.h"
#include "policy/policy.h"
#include "policy/subject.h"

static int
reads_a_subject(void *arg, struct err *e)
{
	struct subject *s = (struct subject *)&arg;
	int rc = subject_parse(&s, "alice", "dev,ops", "root,alice");

	err_set(e, "has no text");
	assert_true((rc == 0) == (s != NULL));
	subject_free(s);
	return rc;
}

/* Every list of it is long enough for a block of the arena of its own. */
static int
copies_a_role(void *arg, struct err *e)
{
	struct policy_role *role = policy_role_copy(arg);

	err_set(e, "has no text");
	if (!role)
		return -1;
	assert_int_equal(role->deny.logins.n, ((struct policy_role *)arg)->deny.logins.n);
	assert_int_equal(role->deny.n_node_labels, 1);
	assert_int_equal(role->deny.n_rules, 1);
	policy_role_free(role);
	return 0;
}

static void
a_subject_is_read_or_there_is_none(void **state)
{
	(void)state;
	memory_runs_out(reads_a_subject, NULL);
}

static void
a_role_is_copied_whole_or_not_at_all(void **state)
{
	static char text[5000];
	static const char *const v[] = { text };
	const struct policy_names long_one = { v, 1 };
	const struct policy_label_rule label = { text, long_one };
	const struct policy_verb_rule rule = { long_one, long_one };
	const struct policy_conditions all = { .logins = long_one,
		.node_labels = &label,
		.n_node_labels = 1,
		.rules = &rule,
		.n_rules = 1 };
	struct policy_role role = { .name = text, .allow = all, .deny = all };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memory_runs_out(copies_a_role, &role);
}

/* However much somebody puts into one, a role takes at most 8 MiB of every daemon. */
static void
a_role_has_its_limit(void **state)
{
	enum { MIB = 1024 * 1024 };
	char *text = malloc(8 * MIB + 1);
	struct policy_role role = { .name = text }, *copy;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 8 * MIB);
	text[8 * MIB] = '\0'; /* with its end one byte more */
	assert_null(policy_role_copy(&role));
	text[8 * MIB - 1] = '\0';
	copy = policy_role_copy(&role);
	assert_non_null(copy);
	policy_role_free(copy);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_is_read_or_there_is_none),
		cmocka_unit_test(a_role_is_copied_whole_or_not_at_all),
		cmocka_unit_test(a_role_has_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
