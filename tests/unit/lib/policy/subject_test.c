/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the policy is asked about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/subject.h"

static const struct policy_role dev = { .name = "dev" }, ops = { .name = "ops" };

static enum subject_role
find(void *arg, const char *name, const struct policy_role **ret)
{
	(void)arg;
	if (strcmp(name, "broken") == 0)
		return SUBJECT_ROLE_LOST;
	*ret = strcmp(name, "dev") == 0 ? &dev : strcmp(name, "ops") == 0 ? &ops : NULL;
	return *ret ? SUBJECT_ROLE_FOUND : SUBJECT_ROLE_NONE;
}

static void
a_certificates_lists_become_names(void **state)
{
	struct subject_view view;
	struct subject *s;
	struct err e;

	(void)state;
	assert_int_equal(subject_parse(&s, "alice", "dev,ops", "root,alice"), 0);
	assert_string_equal(s->name, "alice");
	assert_int_equal(s->roles.n, 2);
	assert_string_equal(s->roles.v[1], "ops");
	assert_int_equal(s->logins.n, 2);
	assert_string_equal(s->logins.v[0], "root");
	assert_int_equal(subject_view(s, find, NULL, &view, &e), 0);
	assert_string_equal(view.user.name, "alice");
	assert_int_equal(view.user.n_roles, 2);
	assert_ptr_equal(view.user.roles[0], &dev);
	assert_string_equal(view.user.logins.v[1], "alice");
	subject_free(s);
}

static void
lists_that_are_missing_or_empty_hold_nothing(void **state)
{
	static const char *const empty[] = { NULL, "", ",", ",,," };
	struct subject *s;

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(subject_parse(&s, "alice", empty[i], empty[i]), 0);
		assert_int_equal(s->roles.n, 0);
		assert_int_equal(s->logins.n, 0);
		subject_free(s);
	}
}

static void
a_role_that_was_removed_is_not_there(void **state)
{
	struct subject_view view;
	struct subject *s;
	struct err e;

	(void)state;
	assert_int_equal(subject_parse(&s, "alice", "gone,dev", NULL), 0);
	assert_int_equal(subject_view(s, find, NULL, &view, &e), 0);
	assert_int_equal(view.user.n_roles, 1);
	assert_ptr_equal(view.user.roles[0], &dev);
	subject_free(s);
}

static void
a_role_that_is_lost_denies_everything(void **state)
{
	struct subject_view view;
	struct subject *s;
	struct err e;

	(void)state;
	assert_int_equal(subject_parse(&s, "alice", "dev,broken,ops", NULL), 0);
	assert_int_equal(subject_view(s, find, NULL, &view, &e), -1);
	assert_int_equal(view.user.n_roles, 0);
	assert_non_null(strstr(e.text, "broken"));
	subject_free(s);
}

/* n names separated by commas; caller frees. */
static char *
many(const char *name, size_t n)
{
	size_t len = strlen(name);
	char *text = calloc(n, len + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++) {
		memcpy(text + i * (len + 1), name, len);
		text[i * (len + 1) + len] = i + 1 < n ? ',' : '\0';
	}
	return text;
}

static void
view_of(const char *roles, const char *logins, int want, size_t want_roles)
{
	struct subject_view view;
	struct subject *s;
	struct err e;

	assert_int_equal(subject_parse(&s, "alice", roles, logins), 0);
	assert_int_equal(subject_view(s, find, NULL, &view, &e), want);
	assert_int_equal(view.user.n_roles, want_roles);
	subject_free(s);
}

static void
more_than_is_looked_at_counts_as_nothing(void **state)
{
	char *roles = many("dev", POLICY_ROLES_MAX), *more = many("dev", POLICY_ROLES_MAX + 1);
	char *logins = many("root", POLICY_LOGINS_MAX),
	     *more_logins = many("root", POLICY_LOGINS_MAX + 1);

	(void)state;
	view_of(roles, NULL, 0, POLICY_ROLES_MAX);
	view_of(more, NULL, -1, 0);
	view_of("dev", logins, 0, 1);
	view_of("dev", more_logins, -1, 0);
	free(roles);
	free(more);
	free(logins);
	free(more_logins);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificates_lists_become_names),
		cmocka_unit_test(lists_that_are_missing_or_empty_hold_nothing),
		cmocka_unit_test(a_role_that_was_removed_is_not_there),
		cmocka_unit_test(a_role_that_is_lost_denies_everything),
		cmocka_unit_test(more_than_is_looked_at_counts_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
