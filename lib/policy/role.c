/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: roles as such: what may stand in one, copies, and the three that every cluster has. Called
 * by authd, and by daemons that keep the roles they were told. Pure; policy_role_copy allocates.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"
#include "policy/policy_priv.h"

#define NAMES(...)                                                                      \
	{                                                                               \
		(const char *const[]){ __VA_ARGS__ },                                   \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *) \
	}

const char *const policy_resources[POLICY_RESOURCES + 1] = { "user", "role", "token", "node",
	"lock", "cluster", "backup", "event", "session", "own_event", "own_session", NULL };
const char *const policy_verbs[POLICY_VERBS + 1] = { "list", "read", "create", "update", "delete",
	POLICY_VERB_ESCALATE, NULL };

/* --- texts ------------------------------------------------------------------------------ */

static bool
printable_without(const char *s, const char * not )
{
	size_t n = strlen(s);

	return n <= POLICY_TEXT_MAX && (n == 0 || str_is_printable(s, n)) &&
	    strpbrk(s, not ) == NULL;
}

bool
policy_login_ok(const char *login)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@$\\-";
	size_t n = strlen(login);

	return n && n <= 64 && login[0] != '-' && strspn(login, allowed) == n;
}

bool
policy_label_ok(const char *key, const char *value)
{
	return *key && printable_without(key, "=,* ") && printable_without(value, ",");
}

/* --- checking: what is wrong says first where, by the fields of the message (policy_role_check) ----------- */

/* where: "allow.logins"; the entry is where[i]. */
static int
check_names(struct policy_names names, const char *where, struct err *e)
{
	if (names.n > POLICY_LIST_MAX)
		return err_set(e, "%s: more than %d entries", where, POLICY_LIST_MAX);
	for (size_t i = 0; i < names.n; i++)
		if (!names.v[i][0] || !printable_without(names.v[i], ""))
			return err_set(e,
			    "%s[%zu]: this is empty, too long or holds control characters", where,
			    i);
	return 0;
}

static bool
is_template(const char *s)
{
	return strstr(s, "{{") || strstr(s, "}}");
}

static bool
is_regexp(const char *s)
{
	size_t n = strlen(s);

	return n && s[0] == '^' && s[n - 1] == '$';
}

static int
check_login(const char *s, bool allow, struct err *e)
{
	/* An unknown template would stand there as a literal, and in a deny rule silently deny nobody. */
	if (is_template(s))
		return strcmp(s, "{{internal.logins}}") == 0 ||
			strcmp(s, "{{ internal.logins }}") == 0
		    ? 0
		    : err_set(e, "the template %s is not known; {{internal.logins}} is", s);
	if (is_regexp(s))
		return err_set(e,
		    "the login %s looks like a regular expression, which is not supported", s);
	if (allow && !policy_login_ok(s))
		return err_set(e,
		    "%s cannot be a login; patterns are for deny only, where * stands for any text",
		    s);
	return 0;
}

static int
check_logins(struct policy_names logins, bool allow, struct err *e)
{
	if (check_names(logins, "logins", e) < 0)
		return -1;
	for (size_t i = 0; i < logins.n; i++)
		if (check_login(logins.v[i], allow, e) < 0)
			return err_prefix(e, "logins[%zu]", i);
	return 0;
}

static int
check_label(const struct policy_label_rule *r, struct err *e)
{
	if (strcmp(r->key, "*") != 0 && !policy_label_ok(r->key, ""))
		return err_set(e, ": %s cannot be the key of a label", r->key);
	if (!r->values.n)
		return err_set(e, ": the label %s has no value; write '*' for any", r->key);
	if (check_names(r->values, ".values", e) < 0)
		return -1;
	for (size_t i = 0; i < r->values.n; i++)
		if (is_regexp(r->values.v[i]))
			return err_set(e,
			    ".values[%zu]: the label value %s looks like a regular expression, which is not supported; "
			    "* stands for any text",
			    i, r->values.v[i]);
	return 0;
}

/* Puts the place in front of a text that begins with a further field or with ": ". Returns -1. */
static int
at_entry(struct err *e, const char *list, size_t i)
{
	struct err inner = *e;

	return err_set(e, "%s[%zu]%s", list, i, inner.text);
}

/* As a file, in which it is a mapping, the role would lose all but one of them. */
static int
check_once(const struct policy_conditions *c, size_t i, struct err *e)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->node_labels[k].key, c->node_labels[i].key) == 0)
			return err_set(e, ": the label %s is there twice", c->node_labels[i].key);
	return 0;
}

static int
check_labels(const struct policy_conditions *c, struct err *e)
{
	if (c->n_node_labels > POLICY_LIST_MAX)
		return err_set(e, "node_labels: more than %d keys", POLICY_LIST_MAX);
	for (size_t i = 0; i < c->n_node_labels; i++)
		if (check_label(&c->node_labels[i], e) < 0 || check_once(c, i, e) < 0)
			return at_entry(e, "node_labels", i);
	return 0;
}

static int
check_known(struct policy_names names, const char *const *known, const char *where,
    const char *what, struct err *e)
{
	if (!names.n)
		return err_set(e, "%s: a rule has no %ss", where, what);
	if (check_names(names, where, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *const *k = known;

		while (*k && strcmp(*k, names.v[i]) != 0)
			k++;
		if (!*k && strcmp(names.v[i], "*") != 0)
			return err_set(e, "%s[%zu]: the %s %s is not known", where, i, what,
			    names.v[i]);
	}
	return 0;
}

static int
check_rules(const struct policy_conditions *c, struct err *e)
{
	if (c->n_rules > POLICY_LIST_MAX)
		return err_set(e, "rules: more than %d", POLICY_LIST_MAX);
	for (size_t i = 0; i < c->n_rules; i++)
		if (check_known(c->rules[i].resources, policy_resources, ".resources", "resource",
			e) < 0 ||
		    check_known(c->rules[i].verbs, policy_verbs, ".verbs", "verb", e) < 0)
			return at_entry(e, "rules", i);
	return 0;
}

static int
check_conditions(const char *side, const struct policy_conditions *c, bool allow, struct err *e)
{
	struct err inner;

	return check_logins(c->logins, allow, &inner) < 0 || check_labels(c, &inner) < 0 ||
		check_rules(c, &inner) < 0
	    ? err_set(e, "%s.%s", side, inner.text)
	    : 0;
}

static bool
role_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 64 && s[0] != '-' &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

int
policy_role_check(const struct policy_role *role, struct err *e)
{
	if (!role->name || !role_name_ok(role->name))
		return err_set(e,
		    "name: the name of a role is 1 to 64 letters, digits, dots, dashes and underscores");
	if (check_conditions("allow", &role->allow, true, e) < 0 ||
	    check_conditions("deny", &role->deny, false, e) < 0)
		return -1;
	if (role->options.max_session_ttl_s < 0 ||
	    role->options.max_session_ttl_s > POLICY_TTL_MAX_S)
		return err_set(e, "options.max_session_ttl_s: at most %dh",
		    POLICY_TTL_MAX_S / 3600);
	if (role->options.client_idle_timeout_s < 0 ||
	    role->options.client_idle_timeout_s > POLICY_TTL_MAX_S)
		return err_set(e, "options.client_idle_timeout_s: at most %dh",
		    POLICY_TTL_MAX_S / 3600);
	return 0;
}

/* --- copies: everything in one arena, which lies at the front of the block it owns ---------------
 */

struct owned_role {
	struct policy_role role;
	struct arena arena;
};
enum { ROLE_BYTES_MAX = 8 * 1024 * 1024 };

static bool
copy_names(struct arena *a, struct policy_names from, struct policy_names *to)
{
	const char **v = from.n ? arena_alloc(a, from.n * sizeof *v) : NULL;

	*to = (struct policy_names){ v, 0 };
	if (from.n && !v)
		return false;
	for (; to->n < from.n; to->n++) {
		v[to->n] = arena_strdup(a, from.v[to->n]);
		if (!v[to->n])
			return false;
	}
	return true;
}

static bool
copy_labels(struct arena *a, const struct policy_conditions *from, struct policy_conditions *to)
{
	struct policy_label_rule *v;

	if (!from->n_node_labels)
		return true;
	v = arena_alloc(a, from->n_node_labels * sizeof *v);
	if (!v)
		return false;
	for (size_t i = 0; i < from->n_node_labels; i++) {
		v[i].key = arena_strdup(a, from->node_labels[i].key);
		if (!v[i].key || !copy_names(a, from->node_labels[i].values, &v[i].values))
			return false;
	}
	to->node_labels = v;
	to->n_node_labels = from->n_node_labels;
	return true;
}

static bool
copy_rules(struct arena *a, const struct policy_conditions *from, struct policy_conditions *to)
{
	struct policy_verb_rule *v;

	if (!from->n_rules)
		return true;
	v = arena_alloc(a, from->n_rules * sizeof *v);
	if (!v)
		return false;
	for (size_t i = 0; i < from->n_rules; i++)
		if (!copy_names(a, from->rules[i].resources, &v[i].resources) ||
		    !copy_names(a, from->rules[i].verbs, &v[i].verbs))
			return false;
	to->rules = v;
	to->n_rules = from->n_rules;
	return true;
}

static bool
copy_conditions(struct arena *a, const struct policy_conditions *from, struct policy_conditions *to)
{
	return copy_names(a, from->logins, &to->logins) && copy_labels(a, from, to) &&
	    copy_rules(a, from, to);
}

struct policy_role *
policy_role_copy(const struct policy_role *role)
{
	struct owned_role *o = calloc(1, sizeof *o);

	if (!o)
		return NULL;
	arena_init(&o->arena, ROLE_BYTES_MAX);
	o->role.options = role->options;
	o->role.name = arena_strdup(&o->arena, role->name);
	if (!o->role.name || !copy_conditions(&o->arena, &role->allow, &o->role.allow) ||
	    !copy_conditions(&o->arena, &role->deny, &o->role.deny)) {
		policy_role_free(&o->role);
		return NULL;
	}
	return &o->role;
}

void
policy_role_free(struct policy_role *role)
{
	struct owned_role *o = (struct owned_role *)role; /* role is its first member */

	if (!o)
		return;
	arena_done(&o->arena);
	free(o);
}

/* --- presets -----------------------------------------------------------------------------------
 */

static const struct policy_label_rule every_node[] = { { "*", NAMES("*") } };

static const struct policy_verb_rule access_rules[] = {
	{ NAMES("own_event", "own_session"), NAMES("list", "read") },
	{ NAMES("node", "cluster"), NAMES("list", "read") },
};
static const struct policy_verb_rule editor_rules[] = {
	{ NAMES("user", "role", "token", "node", "lock"),
	    NAMES("list", "read", "create", "update", "delete", POLICY_VERB_ESCALATE) },
	{ NAMES("cluster"), NAMES("list", "read", "update") },
	{ NAMES("own_event", "own_session"), NAMES("list", "read") },
};
static const struct policy_verb_rule auditor_rules[] = {
	{ NAMES("session", "own_session", "event", "own_event"), NAMES("list", "read") },
	{ NAMES("node", "cluster"), NAMES("list", "read") },
};

#define RULES(table) .rules = table, .n_rules = sizeof table / sizeof table[0]

static const struct policy_role presets[] = {
	{
	    .name = "access",
	    .allow = { .logins = NAMES("{{internal.logins}}"),
		.node_labels = every_node,
		.n_node_labels = 1,
		RULES(access_rules) },
	    .options = { POLICY_TTL_MAX_S, true, true, true, false, false, 0 },
	},
	{
	    .name = "editor",
	    .allow = { RULES(editor_rules) },
	    .options = { POLICY_TTL_MAX_S, true, true, true, false, false, 0 },
	},
	{
	    .name = "auditor",
	    .allow = { RULES(auditor_rules) },
	    .options = { POLICY_TTL_MAX_S, false, false, true, false, false, 0 },
	},
};

const struct policy_role *
policy_presets(size_t *ret_n)
{
	*ret_n = sizeof presets / sizeof presets[0];
	return presets;
}
