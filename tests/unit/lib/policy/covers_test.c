/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of rights: a table of who covers whom, and, over policies made at random, that it never says yes where the
 * evaluator would let the lesser one do what the greater one may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "policy/covers.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define NAMES(...)                                                                      \
	{                                                                               \
		(const char *const[]){ __VA_ARGS__ },                                   \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}
#define LABELS(...)                                                                  \
	.node_labels = (const struct policy_label_rule[]){ __VA_ARGS__ },            \
	.n_node_labels = sizeof((const struct policy_label_rule[]){ __VA_ARGS__ }) / \
	    sizeof(struct policy_label_rule)
#define RULES(...)                                                            \
	.rules = (const struct policy_verb_rule[]){ __VA_ARGS__ },            \
	.n_rules = sizeof((const struct policy_verb_rule[]){ __VA_ARGS__ }) / \
	    sizeof(struct policy_verb_rule)
#define ROLE(name_, allow_, deny_, ...)                           \
	static const struct policy_role name_ = { .name = #name_, \
		.allow = { allow_ },                              \
		.deny = { deny_ },                                \
		.options = __VA_ARGS__ }
#define NOTHING    .n_rules = 0
#define BOTH(a, b) a, b
#define ANY                     \
	{                       \
		"*", NAMES("*") \
	}

#define ALL_ON                                                                     \
	{                                                                          \
		.forward_agent = true, .port_forwarding = true, .permit_pty = true \
	}
#define PLAIN                             \
	{                                 \
		.max_session_ttl_s = 3600 \
	}

ROLE(root_all, BOTH(.logins = NAMES("root"), LABELS(ANY)), NOTHING, PLAIN);
ROLE(own_all, BOTH(.logins = NAMES("{{internal.logins}}"), LABELS(ANY)), NOTHING, PLAIN);
ROLE(own_brace, BOTH(.logins = NAMES("{{internal.logins}}"), LABELS(ANY)),
    .logins = NAMES("{*", "*internal*"), PLAIN);
ROLE(own_none, BOTH(.logins = NAMES("{{internal.logins}}"), LABELS(ANY)), .logins = NAMES("**"),
    PLAIN);
ROLE(root_dev, BOTH(.logins = NAMES("root"), LABELS({ "env", NAMES("dev") })), NOTHING, PLAIN);
ROLE(root_devs, BOTH(.logins = NAMES("root"), LABELS({ "env", NAMES("dev*") })), NOTHING, PLAIN);
ROLE(root_dev_prod, BOTH(.logins = NAMES("root"), LABELS({ "env", NAMES("dev", "prod") })), NOTHING,
    PLAIN);
ROLE(root_dev_team,
    BOTH(.logins = NAMES("root"), LABELS({ "env", NAMES("dev") }, { "team", NAMES("x") })), NOTHING,
    PLAIN);
ROLE(root_some_dev, BOTH(.logins = NAMES("root"), LABELS({ "*", NAMES("dev") })), NOTHING, PLAIN);
ROLE(root_nowhere, .logins = NAMES("root"), NOTHING, PLAIN);
ROLE(deploy_dev, BOTH(.logins = NAMES("deploy"), LABELS({ "env", NAMES("dev") })), NOTHING, PLAIN);
ROLE(deploy_all, BOTH(.logins = NAMES("deploy"), LABELS(ANY)), NOTHING, PLAIN);
ROLE(no_root, NOTHING, .logins = NAMES("ro*"), PLAIN);
ROLE(no_prod, NOTHING, LABELS({ "env", NAMES("prod") }), PLAIN);
ROLE(no_pr, NOTHING, LABELS({ "env", NAMES("pr*") }), PLAIN);
ROLE(no_any_prod, NOTHING, LABELS({ "*", NAMES("prod") }), PLAIN);
ROLE(help, RULES({ NAMES("user"), NAMES("create", "update") }), NOTHING, PLAIN);
ROLE(users, RULES({ NAMES("user"), NAMES("*") }), NOTHING, PLAIN);
ROLE(everything, RULES({ NAMES("*"), NAMES("*") }), NOTHING, PLAIN);
ROLE(above, RULES({ NAMES("user"), NAMES("escalate") }), NOTHING, PLAIN);
ROLE(no_update, NOTHING, RULES({ NAMES("user"), NAMES("update") }), PLAIN);
ROLE(all_sessions, RULES({ NAMES("session"), NAMES("read") }), NOTHING, PLAIN);
ROLE(own_sessions, RULES({ NAMES("own_session"), NAMES("read") }), NOTHING, PLAIN);
ROLE(all_events, RULES({ NAMES("event"), NAMES("list") }), NOTHING, PLAIN);
ROLE(own_events, RULES({ NAMES("own_event"), NAMES("list") }), NOTHING, PLAIN);
ROLE(able, NOTHING, NOTHING, ALL_ON);
ROLE(an_hour, NOTHING, NOTHING, PLAIN);
ROLE(a_day, NOTHING, NOTHING, { .max_session_ttl_s = 86400 });
ROLE(pinned, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .pin_source_ip = true });
ROLE(agent, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .forward_agent = true });
ROLE(unheard, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .omit_input = true });
ROLE(a_byte, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .record_limit = 1 });
ROLE(idle_long, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .client_idle_timeout_s = 1800 });
ROLE(idle_short, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .client_idle_timeout_s = 900 });
ROLE(a_page, NOTHING, NOTHING, { .max_session_ttl_s = 3600, .record_limit = 4096 });

/* With all steps there are. */
static bool
covers(const struct policy_user *const by[], size_t n_by, const struct policy_user *what,
    struct err *why)
{
	long steps = COVERS_STEPS;

	return policy_covers(by, n_by, what, &steps, why);
}

static bool
covers_role(const struct policy_user *by, const struct policy_role *role, struct err *why)
{
	long steps = COVERS_STEPS;

	return policy_covers_role(by, role, &steps, why);
}

struct side {
	const struct policy_role *roles[4];
	const char *logins[2];
};

static struct policy_user
user_of(const char *name, const struct side *s)
{
	struct policy_user u = { .name = name, .roles = s->roles, .logins = { s->logins, 0 } };

	while (u.n_roles < 4 && s->roles[u.n_roles])
		u.n_roles++;
	while (u.logins.n < 2 && s->logins[u.logins.n])
		u.logins.n++;
	return u;
}

static const struct row {
	struct side by, what;
	const char *missing; /* part of the text; NULL: covered */
} rows[] = {
	{ { { NULL }, { NULL } }, { { NULL }, { NULL } }, NULL },
	{ { { NULL }, { NULL } }, { { &help }, { NULL } }, "create user" },
	{ { { &help }, { NULL } }, { { NULL }, { "root" } }, NULL },
	{ { { &help }, { NULL } }, { { &help }, { NULL } }, NULL },
	{ { { &help }, { NULL } }, { { &users }, { NULL } }, "list user" },
	{ { { &users }, { NULL } }, { { &help }, { NULL } }, NULL },
	{ { { &everything }, { NULL } }, { { &users, &everything }, { NULL } }, NULL },
	/* "*" does not give it, and whoever has it is above. */
	{ { { &everything }, { NULL } }, { { &above }, { NULL } }, "escalate user" },
	{ { { &above }, { NULL } }, { { &above }, { NULL } }, NULL },
	/* What is denied to one is not with him. */
	{ { { &help, &no_update }, { NULL } }, { { &help }, { NULL } }, "update user" },
	{ { { &help, &no_update }, { NULL } }, { { &help, &no_update }, { NULL } }, NULL },
	{ { { &help }, { NULL } }, { { &help, &no_update }, { NULL } }, NULL },
	{ { { &all_sessions }, { NULL } }, { { &own_sessions }, { NULL } }, NULL },
	{ { { &own_sessions }, { NULL } }, { { &all_sessions }, { NULL } }, "read session" },
	{ { { &all_events }, { NULL } }, { { &own_events }, { NULL } }, NULL },
	{ { { &own_events }, { NULL } }, { { &all_events }, { NULL } }, "list event" },
	/* logins and nodes */
	{ { { &root_all }, { NULL } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_dev }, { NULL } }, { { &root_all }, { NULL } },
	    "log in as root by role root_all" },
	{ { { &root_devs }, { NULL } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_dev }, { NULL } }, { { &root_devs }, { NULL } }, "root" },
	{ { { &root_dev }, { NULL } }, { { &root_dev_team }, { NULL } }, NULL },
	{ { { &root_dev_team }, { NULL } }, { { &root_dev }, { NULL } }, "root" },
	{ { { &root_dev }, { NULL } }, { { &root_dev_prod }, { NULL } }, "root" },
	{ { { &root_dev_prod }, { NULL } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_some_dev }, { NULL } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_dev }, { NULL } }, { { &root_some_dev }, { NULL } }, "root" },
	{ { { &root_some_dev }, { NULL } }, { { &root_all }, { NULL } }, "root" },
	{ { { NULL }, { NULL } }, { { &root_nowhere }, { NULL } }, NULL },
	{ { { &root_nowhere }, { NULL } }, { { &root_dev }, { NULL } }, "root" },
	/* The login of one role and the nodes of another do not add up. */
	{ { { &root_dev, &deploy_all }, { NULL } }, { { &root_all }, { NULL } }, "root" },
	{ { { &root_all, &deploy_dev }, { NULL } }, { { &deploy_all }, { NULL } }, "deploy" },
	{ { { &root_all }, { NULL } }, { { &deploy_dev }, { NULL } }, "deploy" },
	{ { { &own_all }, { "root" } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_all }, { NULL } }, { { &own_all }, { "root" } }, NULL },
	{ { { &own_all }, { "root" } }, { { &own_all }, { "root", "deploy" } }, "deploy" },
	{ { { &own_all }, { "root" } }, { { &own_all }, { NULL } }, NULL },
	{ { { &root_all, &no_root }, { NULL } }, { { &root_dev }, { NULL } }, "root" },
	{ { { &root_all }, { NULL } }, { { &root_dev, &no_root }, { NULL } }, NULL },
	{ { { NULL }, { NULL } }, { { &root_dev, &no_root }, { NULL } }, NULL },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_all }, { NULL } }, "root" },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_dev }, { NULL } }, NULL },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_dev_prod }, { NULL } }, "root" },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_devs }, { NULL } }, "root" },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_all, &no_prod }, { NULL } }, NULL },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_all, &no_pr }, { NULL } }, NULL },
	{ { { &root_all, &no_pr }, { NULL } }, { { &root_all, &no_prod }, { NULL } }, "root" },
	{ { { &root_all, &no_prod }, { NULL } }, { { &root_all, &no_any_prod }, { NULL } }, NULL },
	{ { { &root_all, &no_any_prod }, { NULL } }, { { &root_all, &no_prod }, { NULL } },
	    "root" },
	{ { { &root_all, &no_any_prod }, { NULL } }, { { &root_dev }, { NULL } }, "root" },
	/* options */
	{ { { &able }, { NULL } }, { { &agent }, { NULL } }, NULL },
	{ { { &an_hour }, { NULL } }, { { &agent }, { NULL } }, "forward an agent" },
	{ { { &an_hour }, { NULL } }, { { &a_day }, { NULL } }, "logged in longer" },
	{ { { &an_hour }, { NULL } }, { { &able, &an_hour }, { NULL } }, "forward an agent" },
	{ { { &a_day }, { NULL } }, { { &an_hour }, { NULL } }, NULL },
	{ { { &an_hour }, { NULL } }, { { &able }, { NULL } }, "logged in longer" },
	{ { { &pinned }, { NULL } }, { { &an_hour }, { NULL } }, "from any address" },
	{ { { &an_hour }, { NULL } }, { { &pinned }, { NULL } }, NULL },
	/* To be recorded less is more. */
	{ { { &an_hour }, { NULL } }, { { &unheard }, { NULL } }, "what he types" },
	{ { { &unheard }, { NULL } }, { { &an_hour }, { NULL } }, NULL },
	{ { { &unheard, &an_hour }, { NULL } }, { { &unheard }, { NULL } }, "what he types" },
	{ { { &an_hour }, { NULL } }, { { &a_page }, { NULL } }, "record_limit" },
	{ { { &a_page }, { NULL } }, { { &a_byte }, { NULL } }, "record_limit" },
	{ { { &a_byte }, { NULL } }, { { &a_page, &an_hour }, { NULL } }, NULL },
	{ { { &an_hour }, { NULL } }, { { &idle_short }, { NULL } }, NULL },
	{ { { &idle_short }, { NULL } }, { { &an_hour }, { NULL } }, "client_idle_timeout" },
	{ { { &idle_long }, { NULL } }, { { &idle_short }, { NULL } }, NULL },
	{ { { &idle_short }, { NULL } }, { { &idle_long }, { NULL } }, "client_idle_timeout" },
	{ { { &idle_short }, { NULL } }, { { &idle_short, &an_hour }, { NULL } }, NULL },
};

static void
the_table_says_who_covers_whom(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct policy_user by = user_of("ann", &rows[i].by),
				   what = user_of("bob", &rows[i].what);
		const struct policy_user *list[] = { &by };
		struct err why = { "" };
		bool covered = covers(list, 1, &what, &why);

		if (covered != !rows[i].missing || (!covered && !strstr(why.text, rows[i].missing)))
			fail_msg("row %zu: %d, %s", i, covered, why.text);
	}
}

static void
each_right_may_be_with_another_of_them(void **state)
{
	const struct side a = { { &root_dev }, { NULL } }, b = { { &help }, { NULL } },
			  both = { { &root_dev, &help }, { NULL } },
			  more = { { &root_dev, &help, &agent }, { NULL } };
	struct policy_user x = user_of("x", &a), y = user_of("y", &b), z = user_of("z", &both),
			   more_user = user_of("m", &more);
	const struct policy_user *list[] = { &x, &y };
	struct err why;

	(void)state;
	assert_false(covers(list, 1, &z, &why));
	assert_true(covers(list, 2, &z, &why));
	assert_false(covers(list, 2, &more_user, &why));
}

static void
a_role_is_covered_by_whoever_has_its_template_there(void **state)
{
	const struct side own = { { &own_all }, { NULL } }, root = { { &root_all }, { "root" } },
			  none = { { &own_all, &no_prod }, { NULL } };
	struct policy_user o = user_of("o", &own), r = user_of("r", &root), n = user_of("n", &none);
	struct err why;

	(void)state;
	assert_true(covers_role(&o, &own_all, &why));
	assert_false(covers_role(&r, &own_all, &why));
	assert_non_null(strstr(why.text, "whatever logins"));
	assert_true(covers_role(&r, &root_dev, &why));
	assert_false(covers_role(&n, &own_all, &why));
}

static void
limits_are_compared_as_written(void **state)
{
	(void)state;
	assert_true(policy_limits_equal(&root_all, &help));
	assert_false(policy_limits_equal(&root_all, &no_root));
	assert_false(policy_limits_equal(&no_prod, &no_pr));
	assert_false(policy_limits_equal(&no_prod, &no_any_prod));
	assert_false(policy_limits_equal(&no_update, &help));
	assert_false(policy_limits_equal(&an_hour, &a_day));
	assert_false(policy_limits_equal(&an_hour, &pinned));
	assert_true(policy_limits_equal(&an_hour, &agent));
}

/* --- at random ------------------------------------------------------------------------------------------- */

static unsigned seed;

static unsigned
up_to(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static const char *const keys[] = { "env", "team", "*" };
static const char *const globs[] = { "*", "a", "b", "a*", "*b", "ab", "a*b" };
static const char *const login_names[] = { "root", "a", "ab", "{{internal.logins}}" };
static const char *const deny_names[] = { "a*", "*b", "root", "{{internal.logins}}", "*" };
static const char *const resource_names[] = { "user", "session", "own_session", "event",
	"own_event", "*" };
static const char *const verb_names[] = { "list", "read", "escalate", "*" };

/* A role with room for what it points to. */
struct made {
	struct policy_role role;
	const char *text[64];
	size_t n_text;
	struct policy_label_rule labels[2][2];
	struct policy_verb_rule rules[2][2];
};

static struct policy_names
pick(struct made *m, const char *const *from, unsigned n_from, unsigned n)
{
	struct policy_names names = { &m->text[m->n_text], n };

	for (unsigned i = 0; i < n; i++)
		m->text[m->n_text++] = from[up_to(n_from)];
	return names;
}

static void
make_side(struct made *m, struct policy_conditions *c, int side)
{
	c->logins = side ? pick(m, deny_names, N(deny_names), up_to(4) == 0)
			 : pick(m, login_names, N(login_names), up_to(3));
	c->node_labels = m->labels[side];
	c->n_node_labels = side ? up_to(3) == 0 : up_to(3);
	for (size_t i = 0; i < c->n_node_labels; i++) {
		m->labels[side][i].key = keys[up_to(N(keys))];
		m->labels[side][i].values = pick(m, globs, N(globs), 1 + up_to(2));
	}
	c->rules = m->rules[side];
	c->n_rules = side ? up_to(3) == 0 : up_to(3);
	for (size_t i = 0; i < c->n_rules; i++) {
		m->rules[side][i].resources = pick(m, resource_names, N(resource_names), 1);
		m->rules[side][i].verbs = pick(m, verb_names, N(verb_names), 1 + up_to(2));
	}
}

struct person {
	struct made made[2];
	const struct policy_role *roles[2];
	const char *logins[2];
	struct policy_user user;
};

static void
make(struct person *p, const char *name)
{
	memset(p, 0, sizeof *p);
	p->user = (struct policy_user){ .name = name, .roles = p->roles, .n_roles = 1 + up_to(2) };
	for (size_t i = 0; i < p->user.n_roles; i++) {
		p->made[i].role.name = i ? "second" : "first";
		make_side(&p->made[i], &p->made[i].role.allow, 0);
		make_side(&p->made[i], &p->made[i].role.deny, 1);
		p->made[i].role.options = (struct policy_options){ up_to(2) * 3600, up_to(2),
			up_to(2), up_to(2), up_to(2), up_to(2), up_to(3) };
		p->roles[i] = &p->made[i].role;
	}
	p->user.logins = (struct policy_names){ p->logins, up_to(3) };
	for (size_t i = 0; i < p->user.logins.n; i++)
		p->logins[i] = login_names[up_to(3)];
}

static const char *const values[] = { "", "a", "b", "ab", "axb", "c" };

/* What the lesser one may on this node, the greater one may. */
static void
holds_on(const struct policy_user *big, const struct policy_user *small, struct policy_labels node)
{
	static const char *const all[] = { "root", "a", "ab", "x" };

	for (size_t i = 0; i < N(all); i++)
		if (policy_login(small, node, all[i], NULL) &&
		    !policy_login(big, node, all[i], NULL))
			fail_msg("seed %u: login %s", seed, all[i]);
	if (policy_see_node(small, node, NULL) && !policy_see_node(big, node, NULL))
		fail_msg("seed %u: sees a node", seed);
}

static void
holds_in_all(const struct policy_user *big, const struct policy_user *small)
{
	static const char *const res[] = { "user", "session", "event", "role" };
	static const char *const verbs[] = { "list", "read", "delete", "escalate" };

	for (size_t e = 0; e < N(values); e++)
		for (size_t t = 0; t < N(values); t++) {
			struct policy_label v[] = { { "env", values[e] }, { "team", values[t] } };

			for (size_t n = 0; n <= 2; n++)
				holds_on(big, small, (struct policy_labels){ v, n });
		}
	for (size_t r = 0; r < N(res); r++)
		for (size_t v = 0; v < N(verbs); v++)
			if (policy_verb(small, res[r], verbs[v], NULL) &&
			    !policy_verb(big, res[r], verbs[v], NULL))
				fail_msg("seed %u: %s %s", seed, verbs[v], res[r]);
	if ((policy_session(small, "read", small->name, NULL) &&
		!policy_session(big, "read", big->name, NULL)) ||
	    (policy_event(small, "list", small->name, NULL) &&
		!policy_event(big, "list", big->name, NULL)))
		fail_msg("seed %u: what is one's own", seed);
}

static void
whatever_is_covered_may_nothing_more(void **state)
{
	static struct person a, b;
	size_t covered = 0;

	(void)state;
	seed = 7;
	for (int i = 0; i < 60000; i++) {
		const struct policy_user *by[] = { &a.user };
		struct err why;

		make(&a, "ann");
		make(&b, "bob");
		/* Everybody covers himself, whatever stands in his roles. */
		if (!covers(by, 1, &a.user, &why))
			fail_msg("not reflexive: %s", why.text);
		if (!covers(by, 1, &b.user, &why))
			continue;
		covered++;
		holds_in_all(&a.user, &b.user);
	}
	/* Else the test would show nothing. */
	assert_true(covered > 500);
}

static void
what_takes_too_long_to_compare_is_not_covered(void **state)
{
	static char text[512][256];
	static const char *many[512];
	struct policy_label_rule inner = { "k", { many, 512 } };
	struct policy_role big = { .name = "big",
		.allow = { .logins = NAMES("root"), .node_labels = &inner, .n_node_labels = 1 } };
	const struct policy_role *roles = &big;
	struct policy_user u = { "u", &roles, 1, { NULL, 0 } };
	const struct policy_user *by[] = { &u };
	struct err why;

	(void)state;
	for (size_t i = 0; i < N(text); i++) {
		memset(text[i], 'a', 200);
		snprintf(text[i] + 200, 50, "*%s%zu", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i);
		many[i] = text[i];
	}
	assert_false(covers(by, 1, &u, &why));
	assert_non_null(strstr(why.text, "too many to compare"));
}

/* A template stands for whatever logins somebody has: for root, too, whom its author may not be. */
static void
a_template_is_not_given_by_whoever_is_denied_some_login(void **state)
{
	static const struct side denied[] = {
		{ { &own_all, &no_root }, { "root", "deploy" } },
		{ { &own_all, &root_all, &no_root }, { "deploy" } },
	};
	const struct policy_user *by[1];
	struct err why;

	(void)state;
	for (size_t i = 0; i < N(denied); i++) {
		struct policy_user author = user_of("author", &denied[i]);
		struct policy_user other = user_of("other",
		    &(struct side){ { &own_all }, { "deploy" } });

		assert_false(covers_role(&author, &own_all, &why));
		assert_non_null(strstr(why.text, "whatever logins the user has"));
		/* What he has himself, to one who has no more, he gives. */
		by[0] = &author;
		assert_true(covers(by, 1, &other, &why));
		assert_true(covers_role(&author, &no_root, &why));
	}
	/* A glob that fits the letters of the template denies no login that anybody has. */
	struct policy_user without = user_of("author", &(struct side){ { &everything }, { NULL } });
	assert_false(covers_role(&without, &own_brace, &why));
	assert_true(covers_role(&without, &own_none, &why));
	struct policy_user free_of_it = user_of("author",
	    &(struct side){ { &own_all, &able }, { "deploy" } });
	assert_true(covers_role(&free_of_it, &own_all, &why));
}

/* As an author of a role with thousands of rules would have it, who has ten thousand users. */
static void
one_budget_is_for_all_that_is_compared(void **state)
{
	static const char *const words[256] = { [0 ... 255] = "read" };
	static struct policy_verb_rule rules[256];
	struct policy_role big = { .name = "big", .allow = { .rules = rules, .n_rules = 256 } };
	const struct policy_role *roles = &big;
	struct policy_user u = { "u", &roles, 1, { NULL, 0 } };
	const struct policy_user *by[] = { &u };
	long steps = COVERS_STEPS, before;
	struct err why;
	int n = 0;

	(void)state;
	for (size_t i = 0; i < N(rules); i++)
		rules[i] = (struct policy_verb_rule){ { words, 256 }, { words, 256 } };
	do
		before = steps;
	while (policy_covers(by, 1, &u, &steps, &why) && n++ < 100);
	assert_true(n < 10);
	assert_true(before - steps > 1000 * 1000);
	assert_non_null(strstr(why.text, "too many to compare"));
	/* What is left of it is for nobody. */
	assert_true(steps < 0);
	roles = &root_all;
	assert_false(policy_covers(by, 1, &u, &steps, &why));
}

/* Patterns with stars take as long as both texts together, multiplied. */
static void
denied_logins_with_many_stars_are_paid_for(void **state)
{
	static char stars[256];
	static const char *patterns[256], *logins[256];
	struct policy_role deny = { .name = "deny", .deny = { .logins = { patterns, 256 } } };
	struct policy_label_rule any = { "*", NAMES("*") };
	struct policy_role gives = { .name = "gives",
		.allow = { .logins = { logins, 256 }, .node_labels = &any, .n_node_labels = 1 } };
	const struct policy_role *of_by[] = { &deny, &gives }, *of_what[] = { &gives };
	struct policy_user a = { "a", of_by, 2, { NULL, 0 } }, b = { "b", of_what, 1, { NULL, 0 } };
	const struct policy_user *by[] = { &a };
	struct err why;

	(void)state;
	for (size_t i = 0; i < 120; i++)
		memcpy(stars + 2 * i, "*a", 2);
	stars[240] = 'b';
	for (size_t i = 0; i < 256; i++) {
		patterns[i] = stars;
		logins[i] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	}
	assert_false(covers(by, 1, &b, &why));
	assert_non_null(strstr(why.text, "too many to compare"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_says_who_covers_whom),
		cmocka_unit_test(each_right_may_be_with_another_of_them),
		cmocka_unit_test(a_role_is_covered_by_whoever_has_its_template_there),
		cmocka_unit_test(limits_are_compared_as_written),
		cmocka_unit_test(whatever_is_covered_may_nothing_more),
		cmocka_unit_test(what_takes_too_long_to_compare_is_not_covered),
		cmocka_unit_test(a_template_is_not_given_by_whoever_is_denied_some_login),
		cmocka_unit_test(one_budget_is_for_all_that_is_compared),
		cmocka_unit_test(denied_logins_with_many_stars_are_paid_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
