/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles as authors write them, copies, presets and selectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define NAMES(...)                                                                      \
	{                                                                               \
		(const char *const[]){ __VA_ARGS__ },                                   \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

static const struct policy_role *
preset(const char *name)
{
	size_t n;
	const struct policy_role *all = policy_presets(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	fail_msg("no preset %s", name);
	return NULL;
}

static void
presets_are_sound_and_do_what_they_say(void **state)
{
	static const struct {
		const char *role, *resource, *verb;
		bool allowed;
	} row[] = {
		{ "editor", "user", "create", true },
		{ "editor", "role", "delete", true },
		{ "editor", "token", "list", true },
		{ "editor", "node", "delete", true },
		{ "editor", "session", "read", false },
		{ "editor", "event", "list", false },
		{ "editor", "user", "escalate", true },
		{ "editor", "lock", "escalate", true },
		{ "access", "event", "list", false },
		{ "access", "own_event", "list", true },
		{ "access", "user", "escalate", false },
		{ "access", "session", "read", false },
		{ "access", "own_session", "read", true },
		{ "access", "user", "list", false },
		{ "access", "token", "create", false },
		{ "auditor", "session", "read", true },
		{ "auditor", "event", "read", true },
		{ "auditor", "user", "update", false },
		{ "auditor", "session", "delete", false },
	};
	struct policy_labels bare = { NULL, 0 };
	size_t n;
	const struct policy_role *all = policy_presets(&n);
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (policy_role_check(&all[i], &e) < 0)
			fail_msg("%s", e.text);
	for (size_t i = 0; i < N(row); i++) {
		const struct policy_role *role = preset(row[i].role);
		struct policy_user u = { "alice", &role, 1, NAMES("root") };

		if (policy_verb(&u, row[i].resource, row[i].verb, NULL) != row[i].allowed)
			fail_msg("%s: %s %s", row[i].role, row[i].verb, row[i].resource);
		assert_int_equal(policy_login(&u, bare, "root", NULL),
		    strcmp(row[i].role, "access") == 0);
	}
}

static int
check(struct policy_names logins, const char *label, const char *value, bool deny)
{
	struct policy_label_rule rule = { label, { &value, value ? 1 : 0 } };
	struct policy_conditions c = { .logins = logins,
		.node_labels = &rule,
		.n_node_labels = label ? 1 : 0 };
	struct policy_role role = { .name = "r" };
	struct err e;

	if (deny)
		role.deny = c;
	else
		role.allow = c;
	return policy_role_check(&role, &e);
}

static int
check_rule(const char *resource, const char *verb)
{
	struct policy_verb_rule rule = { { &resource, 1 }, { &verb, 1 } };
	struct policy_role role = { .name = "r", .allow = { .rules = &rule, .n_rules = 1 } };
	struct err e;

	return policy_role_check(&role, &e);
}

static void
roles_that_would_not_mean_what_they_say_are_refused(void **state)
{
	const struct policy_names good = NAMES("root", "{{internal.logins}}", "dom\\user", "a.b@c");
	const struct policy_names glob = NAMES("ro*");
	const struct policy_names regexp = NAMES("^root$");
	const struct policy_names template = NAMES("{{external.groups}}");
	const struct policy_names empty = NAMES(""), half = NAMES("root}}"),
				  other_half = NAMES("{{root");
	struct policy_role role = { .name = "r" };
	struct err e;

	(void)state;
	assert_int_equal(check(good, "env", "dev", false), 0);
	assert_int_equal(check(glob, "env", "d*v", true), 0);
	assert_true(check(glob, "env", "dev", false) < 0);
	assert_true(check(regexp, "env", "dev", false) < 0);
	assert_true(check(regexp, "env", "dev", true) < 0);
	assert_true(check(template, "env", "dev", false) < 0);
	assert_true(check(empty, "env", "dev", false) < 0);
	assert_true(check(half, "env", "dev", true) < 0);
	assert_true(check(other_half, "env", "dev", true) < 0);
	assert_int_equal(check(good, "*", "*", false), 0);
	assert_true(check(good, "env", "^dev$", false) < 0);
	assert_true(check(good, "en v", "dev", false) < 0);
	assert_true(check(good, "", "dev", false) < 0);
	assert_true(check(good, "env", NULL, false) < 0);
	assert_int_equal(check_rule("user", "list"), 0);
	assert_int_equal(check_rule("*", "*"), 0);
	assert_true(check_rule("users", "list") < 0);
	assert_true(check_rule("user", "write") < 0);
	role.options.max_session_ttl_s = POLICY_TTL_MAX_S + 1;
	assert_true(policy_role_check(&role, &e) < 0);
	role.options.max_session_ttl_s = -1;
	assert_true(policy_role_check(&role, &e) < 0);
	role.options.max_session_ttl_s = 0;
	assert_int_equal(policy_role_check(&role, &e), 0);
	role.name = "a b";
	assert_true(policy_role_check(&role, &e) < 0);
	role.name = "";
	assert_true(policy_role_check(&role, &e) < 0);
}

/* Editors show the line of it: tctl, the web app. */
static void
what_is_wrong_is_said_with_its_place(void **state)
{
	const char *const logins[] = { "root", "^x$" }, *const values[] = { "dev", "^y$" },
			 *const known[] = { "user" }, *const unknown[] = { "users" };
	const struct policy_label_rule labels[] = { { "env", { values, 1 } },
		{ "team", { values, 2 } } };
	const struct policy_label_rule twice[] = { { "env", { values, 1 } }, { "env", { values, 1 } } };
	const struct policy_verb_rule rules[] = { { { known, 1 }, { (const char *[]){ "list" }, 1 } },
		{ { known, 1 }, { unknown, 1 } } };
	const struct {
		struct policy_role role;
		const char *place;
	} rows[] = {
		{ { .name = "" }, "name: " },
		{ { .name = "r", .allow.logins = { logins, 2 } }, "allow.logins[1]: " },
		{ { .name = "r", .deny.logins = { logins, 2 } }, "deny.logins[1]: " },
		{ { .name = "r", .deny = { .node_labels = labels, .n_node_labels = 2 } },
		    "deny.node_labels[1].values[1]: " },
		{ { .name = "r",
		      .allow = { .node_labels = &(struct policy_label_rule){ "a=b", { values, 1 } },
			  .n_node_labels = 1 } },
		    "allow.node_labels[0]: " },
		{ { .name = "r", .allow = { .node_labels = twice, .n_node_labels = 2 } },
		    "allow.node_labels[1]: " },
		{ { .name = "r", .allow = { .rules = rules, .n_rules = 2 } },
		    "allow.rules[1].verbs[0]: " },
		{ { .name = "r",
		      .allow = { .rules = &(struct policy_verb_rule){ { unknown, 1 }, { known, 0 } },
			  .n_rules = 1 } },
		    "allow.rules[0].resources[0]: " },
		{ { .name = "r",
		      .allow = { .rules = &(struct policy_verb_rule){ { known, 1 }, { known, 0 } },
			  .n_rules = 1 } },
		    "allow.rules[0].verbs: " },
		{ { .name = "r", .allow.logins = { logins, POLICY_LIST_MAX + 1 } }, "allow.logins: " },
		{ { .name = "r", .options.max_session_ttl_s = -1 }, "options.max_session_ttl_s: " },
		{ { .name = "r", .options.client_idle_timeout_s = -1 },
		    "options.client_idle_timeout_s: " },
		{ { .name = "r", .options.client_idle_timeout_s = POLICY_TTL_MAX_S + 1 },
		    "options.client_idle_timeout_s: " },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_true(policy_role_check(&rows[i].role, &e) < 0);
		if (strncmp(e.text, rows[i].place, strlen(rows[i].place)) != 0)
			fail_msg("%s is not at %s", e.text, rows[i].place);
	}
}

static void
lists_and_texts_have_limits(void **state)
{
	static const char *names[POLICY_LIST_MAX + 1];
	static struct policy_label_rule labels[POLICY_LIST_MAX + 1];
	static char keys[POLICY_LIST_MAX + 1][8];
	static struct policy_verb_rule rules[POLICY_LIST_MAX + 1];
	static const char *const any = "*";
	char name[66], text[POLICY_TEXT_MAX + 2];
	struct policy_role role = { .name = name };
	struct err e;

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		names[i] = "root";
		snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		labels[i] = (struct policy_label_rule){ keys[i], { &any, 1 } };
		rules[i] = (struct policy_verb_rule){ { &any, 1 }, { &any, 1 } };
	}
	memset(name, 'r', sizeof(name));
	name[64] = '\0';
	role.allow = (struct policy_conditions){ { names, POLICY_LIST_MAX }, labels,
		POLICY_LIST_MAX, rules, POLICY_LIST_MAX };
	assert_int_equal(policy_role_check(&role, &e), 0);
	role.allow.logins.n++;
	assert_true(policy_role_check(&role, &e) < 0);
	role.allow.logins.n--;
	role.allow.n_node_labels++;
	assert_true(policy_role_check(&role, &e) < 0);
	role.allow.n_node_labels--;
	role.allow.n_rules++;
	assert_true(policy_role_check(&role, &e) < 0);
	role.allow.n_rules--;
	name[64] = 'r', name[65] = '\0';
	assert_true(policy_role_check(&role, &e) < 0);
	name[1] = '\0';
	memset(text, 'x', sizeof(text));
	text[POLICY_TEXT_MAX] = '\0';
	assert_int_equal(check((struct policy_names)NAMES("root"), "env", text, false), 0);
	text[POLICY_TEXT_MAX] = 'x', text[POLICY_TEXT_MAX + 1] = '\0';
	assert_true(check((struct policy_names)NAMES("root"), "env", text, false) < 0);
}

static void
a_login_has_at_most_64_characters(void **state)
{
	char login[66];

	(void)state;
	memset(login, 'x', sizeof(login));
	login[64] = '\0';
	assert_true(policy_login_ok(login));
	login[64] = 'x', login[65] = '\0';
	assert_false(policy_login_ok(login));
	assert_false(policy_login_ok(""));
}

static void
a_rule_names_resources_and_verbs(void **state)
{
	const char *const one = "*";
	struct policy_verb_rule rule = { { &one, 0 }, { &one, 1 } };
	struct policy_role role = { .name = "r", .allow = { .rules = &rule, .n_rules = 1 } };
	struct err e;

	(void)state;
	assert_true(policy_role_check(&role, &e) < 0);
	rule = (struct policy_verb_rule){ { &one, 1 }, { &one, 0 } };
	assert_true(policy_role_check(&role, &e) < 0);
	assert_true(check_rule("us\ner", "list") < 0);
}

static void
texts_are_printable_and_not_empty(void **state)
{
	const struct policy_names root = NAMES("root"), bell = NAMES("ro\aot");

	(void)state;
	assert_true(check(bell, "env", "dev", true) < 0);
	assert_true(check(root, "env", "", false) < 0);
	assert_true(check(root, "env", "de\nv", false) < 0);
	/* Only both ends make a regular expression. */
	assert_int_equal(check(root, "env", "^dev", false), 0);
	assert_int_equal(check(root, "env", "dev$", false), 0);
}

/* A role comes from outside: a copy that would take too much memory is refused, wherever the bytes are. */
static void
a_role_too_big_to_copy_is_refused(void **state)
{
	enum { BIG = 9 * 1024 * 1024 };
	char *big = malloc(BIG + 1);
	const char *const one = "x";
	const char *many = big;
	struct policy_label_rule key = { big, { &one, 1 } }, value = { "env", { &many, 1 } };
	struct policy_verb_rule resource = { { &many, 1 }, { &one, 1 } },
				verb = { { &one, 1 }, { &many, 1 } };
	struct policy_conditions parts[] = { { .logins = { &many, 1 } },
		{ .node_labels = &key, .n_node_labels = 1 },
		{ .node_labels = &value, .n_node_labels = 1 }, { .rules = &resource, .n_rules = 1 },
		{ .rules = &verb, .n_rules = 1 }, { .logins = { &one, BIG } },
		{ .node_labels = &key, .n_node_labels = BIG }, { .rules = &verb, .n_rules = BIG } };

	(void)state;
	assert_non_null(big);
	memset(big, 'x', BIG);
	big[BIG] = '\0';
	for (size_t i = 0; i < N(parts); i++) {
		struct policy_role allow = { .name = "r", .allow = parts[i] },
				   deny = { .name = "r", .deny = parts[i] };

		assert_null(policy_role_copy(&allow));
		assert_null(policy_role_copy(&deny));
	}
	/* What is just below is copied. */
	many = big + BIG - (8 * 1024 * 1024 - 64 * 1024);
	struct policy_role role = { .name = "r", .allow = parts[0] };
	struct policy_role *copy = policy_role_copy(&role);
	assert_non_null(copy);
	policy_role_free(copy);
	free(big);
}

static void
copies_stand_alone(void **state)
{
	char login[] = "root", key[] = "env", value[] = "dev", res[] = "user", verb[] = "list",
	     name[] = "mine";
	const char *logins[] = { login }, *values[] = { value }, *ress[] = { res },
		   *verbs[] = { verb };
	struct policy_label_rule label = { key, { values, 1 } };
	struct policy_verb_rule rule = { { ress, 1 }, { verbs, 1 } };
	struct policy_conditions c = { { logins, 1 }, &label, 1, &rule, 1 };
	struct policy_role role = { name, c, c, { 60, true, false, true, false } },
			   *copy = policy_role_copy(&role);

	(void)state;
	assert_non_null(copy);
	memset(login, 'x', 4), memset(key, 'x', 3), memset(value, 'x', 3), memset(res, 'x', 4),
	    memset(verb, 'x', 4);
	memset(name, 'x', 4), memset(&label, 0, sizeof label), memset(&rule, 0, sizeof rule);
	assert_string_equal(copy->name, "mine");
	assert_string_equal(copy->allow.logins.v[0], "root");
	assert_string_equal(copy->deny.node_labels[0].key, "env");
	assert_string_equal(copy->deny.node_labels[0].values.v[0], "dev");
	assert_string_equal(copy->allow.rules[0].resources.v[0], "user");
	assert_string_equal(copy->allow.rules[0].verbs.v[0], "list");
	assert_int_equal(copy->options.max_session_ttl_s, 60);
	policy_role_free(copy);
	policy_role_free(NULL);
}

static bool
selects(const struct policy_selector *s, struct policy_labels node)
{
	for (size_t i = 0; i < s->n; i++)
		if (!policy_label_matches(&s->v[i], node))
			return false;
	return true;
}

static void
selectors_match_labels(void **state)
{
	/* The last one stands behind the end of the node's labels. */
	static const struct policy_label v[] = { { "env", "prod-1" }, { "team", "x" },
		{ "empty", "" }, { "os", "linux" } };
	static const struct policy_labels node = { v, 3 };
	static const struct {
		const char *text;
		bool ok, match;
	} row[] = {
		{ "", true, true },
		{ "env=prod-1", true, true },
		{ "env=prod", true, false },
		{ "env=prod*", true, true },
		{ "env=prod*,team=x", true, true },
		{ " env = prod-1 , team=* ", true, true },
		{ "env=prod-1,team=y", true, false },
		{ "os=*", true, false },
		{ "empty=", true, true },
		{ "team=", true, false },
		{ "env=*=*", true, false },
		{ "env", false, false },
		{ "=x", false, false },
		{ "*=x", false, false },
		{ "env=a,b", false, false },
	};
	struct policy_selector s;
	struct err e;
	char many[1100] = "";

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		int rc = policy_selector_parse(&s, row[i].text, &e);

		if ((rc == 0) != row[i].ok ||
		    (rc == 0 && selects(&s, node) != row[i].match))
			fail_msg("\"%s\"", row[i].text);
	}
	for (int i = 0; i < 33; i++)
		memcpy(many + 4 * i, "a=b,", 5);
	assert_true(policy_selector_parse(&s, many, &e) < 0);
	assert_int_equal(policy_selector_parse(&s, many + 4, &e), 0);
	memset(many, 'a', sizeof many - 1);
	assert_true(policy_selector_parse(&s, many, &e) < 0);
	assert_string_equal(e.text, "the labels are too long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_are_sound_and_do_what_they_say),
		cmocka_unit_test(roles_that_would_not_mean_what_they_say_are_refused),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(lists_and_texts_have_limits),
		cmocka_unit_test(a_login_has_at_most_64_characters),
		cmocka_unit_test(a_rule_names_resources_and_verbs),
		cmocka_unit_test(texts_are_printable_and_not_empty),
		cmocka_unit_test(a_role_too_big_to_copy_is_refused),
		cmocka_unit_test(copies_stand_alone),
		cmocka_unit_test(selectors_match_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
