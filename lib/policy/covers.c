/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers: see covers.h. A right is compared as one atom at a time: a verb on a resource; a login by one role's label
 * rules; an option. Each must be with one of the greater ones.
 */
#include "policy/covers.h"

#include <string.h>

#include "base/str.h"
#include "policy/policy_priv.h"

static const char internal_logins[] = "{{internal.logins}}";

/* One comparison. The steps are of all of it, and of those before it: an author of roles with thousands of patterns pays
 * with a no. */
struct compare {
	const struct policy_user *const *by;
	size_t n_by;
	const struct policy_user *what;
	long *steps; /* left; below zero: too many */
	struct err *why;
};

/* --- patterns: whether every text that `inner` matches is matched by `outer` ------------------------- */

/* As str_glob reads a text, with one more letter: a star of the inner pattern, which only a star matches. */
static bool
glob_within(struct compare *c, const char *inner, const char *outer)
{
	const char *star = NULL, *retry = NULL;

	while (*inner) {
		if (--*c->steps < 0)
			return false;
		if (*outer == '*') {
			star = ++outer;
			retry = inner;
		} else if (*outer == *inner) {
			outer++;
			inner++;
		} else if (star) {
			outer = star;
			inner = ++retry;
		} else {
			return false;
		}
	}
	while (*outer == '*')
		outer++;
	return !*outer;
}

static bool
globs_within(struct compare *c, struct policy_names inner, struct policy_names outer)
{
	for (size_t i = 0; i < inner.n; i++) {
		size_t k = 0;

		while (k < outer.n && !glob_within(c, inner.v[i], outer.v[k]))
			k++;
		if (k == outer.n)
			return false;
	}
	return true;
}

/* --- nodes, by label rules ---------------------------------------------------------------------------- */

static bool
is_any_key(const struct policy_label_rule *r)
{
	return strcmp(r->key, "*") == 0;
}

/* Fits every node, also one without labels. */
static bool
is_any_node(const struct policy_label_rule *r)
{
	return is_any_key(r) && policy_listed(r->values, "*");
}

/* Every node that the inner rule fits, the outer rule fits. */
static bool
rule_within(struct compare *c, const struct policy_label_rule *inner,
    const struct policy_label_rule *outer)
{
	if (is_any_node(outer))
		return true;
	/* It fits nodes without a label, which no other rule does. */
	if (is_any_node(inner))
		return false;
	if (!is_any_key(outer) && strcmp(inner->key, outer->key) != 0)
		return false;
	return globs_within(c, inner->values, outer->values);
}

/* Every node that all rules of `inner` fit, all rules of `outer` fit. */
static bool
nodes_within(struct compare *c, const struct policy_conditions *inner,
    const struct policy_conditions *outer)
{
	for (size_t o = 0; o < outer->n_node_labels; o++) {
		size_t i = 0;

		while (i < inner->n_node_labels &&
		    !rule_within(c, &inner->node_labels[i], &outer->node_labels[o]))
			i++;
		if (i == inner->n_node_labels)
			return false;
	}
	/* A role without a word about nodes allows none. */
	return outer->n_node_labels > 0;
}

/* No node that fits `rule` fits the deny rule: the same key, whose values here are plain texts that the deny rule does
 * not match. (A node has a key once.) */
static bool
rule_avoids(struct compare *c, const struct policy_label_rule *rule,
    const struct policy_label_rule *deny)
{
	if (is_any_key(rule) || strcmp(rule->key, deny->key) != 0)
		return false;
	for (size_t i = 0; i < rule->values.n; i++) {
		if (strchr(rule->values.v[i], '*'))
			return false;
		for (size_t k = 0; k < deny->values.n; k++)
			if (glob_within(c, rule->values.v[i], deny->values.v[k]))
				return false;
	}
	return true;
}

/* Whoever is compared is denied these nodes as well, by whichever of his roles. */
static bool
is_denied_too(struct compare *c, const struct policy_label_rule *deny)
{
	for (size_t r = 0; r < c->what->n_roles; r++) {
		const struct policy_conditions *d = &c->what->roles[r]->deny;

		for (size_t i = 0; i < d->n_node_labels; i++)
			if (rule_within(c, deny, &d->node_labels[i]))
				return true;
	}
	return false;
}

/* No deny rule of `by` takes away a node that `allow` gives. */
static bool
denies_no_node(struct compare *c, const struct policy_user *by,
    const struct policy_conditions *allow)
{
	for (size_t r = 0; r < by->n_roles; r++) {
		const struct policy_conditions *d = &by->roles[r]->deny;

		for (size_t i = 0; i < d->n_node_labels; i++) {
			size_t k = 0;

			while (k < allow->n_node_labels &&
			    !rule_avoids(c, &allow->node_labels[k], &d->node_labels[i]))
				k++;
			if (k == allow->n_node_labels && !is_denied_too(c, &d->node_labels[i]))
				return false;
		}
	}
	return true;
}

/* --- logins --------------------------------------------------------------------------------------------- */

/* What str_glob may take: for a pattern with stars as many bytes as both have together, multiplied. */
static void
charge_patterns(struct compare *c, struct policy_names patterns, const char *text)
{
	size_t n = strlen(text) + 1;

	for (size_t i = 0; i < patterns.n; i++)
		*c->steps -= strchr(patterns.v[i], '*') ? (long)(strlen(patterns.v[i]) * n) : 1;
}

static bool
is_denied(struct compare *c, const struct policy_user *user, const char *login)
{
	for (size_t r = 0; r < user->n_roles; r++) {
		const struct policy_conditions *d = &user->roles[r]->deny;

		charge_patterns(c, d->logins, login);
		if (policy_denies_login(user, d, login))
			return true;
	}
	return false;
}

static bool
denies_a_login(struct compare *c, const struct policy_user *user)
{
	for (size_t r = 0; r < user->n_roles; r++) {
		--*c->steps;
		if (user->roles[r]->deny.logins.n > 0)
			return true;
	}
	return false;
}

static bool
names_login(struct compare *c, const struct policy_user *user, const struct policy_names logins,
    const char *login)
{
	for (size_t i = 0; i < logins.n; i++) {
		--*c->steps;
		if (policy_is_template(logins.v[i])
			? policy_is_template(login) || policy_listed(user->logins, login)
			: strcmp(logins.v[i], login) == 0)
			return true;
	}
	return false;
}

/* Which of the others' roles allow all nodes of one role: looked at once for all of its logins. */
struct reach {
	enum { REACH_UNKNOWN, REACH_NO, REACH_YES } role[POLICY_ROLES_MAX], denies_none;
};

static bool
user_reaches(struct compare *c, const struct policy_user *by, const struct policy_role *role,
    const char *login, struct reach *known)
{
	if (!known->denies_none)
		known->denies_none = denies_no_node(c, by, &role->allow) ? REACH_YES : REACH_NO;
	if (known->denies_none == REACH_NO || is_denied(c, by, login))
		return false;
	/* A template stands for whatever logins somebody has: also those that he himself is denied. */
	if (policy_is_template(login) && denies_a_login(c, by))
		return false;
	for (size_t r = 0; r < by->n_roles && r < POLICY_ROLES_MAX; r++) {
		const struct policy_conditions *allow = &by->roles[r]->allow;

		if (!names_login(c, by, allow->logins, login))
			continue;
		if (!known->role[r])
			known->role[r] = nodes_within(c, &role->allow, allow) ? REACH_YES
									      : REACH_NO;
		if (known->role[r] == REACH_YES)
			return true;
	}
	return false;
}

enum { BY_MAX = 2 };

static bool
login_covered(struct compare *c, const struct policy_role *role, const char *login,
    struct reach known[BY_MAX])
{
	bool is_template = policy_is_template(login);

	if ((!is_template && !policy_login_ok(login)) || is_denied(c, c->what, login))
		return true;
	for (size_t i = 0; i < c->n_by && i < BY_MAX; i++)
		if (user_reaches(c, c->by[i], role, login, &known[i]) && *c->steps >= 0)
			return true;
	if (*c->steps < 0)
		err_set(c->why, "the label rules of role %s are too many to compare", role->name);
	else
		err_set(c->why, "%s may log in as %s by role %s", c->what->name,
		    is_template ? "whatever logins the user has" : login, role->name);
	return false;
}

static bool
logins_covered(struct compare *c, const struct policy_role *role)
{
	struct policy_names named = role->allow.logins;
	struct reach known[BY_MAX] = { 0 };

	/* Logins without nodes let nobody in. */
	if (!role->allow.n_node_labels)
		return true;
	for (size_t i = 0; i < named.n; i++) {
		bool own = policy_is_template(named.v[i]);
		size_t n = own ? c->what->logins.n : 1;

		for (size_t k = 0; k < n; k++)
			if (!login_covered(c, role, own ? c->what->logins.v[k] : named.v[i], known))
				return false;
	}
	return true;
}

/* --- verbs ------------------------------------------------------------------------------------------------ */

/* One's own sessions are also among everybody's. */
static bool
may(const struct policy_user *u, const char *resource, const char *verb)
{
	if (strcmp(resource, "own_session") == 0)
		return policy_session(u, verb, u->name, NULL);
	if (strcmp(resource, "own_event") == 0)
		return policy_event(u, verb, u->name, NULL);
	return policy_verb(u, resource, verb, NULL);
}

static bool
verb_covered(struct compare *c, const char *resource, const char *verb)
{
	if (!may(c->what, resource, verb))
		return true;
	for (size_t i = 0; i < c->n_by; i++)
		if (may(c->by[i], resource, verb))
			return true;
	err_set(c->why, "%s may %s %s", c->what->name, verb, resource);
	return false;
}

static long
count_of_names(const struct policy_conditions *c)
{
	size_t n = c->n_rules;

	for (size_t i = 0; i < c->n_rules; i++)
		n += c->rules[i].resources.n + c->rules[i].verbs.n;
	return (long)n;
}

/* Each question reads all rules. */
static void
charge_rules(struct compare *c, const struct policy_user *user)
{
	enum { QUESTIONS = 60 };

	for (size_t r = 0; r < user->n_roles; r++)
		*c->steps -= QUESTIONS *
		    (count_of_names(&user->roles[r]->allow) +
			count_of_names(&user->roles[r]->deny) + 1);
}

static bool
verbs_covered(struct compare *c)
{
	charge_rules(c, c->what);
	for (size_t i = 0; i < c->n_by; i++)
		charge_rules(c, c->by[i]);
	if (*c->steps < 0) {
		err_set(c->why,
		    "the rules of all who are concerned (%s is one) are too many to compare",
		    c->what->name);
		return false;
	}
	for (const char *const *r = policy_resources; *r; r++)
		for (const char *const *v = policy_verbs; *v; v++)
			if (!verb_covered(c, *r, *v))
				return false;
	return true;
}

/* --- options ------------------------------------------------------------------------------------------------ */

/* As what they let one do: every member in the sense "more is more". A new option must say here which way it is. */
static struct policy_options
abilities(const struct policy_user *u)
{
	struct policy_options o = policy_options(u);

	if (!o.max_session_ttl_s)
		o.max_session_ttl_s = POLICY_TTL_MAX_S;
	if (!o.client_idle_timeout_s)
		o.client_idle_timeout_s = INT64_MAX;
	o.pin_source_ip = !o.pin_source_ip;
	/* To be recorded less is more; 0 is all of it. */
	o.record_limit = o.record_limit ? UINT64_MAX - o.record_limit : 0;
	return o;
}

static bool
option_missing(struct compare *c, const char *what)
{
	err_set(c->why, "%s may %s", c->what->name, what);
	return false;
}

static bool
options_covered(struct compare *c)
{
	struct policy_options most = { 0 }, o = abilities(c->what);

	for (size_t i = 0; i < c->n_by; i++) {
		struct policy_options b = abilities(c->by[i]);

		if (b.max_session_ttl_s > most.max_session_ttl_s)
			most.max_session_ttl_s = b.max_session_ttl_s;
		if (b.client_idle_timeout_s > most.client_idle_timeout_s)
			most.client_idle_timeout_s = b.client_idle_timeout_s;
		most.forward_agent |= b.forward_agent;
		most.port_forwarding |= b.port_forwarding;
		most.permit_pty |= b.permit_pty;
		most.pin_source_ip |= b.pin_source_ip;
		most.omit_input |= b.omit_input;
		if (b.record_limit > most.record_limit)
			most.record_limit = b.record_limit;
	}
	if (o.max_session_ttl_s > most.max_session_ttl_s)
		return option_missing(c, "stay logged in longer (max_session_ttl)");
	if (o.client_idle_timeout_s > most.client_idle_timeout_s)
		return option_missing(c,
		    "leave a terminal alone for longer (client_idle_timeout)");
	if (o.forward_agent && !most.forward_agent)
		return option_missing(c, "forward an agent");
	if (o.port_forwarding && !most.port_forwarding)
		return option_missing(c, "forward ports");
	if (o.permit_pty && !most.permit_pty)
		return option_missing(c, "open a terminal");
	if (o.pin_source_ip && !most.pin_source_ip)
		return option_missing(c, "come from any address (pin_source_ip)");
	if (o.omit_input && !most.omit_input)
		return option_missing(c, "keep what he types out of the recording");
	if (o.record_limit > most.record_limit)
		return option_missing(c, "keep output out of the recording (record_limit)");
	return true;
}

/* --- the whole ------------------------------------------------------------------------------------------------ */

bool
policy_covers(const struct policy_user *const by[], size_t n_by, const struct policy_user *what,
    long *steps, struct err *why)
{
	struct compare c = { by, n_by, what, steps, why };

	/* Nothing is allowed to whoever has no role, and no option makes a difference to him. */
	if (!what->n_roles)
		return true;
	for (size_t i = 0; i < what->n_roles; i++)
		if (!logins_covered(&c, what->roles[i]))
			return false;
	return verbs_covered(&c) && options_covered(&c);
}

bool
policy_covers_role(const struct policy_user *by, const struct policy_role *role, long *steps,
    struct err *why)
{
	static const char *const itself[] = { internal_logins };
	const struct policy_options own = policy_options(by);
	char name[POLICY_TEXT_MAX + 32];
	struct policy_role copy = *role;
	const struct policy_role *const roles[] = { &copy };
	const struct policy_user holder = { .name = name,
		.roles = roles,
		.n_roles = 1,
		.logins = { itself, 1 } };

	str_format(name, sizeof name, "whoever has role %s", role->name);
	/* Without an opinion it lengthens nobody's sessions: the shortest of all roles counts, and one of them pins. Of
	 * those who have no other role, the comparison of users says it. */
	if (!copy.options.max_session_ttl_s)
		copy.options.max_session_ttl_s = own.max_session_ttl_s;
	if (!copy.options.client_idle_timeout_s)
		copy.options.client_idle_timeout_s = own.client_idle_timeout_s;
	copy.options.pin_source_ip |= own.pin_source_ip;
	return policy_covers(&by, 1, &holder, steps, why);
}

static bool
names_equal(struct policy_names a, struct policy_names b)
{
	for (size_t i = 0; i < a.n && a.n == b.n; i++)
		if (strcmp(a.v[i], b.v[i]) != 0)
			return false;
	return a.n == b.n;
}

/* As they are written: an order that changed counts as a change. */
bool
policy_limits_equal(const struct policy_role *a, const struct policy_role *b)
{
	const struct policy_conditions *x = &a->deny, *y = &b->deny;

	if (!names_equal(x->logins, y->logins) || x->n_node_labels != y->n_node_labels ||
	    x->n_rules != y->n_rules)
		return false;
	for (size_t i = 0; i < x->n_node_labels; i++)
		if (strcmp(x->node_labels[i].key, y->node_labels[i].key) != 0 ||
		    !names_equal(x->node_labels[i].values, y->node_labels[i].values))
			return false;
	for (size_t i = 0; i < x->n_rules; i++)
		if (!names_equal(x->rules[i].resources, y->rules[i].resources) ||
		    !names_equal(x->rules[i].verbs, y->rules[i].verbs))
			return false;
	return a->options.max_session_ttl_s == b->options.max_session_ttl_s &&
	    a->options.client_idle_timeout_s == b->options.client_idle_timeout_s &&
	    a->options.pin_source_ip == b->options.pin_source_ip;
}
