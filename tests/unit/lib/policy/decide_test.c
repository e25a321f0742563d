/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what, as tables: one row is one question.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define NAMES(...)                                                                      \
	{                                                                               \
		(const char *const[]){ __VA_ARGS__ },                                   \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

static const struct policy_label_rule dev_rule[] = { { "env", NAMES("dev", "test*") },
	{ "team", NAMES("*") } };
static const struct policy_label_rule any_rule[] = { { "*", NAMES("*") } };
static const struct policy_label_rule secret_rule[] = { { "secret", NAMES("yes") },
	{ "env", NAMES("vault") } };
static const struct policy_label_rule any_blue_rule[] = { { "*", NAMES("blue") } };
static const struct policy_verb_rule user_list[] = { { NAMES("user"), NAMES("list", "read") } };
static const struct policy_verb_rule user_all[] = { { NAMES("user"), NAMES("*") } };
static const struct policy_verb_rule session_read[] = { { NAMES("session"), NAMES("read") } };
static const struct policy_verb_rule own_read[] = { { NAMES("own_session"), NAMES("read") } };
static const struct policy_verb_rule everything[] = { { NAMES("*"), NAMES("*") } };

static const struct policy_role dev = { .name = "dev",
	.allow = { .logins = NAMES("{{internal.logins}}", "deploy"),
	    .node_labels = dev_rule,
	    .n_node_labels = 2,
	    .rules = user_list,
	    .n_rules = 1 },
	.options = { 3600, true, false, true, false, true, 1000, 900 } };
static const struct policy_role everywhere = { .name = "everywhere",
	.allow = { .logins = NAMES("root"), .node_labels = any_rule, .n_node_labels = 1 },
	.options = { 7200, false, true, false, true, true, 3000 } };
static const struct policy_role blue = { .name = "blue",
	.allow = { .logins = NAMES("root"), .node_labels = any_blue_rule, .n_node_labels = 1 } };
static const struct policy_role no_root = { .name = "no-root", .deny = { .logins = NAMES("ro*") } };
static const struct policy_role no_own = { .name = "no-own",
	.deny = { .logins = NAMES("{{internal.logins}}") } };
static const struct policy_role no_secret = { .name = "no-secret",
	.deny = { .node_labels = secret_rule, .n_node_labels = 2 } };
static const struct policy_role no_nodes = { .name = "no-nodes",
	.allow = { .logins = NAMES("root") } };
static const struct policy_role no_logins = { .name = "no-logins",
	.allow = { .node_labels = any_rule, .n_node_labels = 1 } };
static const struct policy_label_rule no_value_rule[] = { { "env", NAMES("dev") },
	{ "team", { NULL, 0 } } };
static const struct policy_role no_values = { .name = "no-values",
	.allow = { .logins = NAMES("root"), .node_labels = no_value_rule, .n_node_labels = 2 } };
static const struct policy_role no_node_at_all = { .name = "no-node-at-all",
	.deny = { .node_labels = any_rule, .n_node_labels = 1 } };
static const struct policy_role no_user_write = { .name = "no-user-write",
	.deny = { .rules = user_all, .n_rules = 1 } };
static const struct policy_role admin = { .name = "admin",
	.allow = { .rules = everything, .n_rules = 1 } };
static const struct policy_role auditing = { .name = "auditing",
	.allow = { .rules = session_read, .n_rules = 1 } };
static const struct policy_role own = { .name = "own",
	.allow = { .rules = own_read, .n_rules = 1 } };
static const struct policy_role no_sessions = { .name = "no-sessions",
	.deny = { .rules = session_read, .n_rules = 1 } };

static const struct policy_label dev_v[] = { { "env", "dev" }, { "team", "x" } };
static const struct policy_label dev_no_team_v[] = { { "env", "dev" } };
static const struct policy_label test_v[] = { { "team", "" }, { "env", "test-7" } };
static const struct policy_label prod_v[] = { { "env", "prod" }, { "team", "x" } };
static const struct policy_label secret_v[] = { { "env", "dev" }, { "team", "x" },
	{ "secret", "yes" } };
static const struct policy_label blue_v[] = { { "colour", "blue" } };
#define NODE(v)         \
	{               \
		v, N(v) \
	}
#define BARE            \
	{               \
		NULL, 0 \
	}

static const char *const own_logins[] = { "alice", "ubuntu" };

static struct policy_user
user_of(const struct policy_role *const *roles)
{
	struct policy_user u = { .name = "alice", .roles = roles, .logins = { own_logins, 2 } };

	while (u.n_roles < 3 && roles[u.n_roles])
		u.n_roles++;
	return u;
}

static const struct login_row {
	const struct policy_role *roles[3];
	struct policy_labels node;
	const char *login;
	bool allowed;
	const char *rule;
} logins[] = {
	{ { &dev }, NODE(dev_v), "alice", true, "allow.logins alice" },
	{ { &dev }, NODE(dev_v), "deploy", true, "allow.logins deploy" },
	{ { &dev }, NODE(dev_v), "root", false, "no allow" },
	{ { &dev }, NODE(test_v), "ubuntu", true, "allow.logins ubuntu" },
	{ { &dev }, NODE(prod_v), "alice", false, "no allow" },
	{ { &dev }, NODE(dev_no_team_v), "alice", false, "no allow" },
	{ { &dev }, BARE, "alice", false, "no allow" },
	{ { &dev }, NODE(dev_v), "", false, "no allow" },
	{ { &dev }, NODE(dev_v), "{{internal.logins}}", false, "no allow" },
	{ { NULL }, NODE(dev_v), "alice", false, "no role" },
	{ { &everywhere }, BARE, "root", true, "allow.logins root" },
	{ { &everywhere }, NODE(prod_v), "root", true, "allow.logins root" },
	{ { &everywhere }, NODE(prod_v), "alice", false, "no allow" },
	/* Login of one role, node of another: no single role allows both. */
	{ { &everywhere, &dev }, NODE(prod_v), "alice", false, "no allow" },
	{ { &everywhere, &no_root }, NODE(prod_v), "root", false, "deny.logins ro*" },
	{ { &no_root, &everywhere }, NODE(prod_v), "root", false, "deny.logins ro*" },
	{ { &dev, &no_own }, NODE(dev_v), "alice", false, "deny.logins {{internal.logins}}" },
	{ { &dev, &no_own }, NODE(dev_v), "deploy", true, "allow.logins deploy" },
	{ { &everywhere, &no_secret }, NODE(secret_v), "root", false,
	    "deny.node_labels secret=yes" },
	{ { &everywhere, &no_secret }, NODE(dev_v), "root", true, "allow.logins root" },
	{ { &no_nodes }, NODE(dev_v), "root", false, "no allow" },
	{ { &no_logins }, NODE(dev_v), "root", false, "no allow" },
	{ { &blue }, NODE(blue_v), "root", true, "allow.logins root" },
	{ { &blue }, NODE(dev_v), "root", false, "no allow" },
	{ { &blue }, BARE, "root", false, "no allow" },
};

static void
logins_as_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(logins); i++) {
		const struct login_row *r = &logins[i];
		struct policy_user u = user_of(r->roles);
		struct policy_decision d;

		assert_int_equal(policy_login(&u, r->node, r->login, NULL), r->allowed);
		if (policy_login(&u, r->node, r->login, &d) != r->allowed ||
		    d.allowed != r->allowed || strcmp(d.rule, r->rule) != 0)
			fail_msg("row %zu: %s by \"%s\": %s", i, d.allowed ? "allowed" : "denied",
			    d.rule, d.reason);
		assert_true(d.reason[0] != '\0');
	}
}

static void
nodes_are_seen_by_those_who_may_enter(void **state)
{
	static const struct {
		const struct policy_role *roles[3];
		struct policy_labels node;
		bool seen;
	} row[] = {
		{ { &dev }, NODE(dev_v), true },
		{ { &dev }, NODE(prod_v), false },
		{ { &dev, &everywhere }, NODE(prod_v), true },
		{ { &everywhere }, BARE, true },
		{ { &everywhere, &no_root }, BARE, false },
		{ { &everywhere, &no_secret }, NODE(secret_v), false },
		{ { &no_logins }, NODE(dev_v), false },
		{ { &no_nodes }, NODE(dev_v), false },
		{ { NULL }, NODE(dev_v), false },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		struct policy_user u = user_of(row[i].roles);
		struct policy_decision d;

		if (policy_see_node(&u, row[i].node, &d) != row[i].seen)
			fail_msg("row %zu: %s", i, d.reason);
	}
}

static void
verbs_as_in_the_table(void **state)
{
	static const struct {
		const struct policy_role *roles[3];
		const char *resource, *verb;
		bool allowed;
	} row[] = {
		{ { &dev }, "user", "list", true },
		{ { &dev }, "user", "create", false },
		{ { &dev }, "role", "list", false },
		{ { &dev, &no_user_write }, "user", "list", false },
		{ { &admin }, "user", "delete", true },
		{ { &admin }, "session", "read", true },
		{ { &admin, &no_user_write }, "user", "delete", false },
		{ { &admin, &no_user_write }, "role", "delete", true },
		{ { NULL }, "user", "list", false },
		{ { &no_root }, "user", "list", false },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		struct policy_user u = user_of(row[i].roles);

		if (policy_verb(&u, row[i].resource, row[i].verb, NULL) != row[i].allowed)
			fail_msg("row %zu", i);
	}
}

static void
recordings_of_oneself_and_of_others(void **state)
{
	static const struct {
		const struct policy_role *roles[3];
		const char *owner;
		bool allowed;
	} row[] = {
		{ { &auditing }, "bob", true },
		{ { &auditing }, "alice", true },
		{ { &own }, "alice", true },
		{ { &own }, "bob", false },
		{ { &own, &no_sessions }, "alice", false },
		{ { &auditing, &no_sessions }, "bob", false },
		{ { &dev }, "alice", false },
		{ { NULL }, "alice", false },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		struct policy_user u = user_of(row[i].roles);

		if (policy_session(&u, "read", row[i].owner, NULL) != row[i].allowed)
			fail_msg("row %zu", i);
	}
}

static void
logins_for_certificates(void **state)
{
	static const struct {
		const struct policy_role *roles[3];
		const char *want[5];
	} row[] = {
		{ { &dev }, { "alice", "deploy", "ubuntu" } },
		{ { &dev, &everywhere }, { "alice", "deploy", "root", "ubuntu" } },
		{ { &dev, &everywhere, &no_root }, { "alice", "deploy", "ubuntu" } },
		{ { &dev, &no_own }, { "deploy" } },
		{ { &everywhere, &blue }, { "root" } },
		{ { NULL }, { NULL } },
		/* nothing is promised that no node grants */
		{ { &no_nodes }, { NULL } },
		{ { &no_nodes, &dev }, { "alice", "deploy", "ubuntu" } },
		{ { &no_nodes, &no_logins }, { NULL } },
		{ { &no_values }, { NULL } },
		{ { &everywhere, &no_node_at_all }, { NULL } },
		{ { &everywhere, &no_secret }, { "root" } },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		struct policy_user u = user_of(row[i].roles);
		const char *got[POLICY_LOGINS_MAX];
		size_t n = policy_logins(&u, got), k = 0;

		for (; row[i].want[k]; k++) {
			assert_true(k < n);
			assert_string_equal(got[k], row[i].want[k]);
		}
		assert_int_equal(n, k);
	}
}

static void
strange_logins_never_become_principals(void **state)
{
	static const struct policy_role *const roles[] = { &dev, NULL };
	static const char *const strange[] = { "", "a,b", "*", "-x", "a b", "a/b", "ok" };
	struct policy_user u = user_of(roles);
	const char *got[POLICY_LOGINS_MAX];

	(void)state;
	u.logins = (struct policy_names){ strange, N(strange) };
	assert_int_equal(policy_logins(&u, got), 2);
	assert_string_equal(got[0], "deploy");
	assert_string_equal(got[1], "ok");
	assert_false(policy_login(&u, (struct policy_labels)NODE(dev_v), "a,b", NULL));
	assert_false(policy_login(&u, (struct policy_labels)NODE(dev_v), "*", NULL));
}

/* With blanks inside the braces it is the same template; all else is a login like another. */
static void
the_template_may_be_padded_and_nothing_else_is_one(void **state)
{
	static const struct {
		const char *text;
		bool is_template;
	} row[] = {
		{ "{{internal.logins}}", true },
		{ "{{ internal.logins }}", true },
		{ "{{   internal.logins}}", true },
		{ "{{internal.logins  }}", true },
		{ "{{external.groups}}", false },
		{ "{{ internal.login }}", false },
		{ "{{ internal.loginsx }}", false },
		{ "{{ internal.logins }} ", false },
		{ "{{ internal.logins }", false },
		{ "x{{ internal.logins }}", false },
		{ "{ internal.logins }}", false },
		{ "internal.logins", false },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		const struct policy_role role = { .name = "r",
			.allow = { .logins = { &row[i].text, 1 },
			    .node_labels = any_rule,
			    .n_node_labels = 1 } };
		const struct policy_role *roles[3] = { &role };
		struct policy_user u = user_of(roles);
		const char *got[POLICY_LOGINS_MAX];

		if (policy_login(&u, (struct policy_labels)BARE, "alice", NULL) !=
		    row[i].is_template)
			fail_msg("\"%s\"", row[i].text);
		if ((policy_logins(&u, got) == 2) != row[i].is_template)
			fail_msg("\"%s\" in a certificate", row[i].text);
	}
}

/* Lists end where they say: what stands behind them in memory does not count. */
static void
lists_end_at_their_length(void **state)
{
	static const char *const values[] = { "dev", "prod" };
	static const char *const mine[] = { "alice", "root" };
	const struct policy_label_rule rule[] = { { "env", { values, 1 } },
		{ "team", { values, 2 } } };
	const struct policy_role role = { .name = "r",
		.allow = { .logins = NAMES("{{internal.logins}}"),
		    .node_labels = rule,
		    .n_node_labels = 1 } };
	const struct policy_role *roles[] = { &role, &everywhere };
	struct policy_user u = { .name = "alice",
		.roles = roles,
		.n_roles = 1,
		.logins = { mine, 1 } };

	(void)state;
	assert_true(policy_login(&u, (struct policy_labels){ dev_v, 2 }, "alice", NULL));
	assert_false(policy_login(&u, (struct policy_labels){ dev_v, 2 }, "root", NULL));
	assert_false(policy_login(&u, (struct policy_labels){ prod_v, 2 }, "alice", NULL));
	assert_false(policy_login(&u, (struct policy_labels){ dev_v, 0 }, "alice", NULL));
}

static void
a_denial_says_what_is_missing(void **state)
{
	static const struct policy_role *const no_login[3] = { &no_logins };
	static const struct policy_role *const no_node[] = { &no_nodes, NULL };
	static const struct policy_role *const neither[] = { &no_logins, &no_nodes, NULL };
	struct policy_user u = user_of(no_login);
	struct policy_decision d;

	(void)state;
	assert_false(policy_login(&u, (struct policy_labels)NODE(dev_v), "root", &d));
	assert_non_null(strstr(d.reason, "login"));
	u = user_of(no_node);
	assert_false(policy_login(&u, (struct policy_labels)NODE(dev_v), "root", &d));
	assert_non_null(strstr(d.reason, "node"));
	u = user_of(neither);
	assert_false(policy_login(&u, (struct policy_labels)NODE(dev_v), "root", &d));
	assert_non_null(strstr(d.reason, "no single role"));
}

static void
no_more_logins_than_fit_go_into_a_certificate(void **state)
{
	static const struct policy_role *const roles[] = { &dev, NULL };
	static char texts[POLICY_LOGINS_MAX + 10][8];
	static const char *names[POLICY_LOGINS_MAX + 10];
	static const char *got[POLICY_LOGINS_MAX + 1];
	struct policy_user u = user_of(roles);

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "u%zu", i);
		names[i] = texts[i];
	}
	u.logins = (struct policy_names){ names, N(names) };
	got[POLICY_LOGINS_MAX] = "behind the end";
	assert_int_equal(policy_logins(&u, got), POLICY_LOGINS_MAX);
	assert_string_equal(got[POLICY_LOGINS_MAX], "behind the end");
}

/* A role without a limit does not lift that of another, in whichever order they stand. */
static void
a_role_without_a_time_limit_lifts_none(void **state)
{
	static const struct policy_role *const first[] = { &blue, &dev, NULL };
	static const struct policy_role *const last[] = { &dev, &blue, NULL };
	struct policy_user u = user_of(first);

	(void)state;
	assert_int_equal(policy_options(&u).max_session_ttl_s, 3600);
	u = user_of(last);
	assert_int_equal(policy_options(&u).max_session_ttl_s, 3600);
	assert_int_equal(policy_session_ttl(&u, 7200), 3600);
	assert_int_equal(policy_options(&u).client_idle_timeout_s, 900);
}

/* A role more takes nothing from what is recorded. */
static void
of_several_roles_the_one_that_records_more_counts(void **state)
{
	static const struct policy_role *const one[] = { &dev, NULL };
	static const struct policy_role *const both[] = { &dev, &everywhere, NULL };
	static const struct policy_role *const whole[] = { &dev, &blue, &everywhere, NULL };
	static const struct policy_role *const none[] = { NULL };
	struct policy_user u = user_of(one);

	(void)state;
	assert_true(policy_options(&u).omit_input);
	assert_int_equal(policy_options(&u).record_limit, 1000);
	u = user_of(both);
	assert_true(policy_options(&u).omit_input);
	assert_int_equal(policy_options(&u).record_limit, 3000);
	/* A role that says nothing of it records everything. */
	u = user_of(whole);
	assert_false(policy_options(&u).omit_input);
	assert_int_equal(policy_options(&u).record_limit, 0);
	u = user_of(none);
	assert_false(policy_options(&u).omit_input);
	assert_int_equal(policy_options(&u).record_limit, 0);
}

static void
options_of_several_roles(void **state)
{
	static const struct policy_role *const both[] = { &dev, &everywhere, NULL };
	static const struct policy_role *const none[] = { NULL };
	static const struct policy_role *const open[] = { &admin, NULL };
	struct policy_user u = user_of(both);
	struct policy_options o = policy_options(&u);

	(void)state;
	assert_int_equal(o.max_session_ttl_s, 3600);
	assert_true(o.forward_agent && o.port_forwarding && o.permit_pty && o.pin_source_ip);
	assert_int_equal(policy_session_ttl(&u, 0), 3600);
	assert_int_equal(policy_session_ttl(&u, 60), 60);
	assert_int_equal(policy_session_ttl(&u, 100000), 3600);
	u = user_of(open);
	assert_int_equal(policy_session_ttl(&u, 0), POLICY_TTL_DEFAULT_S);
	assert_int_equal(policy_session_ttl(&u, -5), POLICY_TTL_DEFAULT_S);
	assert_int_equal(policy_session_ttl(&u, INT64_MAX), POLICY_TTL_MAX_S);
	u = user_of(none);
	assert_int_equal(policy_session_ttl(&u, 60), 0);
}

/* Every set of a few roles, on every kind of node: the list is what policy_login says of each login. */
static void
logins_on_a_node_are_those_that_it_lets_in(void **state)
{
	static const struct policy_role *const pool[] = { &dev, &everywhere, &blue, &no_root, &no_own,
		&no_secret, &no_nodes, &no_logins, &no_values, &no_node_at_all };
	static const struct policy_label labels[] = { { "env", "dev" }, { "team", "blue" },
		{ "secret", "yes" } };
	static const char *const asked[] = { "root", "deploy", "ann", "{{internal.logins}}", "-x" };
	size_t some = 0;

	(void)state;
	for (unsigned set = 0; set < 1u << N(pool); set++)
		for (size_t n_labels = 0; n_labels <= N(labels); n_labels++) {
			const struct policy_role *roles[N(pool)];
			struct policy_user u = { "ann", roles, 0, NAMES("ann", "-x") };
			const char *got[POLICY_LOGINS_MAX];
			struct policy_labels node = { labels, n_labels };
			size_t n, found = 0;

			for (size_t i = 0; i < N(pool); i++)
				if (set & 1u << i)
					roles[u.n_roles++] = pool[i];
			n = policy_logins_on(&u, node, got);
			for (size_t i = 0; i < N(asked); i++) {
				bool there = false;

				for (size_t k = 0; k < n; k++)
					there |= strcmp(got[k], asked[i]) == 0;
				found += there;
				assert_int_equal(there, policy_login(&u, node, asked[i], NULL));
			}
			assert_int_equal(found, n);
			some += n;
		}
	assert_true(some > 0);
}

static void
what_can_be_asked_about_is_what_is_named(void **state)
{
	static const struct policy_role *const roles[] = { &dev, &no_root, &no_nodes };
	const struct policy_user u = { "ann", roles, N(roles), NAMES("ann", "-x", "root") };
	const char *got[POLICY_LOGINS_MAX];

	(void)state;
	assert_int_equal(policy_logins_named(&u, got), 3);
	assert_string_equal(got[0], "ann");
	assert_string_equal(got[1], "deploy");
	assert_string_equal(got[2], "root");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins_on_a_node_are_those_that_it_lets_in),
		cmocka_unit_test(what_can_be_asked_about_is_what_is_named),
		cmocka_unit_test(logins_as_in_the_table),
		cmocka_unit_test(nodes_are_seen_by_those_who_may_enter),
		cmocka_unit_test(verbs_as_in_the_table),
		cmocka_unit_test(recordings_of_oneself_and_of_others),
		cmocka_unit_test(logins_for_certificates),
		cmocka_unit_test(strange_logins_never_become_principals),
		cmocka_unit_test(the_template_may_be_padded_and_nothing_else_is_one),
		cmocka_unit_test(lists_end_at_their_length),
		cmocka_unit_test(a_denial_says_what_is_missing),
		cmocka_unit_test(no_more_logins_than_fit_go_into_a_certificate),
		cmocka_unit_test(a_role_without_a_time_limit_lifts_none),
		cmocka_unit_test(of_several_roles_the_one_that_records_more_counts),
		cmocka_unit_test(options_of_several_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
