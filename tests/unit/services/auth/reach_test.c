/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reaches which node: by the policy, with locks, with a draft; and in walks of so many steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "auth_state.h"
#include "auth/access.h"
#include "auth/reach.h"
#include "auth/role.h"
#include "base/str.h"
#include "proto/auth.pb-c.h"

#define NAMES(...)                                                                      \
	{                                                                               \
		(const char *const[]){ __VA_ARGS__ },                                   \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

enum { NODES = 4 };

static const struct policy_label_rule on_dev[] = { { "env", NAMES("dev") } },
				      on_prod[] = { { "env", NAMES("pr*") } },
				      everywhere[] = { { "*", NAMES("*") } };

static const struct policy_role dev = { .name = "dev",
	.allow = { .logins = NAMES("{{internal.logins}}", "app"),
	    .node_labels = on_dev,
	    .n_node_labels = 1 } };
/* As it would be: one login less, and other nodes. */
static const struct policy_role draft = {
	.name = "dev",
	.allow = { .logins = NAMES("app"), .node_labels = on_prod, .n_node_labels = 1 }
};

static void
put_role(struct auth_state *f, const struct policy_role *policy)
{
	struct role *r = resource_new(RESOURCE_ROLE);

	r->policy = policy_role_copy(policy);
	str_copy(r->name, sizeof(r->name), policy->name);
	r->revision = STORE_ANY;
	assert_int_equal(resource_save(&f->a, RESOURCE_ROLE, r, &f->e), 0);
}

static void
put_user(struct auth_state *f, const char *name, const char *role)
{
	struct user u = { 0 };

	str_copy(u.name, sizeof(u.name), name);
	names_add(&u.roles, role);
	names_add(&u.logins, name);
	if (user_add(&f->a, &u, &f->e) != 0)
		fail_msg("%s", f->e.text);
	user_done(&u);
}

static void
put_node(struct auth_state *f, int number, const char *env)
{
	struct host *n = resource_new(RESOURCE_HOST);

	str_format(n->uuid, sizeof(n->uuid), "%08d-0000-4000-8000-000000000000", number);
	str_format(n->name, sizeof(n->name), "n%d", number);
	str_copy(n->kind, sizeof(n->kind), "node");
	labels_set(&n->server_labels, "env", env);
	assert_int_equal(host_put(&f->a, n, &f->e), 0);
}

static void
put_lock(struct auth_state *f, const char *user, const char *node)
{
	static const struct access_person root = { .local = true };
	Auth__Lock m = AUTH__LOCK__INIT;
	uint8_t bytes[512];
	struct resource_file file = { .kind = RESOURCE_LOCK,
		.name = "",
		.revision = STORE_ABSENT,
		.by = &root };

	m.user = user;
	m.node = node;
	m.message = "stolen";
	file.value =
	    (struct span){ bytes, protobuf_c_message_pack((const ProtobufCMessage *)&m, bytes) };
	assert_int_equal(resource_put(&f->a, &file, &f->e), 0);
}

static int
setup(void **state)
{
	struct auth_state *f;

	if (auth_state_new(state, AUTH_STATE_ROLES) != 0)
		return -1;
	f = *state;
	put_role(f, &dev);
	put_user(f, "ada", "dev");
	put_user(f, "ben", "auditor");
	put_user(f, "cid", "dev");
	for (int i = 1; i <= NODES; i++)
		put_node(f, i, i % 2 ? "dev" : "prod");
	return 0;
}

/* --- what is found, as text ------------------------------------------------------------------------- */

struct found {
	char text[2048];
	int rows, room; /* the walk ends before a row for which there is none */
};

static void
add_names(char *text, size_t size, const char *what, struct policy_names names)
{
	size_t n = strlen(text);

	str_format(text + n, size - n, "%s", what);
	for (size_t i = 0; i < names.n; i++) {
		n = strlen(text);
		str_format(text + n, size - n, "%s%s", i ? "," : "", names.v[i]);
	}
}

static int
on_row(const struct reach *r, void *arg)
{
	struct found *f = arg;
	size_t n = strlen(f->text);

	if (f->rows == f->room)
		return REACH_MORE;
	f->rows++;
	str_format(f->text + n, sizeof(f->text) - n, "%s %s", r->user, r->node->name);
	add_names(f->text, sizeof(f->text), " ", r->now);
	if (r->drafted.v != r->now.v)
		add_names(f->text, sizeof(f->text), " > ", r->drafted);
	n = strlen(f->text);
	str_format(f->text + n, sizeof(f->text) - n, "%s%s\n", *r->closed ? " " : "", r->closed);
	return 0;
}

static size_t
all_nodes(struct auth_state *f, struct host *v[NODES])
{
	size_t n = 0, pos = 0;
	struct host *host;

	while (host_next(&f->a, &pos, &host))
		v[n++] = host;
	host_place_sort(v, n);
	return n;
}

/* All pages, of so many steps and rows each. How many there were. */
static int
walk(struct auth_state *f, struct reach_query q, int rows, struct found *ret)
{
	char next[REACH_PLACE_SIZE] = "", after[REACH_PLACE_SIZE];
	struct host *nodes[NODES];
	int pages = 0, rc;

	*ret = (struct found){ .room = 0 };
	q.user = q.user ? q.user : "";
	if (!q.nodes) {
		q.n_nodes = all_nodes(f, nodes);
		q.nodes = nodes;
	}
	q.after = after;
	do {
		ret->room = ret->rows + rows;
		str_copy(after, sizeof(after), next);
		rc = reach_walk(&f->a, &q, on_row, ret, next, &f->e);
		if (rc != 0 && rc != REACH_MORE)
			fail_msg("%s", f->e.text);
		assert_int_equal(rc == REACH_MORE, next[0] != '\0');
		assert_true(pages++ < 200);
	} while (rc == REACH_MORE);
	return pages;
}

static void
finds(struct auth_state *f, struct reach_query q, const char *want)
{
	struct found whole, parts;

	q.steps = REACH_STEPS;
	assert_int_equal(walk(f, q, 1000, &whole), 1);
	assert_string_equal(whole.text, want);
	/* However small the pages are, together they are the whole. */
	walk(f, q, 1, &parts);
	assert_string_equal(parts.text, want);
	q.steps = 0;
	assert_true(walk(f, q, 1000, &parts) >= 1);
	assert_string_equal(parts.text, want);
}

/* --- tests ------------------------------------------------------------------------------------------- */

static void
a_user_reaches_what_his_roles_open(void **state)
{
	finds(*state, (struct reach_query){ .user = "ada" }, "ada n1 ada,app\nada n3 ada,app\n");
	finds(*state, (struct reach_query){ .user = "ben" }, "");
}

static void
a_node_is_reached_by_whoever_may(void **state)
{
	struct auth_state *f = *state;
	struct host *nodes[NODES];

	all_nodes(f, nodes);
	finds(f, (struct reach_query){ .nodes = nodes, .n_nodes = 1 },
	    "ada n1 ada,app\ncid n1 app,cid\n");
	finds(f, (struct reach_query){ .nodes = nodes + 1, .n_nodes = 1 }, "");
}

static void
a_draft_shows_what_would_change(void **state)
{
	finds(*state, (struct reach_query){ .draft = &draft, .changes = true },
	    "ada n1 ada,app > \nada n2  > app\nada n3 ada,app > \nada n4  > app\n"
	    "cid n1 app,cid > \ncid n2  > app\ncid n3 app,cid > \ncid n4  > app\n");
	finds(*state, (struct reach_query){ .draft = &dev, .changes = true }, "");
	finds(*state, (struct reach_query){ .user = "ben", .draft = &draft, .changes = true }, "");
	finds(*state,
	    (struct reach_query){ .user = "ben", .draft = &draft, .changes = true, .give = true },
	    "ben n2  > app\nben n4  > app\n");
	/* Nothing of it was kept. */
	finds(*state, (struct reach_query){ .user = "ada" }, "ada n1 ada,app\nada n3 ada,app\n");
}

static void
what_a_draft_denies_is_taken_from_other_roles_too(void **state)
{
	const struct policy_role denies = { .name = "dev",
		.deny = { .logins = NAMES("a*") },
		.allow = dev.allow };

	finds(*state, (struct reach_query){ .user = "cid", .draft = &denies },
	    "cid n1 app,cid > cid\ncid n3 app,cid > cid\n");
}

static void
what_a_lock_closes_is_said(void **state)
{
	struct auth_state *f = *state;

	put_lock(f, "ada", "n3");
	finds(f, (struct reach_query){ .user = "ada" },
	    "ada n1 ada,app\nada n3  user ada is locked: stolen\n");
	put_lock(f, "", "n1");
	finds(f, (struct reach_query){ .user = "cid" },
	    "cid n1  node n1 is locked: stolen\ncid n3 app,cid\n");
}

static void
a_page_has_so_many_steps_and_goes_on(void **state)
{
	struct reach_query q = { .draft = &dev, .changes = true, .steps = 0 };
	struct found found;

	/* One pair, or one user whom the draft does not concern, a page at least: nothing is looked at twice. */
	assert_in_range(walk(*state, q, 1000, &found), 2 * NODES + 1, 2 * NODES + 4);
	assert_int_equal(found.rows, 0);
}

static void
roles_that_are_too_long_are_refused(void **state)
{
	static struct policy_label_rule rules[POLICY_LIST_MAX];
	static const char *globs[POLICY_LIST_MAX];
	struct policy_role huge = { .name = "dev",
		.allow = { .logins = NAMES("app"),
		    .node_labels = rules,
		    .n_node_labels = POLICY_LIST_MAX } };
	struct reach_query q = { .user = "ada", .after = "", .draft = &huge, .steps = REACH_STEPS };
	struct auth_state *f = *state;
	struct host *nodes[NODES];
	char next[REACH_PLACE_SIZE];
	struct found found = { .room = 1 };

	q.n_nodes = all_nodes(f, nodes);
	q.nodes = nodes;
	for (size_t i = 0; i < POLICY_LIST_MAX; i++) {
		globs[i] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a";
		rules[i] = (struct policy_label_rule){ "env", { globs, POLICY_LIST_MAX } };
	}
	assert_int_equal(reach_walk(&f->a, &q, on_row, &found, next, &f->e), AUTH_E_STATE);
	assert_non_null(strstr(f->e.text, "too many patterns"));
}

/* --- logins that are denied ---------------------------------------------------------------------------- */

#define TOO_LONG(user)                         \
	"the roles of " user                   \
	" have too many patterns to be looked at here; make their lists of labels and logins shorter"

/* As many logins and patterns as a role may have, patterns of that length; all nodes. */
struct wide_role {
	struct policy_role role;
	char logins[POLICY_LIST_MAX][16], globs[POLICY_LIST_MAX][POLICY_TEXT_MAX + 1];
	const char *login[POLICY_LIST_MAX], *glob[POLICY_LIST_MAX];
};

static const struct policy_role *
wide(const char *name, size_t glob)
{
	static struct wide_role w;

	memset(&w, 0, sizeof(w));
	for (int i = 0; i < POLICY_LIST_MAX; i++) {
		str_format(w.logins[i], sizeof(w.logins[i]), "login-%03d", i);
		memset(w.globs[i], 'a', glob);
		w.globs[i][0] = '*';
		w.login[i] = w.logins[i];
		w.glob[i] = w.globs[i];
	}
	w.role = (struct policy_role){ .name = name,
		.allow = { .logins = { w.login, POLICY_LIST_MAX },
		    .node_labels = everywhere,
		    .n_node_labels = 1 },
		.deny = { .logins = { w.glob, POLICY_LIST_MAX } } };
	return &w.role;
}

static void
each_login_costs_what_is_denied(void **state)
{
	struct auth_state *f = *state;
	struct reach_query q = { .user = "ada", .steps = REACH_STEPS };
	struct found found;

	put_role(f, wide("dev", 16));
	/* One pair a page, and what is left of the user. */
	assert_in_range(walk(f, q, 1000, &found), NODES, NODES + 1);
	/* Without patterns so many logins are no trouble. */
	put_role(f, &dev);
	assert_int_equal(walk(f, q, 1000, &found), 1);
}

static void
logins_that_take_too_long_are_refused(void **state)
{
	struct auth_state *f = *state;
	struct host *nodes[NODES];
	struct reach_query q = { .user = "ada",
		.after = "",
		.draft = wide("dev", POLICY_TEXT_MAX),
		.steps = REACH_STEPS,
		.nodes = nodes };
	char next[REACH_PLACE_SIZE];
	struct found found = { .room = 1 };
	struct user u;

	q.n_nodes = all_nodes(f, nodes);
	assert_int_equal(reach_walk(&f->a, &q, on_row, &found, next, &f->e), AUTH_E_STATE);
	assert_string_equal(f->e.text, TOO_LONG("ada"));
	put_role(f, q.draft);
	assert_int_equal(user_load(&f->a, "ada", &u, &f->e), 0);
	assert_int_equal(reach_explain(&f->a, &u, nodes[0], "", NULL, NULL, &f->e), AUTH_E_STATE);
	assert_string_equal(f->e.text, TOO_LONG("ada"));
	user_done(&u);
}

static void
one_who_cannot_be_looked_at_hides_nobody_else(void **state)
{
	struct auth_state *f = *state;
	struct host *nodes[NODES];

	put_role(f, wide("wide", POLICY_TEXT_MAX));
	put_user(f, "bob", "wide");
	all_nodes(f, nodes);
	finds(f, (struct reach_query){ .nodes = nodes, .n_nodes = 1 },
	    "ada n1 ada,app\nbob n1  " TOO_LONG("bob") "\ncid n1 app,cid\n");
}

static void
a_wrong_place_and_an_unknown_user_are_said(void **state)
{
	struct auth_state *f = *state;
	struct reach_query q = { .user = "", .after = "x", .steps = REACH_STEPS };
	char next[REACH_PLACE_SIZE];

	assert_int_equal(reach_walk(&f->a, &q, on_row, NULL, next, &f->e), AUTH_E_INVALID);
	q.after = "ada/short";
	assert_int_equal(reach_walk(&f->a, &q, on_row, NULL, next, &f->e), AUTH_E_INVALID);
	q = (struct reach_query){ .user = "nobody", .after = "", .steps = REACH_STEPS };
	assert_int_equal(reach_walk(&f->a, &q, on_row, NULL, next, &f->e), AUTH_E_NOT_FOUND);
}

/* --- why --------------------------------------------------------------------------------------------- */

static int
on_why(const char *login, const struct policy_decision *d, void *arg)
{
	char *text = arg;
	size_t n = strlen(text);

	str_format(text + n, 1024 - n, "%s %s %s %s\n", login, d->allowed ? "yes" : "no",
	    d->role ? d->role : "-", d->rule);
	return 0;
}

static void
explains(struct auth_state *f, const char *user, size_t node, const char *login, const char *want)
{
	struct host *nodes[NODES];
	struct user u;
	char text[1024] = "";

	all_nodes(f, nodes);
	assert_int_equal(user_load(&f->a, user, &u, &f->e), 0);
	assert_int_equal(reach_explain(&f->a, &u, nodes[node], login, on_why, text, &f->e), 0);
	assert_string_equal(text, want);
	user_done(&u);
}

static void
each_login_has_its_reason(void **state)
{
	struct auth_state *f = *state;

	explains(f, "ada", 0, "", "ada yes dev allow.logins ada\napp yes dev allow.logins app\n");
	explains(f, "ada", 1, "app", "app no - no allow\n");
	explains(f, "ada", 0, "root", "root no - no allow\n");
	put_lock(f, "ada", "");
	explains(f, "ada", 0, "app", "app no - lock\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)
	const struct CMUnitTest tests[] = {
		TEST(a_user_reaches_what_his_roles_open),
		TEST(a_node_is_reached_by_whoever_may),
		TEST(a_draft_shows_what_would_change),
		TEST(what_a_draft_denies_is_taken_from_other_roles_too),
		TEST(what_a_lock_closes_is_said),
		TEST(a_page_has_so_many_steps_and_goes_on),
		TEST(roles_that_are_too_long_are_refused),
		TEST(each_login_costs_what_is_denied),
		TEST(logins_that_take_too_long_are_refused),
		TEST(one_who_cannot_be_looked_at_hides_nobody_else),
		TEST(a_wrong_place_and_an_unknown_user_are_said),
		TEST(each_login_has_its_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
