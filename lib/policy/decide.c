/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide: the evaluator. Called by authd (verbs, certificates), proxyd (may this user see the
 * node), noded (may this user log in as root here) and tctl. Pure.
 *
 * Each question runs over the roles twice: first every deny, then every allow; the first that
 * speaks decides.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/policy.h"
#include "policy/policy_priv.h"

static const char internal_logins[] = "{{internal.logins}}";

/* --- what is written into the decision ---------------------------------------------- */

static bool
decide(struct policy_decision *d, bool allowed, const struct policy_role *role, const char *rule)
{
	if (d) {
		d->allowed = allowed;
		d->role = role ? role->name : NULL;
		str_copy(d->rule, sizeof d->rule, rule);
		d->reason[0] = '\0';
	}
	return allowed;
}

static bool
explain(struct policy_decision *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Returns what was decided. */
static bool
explain(struct policy_decision *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->reason, sizeof d->reason, fmt, ap);
	va_end(ap);
	return d->allowed;
}

/* --- logins ---------------------------------------------------------------------------- */

bool
policy_listed(struct policy_names names, const char *s)
{
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.v[i], s) == 0)
			return true;
	return false;
}

/* "{{ internal.logins }}" is taken too. */
bool
policy_is_template(const char *s)
{
	if (strcmp(s, internal_logins) == 0)
		return true;
	if (strncmp(s, "{{", 2) != 0)
		return false;
	s += 2 + strspn(s + 2, " ");
	if (strncmp(s, "internal.logins", 15) != 0)
		return false;
	s += 15;
	return strcmp(s + strspn(s, " "), "}}") == 0;
}

/* Literally: a login stands in a certificate as it is, so a pattern could not be kept anyway. */
static bool
allows_login(const struct policy_user *user, const struct policy_conditions *c, const char *login)
{
	/* Before any rule: a login that could not stand in a certificate is allowed to nobody. */
	if (!policy_login_ok(login))
		return false;
	for (size_t i = 0; i < c->logins.n; i++)
		if (policy_is_template(c->logins.v[i]) ? policy_listed(user->logins, login)
						       : strcmp(c->logins.v[i], login) == 0)
			return true;
	return false;
}

/* A glob that every login fits: no other has the letters of a template in mind. */
static bool
is_any(const char *glob)
{
	return *glob && glob[strspn(glob, "*")] == '\0';
}

const char *
policy_denies_login(const struct policy_user *user, const struct policy_conditions *c,
    const char *login)
{
	bool all = policy_is_template(login);

	for (size_t i = 0; i < c->logins.n; i++) {
		const char *p = c->logins.v[i];

		if (policy_is_template(p) ? policy_listed(user->logins, login)
			: all             ? is_any(p)
					  : str_glob(p, login))
			return p;
	}
	return NULL;
}

static const struct policy_role *
find_login_deny(const struct policy_user *user, const char *login, struct policy_decision *d)
{
	for (size_t i = 0; i < user->n_roles; i++) {
		const char *hit = policy_denies_login(user, &user->roles[i]->deny, login);

		if (hit) {
			decide(d, false, user->roles[i], "");
			str_format(d->rule, sizeof d->rule, "deny.logins %s", hit);
			return user->roles[i];
		}
	}
	return NULL;
}

/* --- labels ------------------------------------------------------------------------------ */

static const char *
any_glob(struct policy_names globs, const char *value)
{
	for (size_t i = 0; i < globs.n; i++)
		if (str_glob(globs.v[i], value))
			return globs.v[i];
	return NULL;
}

/* The value glob of the rule that the node fits, or NULL. */
static const char *
label_rule_hit(const struct policy_label_rule *rule, struct policy_labels node)
{
	bool any_key = strcmp(rule->key, "*") == 0;

	if (any_key && policy_listed(rule->values, "*"))
		return "*";
	for (size_t i = 0; i < node.n; i++) {
		const char *glob;

		if (!any_key && strcmp(node.v[i].key, rule->key) != 0)
			continue;
		glob = any_glob(rule->values, node.v[i].value);
		if (glob)
			return glob;
	}
	return NULL;
}

static bool
allows_node(const struct policy_conditions *c, struct policy_labels node)
{
	for (size_t i = 0; i < c->n_node_labels; i++)
		if (!label_rule_hit(&c->node_labels[i], node))
			return false;
	/* A role without a word about nodes allows none. */
	return c->n_node_labels > 0;
}

static bool
find_node_deny(const struct policy_user *user, struct policy_labels node, struct policy_decision *d)
{
	for (size_t r = 0; r < user->n_roles; r++) {
		const struct policy_conditions *c = &user->roles[r]->deny;

		for (size_t i = 0; i < c->n_node_labels; i++) {
			const char *glob = label_rule_hit(&c->node_labels[i], node);

			if (glob) {
				decide(d, false, user->roles[r], "");
				str_format(d->rule, sizeof d->rule, "deny.node_labels %s=%s",
				    c->node_labels[i].key, glob);
				return true;
			}
		}
	}
	return false;
}

/* --- questions about nodes ------------------------------------------------------------------ */

bool
policy_role_allows_node(const struct policy_role *role, struct policy_labels node)
{
	return allows_node(&role->allow, node);
}

bool
policy_role_denies_node(const struct policy_role *role, struct policy_labels node)
{
	for (size_t i = 0; i < role->deny.n_node_labels; i++)
		if (label_rule_hit(&role->deny.node_labels[i], node))
			return true;
	return false;
}

static bool
no_role(const struct policy_user *user, struct policy_decision *d)
{
	if (user->n_roles)
		return false;
	decide(d, false, NULL, "no role");
	explain(d, "%s has no role", user->name);
	return true;
}

bool
policy_login(const struct policy_user *user, struct policy_labels node, const char *login,
    struct policy_decision *d)
{
	struct policy_decision own;
	bool some_login = false, some_node = false;

	d = d ? d : &own;
	if (no_role(user, d))
		return false;
	/* Denies of every role first: the order in which roles stand must not decide. */
	if (find_login_deny(user, login, d))
		return explain(d, "role %s denies the login %s", d->role, login);
	if (find_node_deny(user, node, d))
		return explain(d, "role %s denies this node by its labels", d->role);
	for (size_t i = 0; i < user->n_roles; i++) {
		const struct policy_role *role = user->roles[i];
		bool l = allows_login(user, &role->allow, login),
		     n = allows_node(&role->allow, node);

		/* Both in one role: a login from one and nodes from another do not add up to access that
		 * neither gives. */
		if (l && n) {
			decide(d, true, role, "");
			str_format(d->rule, sizeof d->rule, "allow.logins %s", login);
			return explain(d, "role %s allows the login %s on this node", role->name,
			    login);
		}
		some_login |= l;
		some_node |= n;
	}
	decide(d, false, NULL, "no allow");
	if (!some_login)
		return explain(d, "no role of %s allows the login %s", user->name, login);
	if (!some_node)
		return explain(d, "no role of %s allows this node by its labels", user->name);
	return explain(d, "no single role of %s allows both the login %s and this node", user->name,
	    login);
}

/* Some login would be let in: the role names one, and no deny takes it away again. */
static bool
has_login(const struct policy_user *user, const struct policy_role *role)
{
	for (size_t i = 0; i < role->allow.logins.n; i++) {
		struct policy_names one = { &role->allow.logins.v[i], 1 };
		struct policy_names names = policy_is_template(one.v[0]) ? user->logins : one;

		for (size_t k = 0; k < names.n; k++) {
			struct policy_decision ignored;

			if (policy_login_ok(names.v[k]) &&
			    !find_login_deny(user, names.v[k], &ignored))
				return true;
		}
	}
	return false;
}

bool
policy_see_node(const struct policy_user *user, struct policy_labels node,
    struct policy_decision *d)
{
	struct policy_decision own;

	d = d ? d : &own;
	if (no_role(user, d))
		return false;
	if (find_node_deny(user, node, d))
		return explain(d, "role %s denies this node by its labels", d->role);
	for (size_t i = 0; i < user->n_roles; i++) {
		const struct policy_role *role = user->roles[i];

		if (allows_node(&role->allow, node) && has_login(user, role)) {
			decide(d, true, role, "allow.node_labels");
			return explain(d, "role %s allows this node", role->name);
		}
	}
	decide(d, false, NULL, "no allow");
	return explain(d, "no role of %s allows this node", user->name);
}

/* --- questions about resources ------------------------------------------------------------------
 */

static bool
rule_hit(const struct policy_conditions *c, bool allow, const char *resource, const char *verb)
{
	/* What sets the order of rights aside is given by its name alone; taken away by "*" as well. */
	bool any = !allow || strcmp(verb, POLICY_VERB_ESCALATE) != 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct policy_verb_rule *r = &c->rules[i];

		if ((policy_listed(r->resources, resource) || policy_listed(r->resources, "*")) &&
		    (policy_listed(r->verbs, verb) || (any && policy_listed(r->verbs, "*"))))
			return true;
	}
	return false;
}

static bool
verb_side(const struct policy_user *user, bool allow, const char *resource, const char *verb,
    struct policy_decision *d)
{
	for (size_t i = 0; i < user->n_roles; i++) {
		const struct policy_role *role = user->roles[i];

		if (rule_hit(allow ? &role->allow : &role->deny, allow, resource, verb)) {
			decide(d, allow, role, "");
			str_format(d->rule, sizeof d->rule, "%s.rules %s %s",
			    allow ? "allow" : "deny", resource, verb);
			explain(d, "role %s %s to %s %s", role->name, allow ? "allows" : "denies",
			    verb, resource);
			return true;
		}
	}
	return false;
}

bool
policy_verb(const struct policy_user *user, const char *resource, const char *verb,
    struct policy_decision *d)
{
	struct policy_decision own;

	d = d ? d : &own;
	if (no_role(user, d))
		return false;
	if (verb_side(user, false, resource, verb, d) || verb_side(user, true, resource, verb, d))
		return d->allowed;
	decide(d, false, NULL, "no allow");
	return explain(d, "no role of %s allows to %s %s", user->name, verb, resource);
}

/* All of them, or one's own. */
static bool
all_or_own(const struct policy_user *user, const char *const resource[2], const char *verb,
    const char *owner, struct policy_decision *d)
{
	struct policy_decision own;

	d = d ? d : &own;
	/* A deny of all of them is one of one's own too. */
	if (policy_verb(user, resource[0], verb, d) || d->role || strcmp(owner, user->name) != 0)
		return d->allowed;
	return policy_verb(user, resource[1], verb, d);
}

bool
policy_session(const struct policy_user *user, const char *verb, const char *owner,
    struct policy_decision *d)
{
	return all_or_own(user, (const char *const[]){ "session", "own_session" }, verb, owner, d);
}

bool
policy_event(const struct policy_user *user, const char *verb, const char *owner,
    struct policy_decision *d)
{
	return all_or_own(user, (const char *const[]){ "event", "own_event" }, verb, owner, d);
}

/* --- what goes into certificates
 * -------------------------------------------------------------------- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t
collect(const struct policy_user *user, struct policy_names names, const char **ret, size_t n)
{
	for (size_t i = 0; i < names.n && n < POLICY_LOGINS_MAX; i++) {
		struct policy_decision ignored;

		if (policy_login_ok(names.v[i]) && !find_login_deny(user, names.v[i], &ignored) &&
		    !policy_listed((struct policy_names){ ret, n }, names.v[i]))
			ret[n++] = names.v[i];
	}
	return n;
}

/* Whether one of the roles denies also a node without labels, which is every node. */
static bool
denies_all_nodes(const struct policy_user *user)
{
	for (size_t r = 0; r < user->n_roles; r++)
		if (policy_role_denies_node(user->roles[r], (struct policy_labels){ NULL, 0 }))
			return true;
	return false;
}

/* Whether there could be a node with such labels as the role asks for. */
static bool
asks_for_nodes(const struct policy_role *role)
{
	for (size_t i = 0; i < role->allow.n_node_labels; i++)
		if (role->allow.node_labels[i].values.n == 0)
			return false;
	return role->allow.n_node_labels > 0;
}

/* What one role gives that no other takes away, wherever that is. Returns how many there are now. */
static size_t
collect_role(const struct policy_user *user, const struct policy_role *role, const char **ret,
    size_t n)
{
	struct policy_names names = role->allow.logins;

	for (size_t i = 0; i < names.n; i++)
		n = collect(user,
		    policy_is_template(names.v[i]) ? user->logins
						   : (struct policy_names){ &names.v[i], 1 },
		    ret, n);
	return n;
}

static size_t
sorted(const char **v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof *v, by_text);
	return n;
}

size_t
policy_logins(const struct policy_user *user, const char *ret[POLICY_LOGINS_MAX])
{
	size_t n = 0;

	if (denies_all_nodes(user))
		return 0;
	for (size_t r = 0; r < user->n_roles; r++)
		if (asks_for_nodes(user->roles[r]))
			n = collect_role(user, user->roles[r], ret, n);
	return sorted(ret, n);
}

size_t
policy_logins_on(const struct policy_user *user, struct policy_labels node,
    const char *ret[POLICY_LOGINS_MAX])
{
	struct policy_decision ignored;
	size_t n = 0;

	if (find_node_deny(user, node, &ignored))
		return 0;
	for (size_t r = 0; r < user->n_roles; r++)
		if (allows_node(&user->roles[r]->allow, node))
			n = collect_role(user, user->roles[r], ret, n);
	return sorted(ret, n);
}

static size_t
add_names(struct policy_names names, const char **ret, size_t n)
{
	for (size_t i = 0; i < names.n && n < POLICY_LOGINS_MAX; i++)
		if (policy_login_ok(names.v[i]) &&
		    !policy_listed((struct policy_names){ ret, n }, names.v[i]))
			ret[n++] = names.v[i];
	return n;
}

size_t
policy_logins_named(const struct policy_user *user, const char *ret[POLICY_LOGINS_MAX])
{
	size_t n = add_names(user->logins, ret, 0);

	for (size_t r = 0; r < user->n_roles; r++)
		n = add_names(user->roles[r]->allow.logins, ret, n);
	return sorted(ret, n);
}

/* Who has a role that records more is recorded more: another one that he was given takes nothing
 * from the trail. */
static void
add_recording(struct policy_options *all, const struct policy_options *o, bool first)
{
	all->omit_input = o->omit_input && (first || all->omit_input);
	if (first)
		all->record_limit = o->record_limit;
	else if (!o->record_limit || !all->record_limit)
		all->record_limit = 0;
	else if (o->record_limit > all->record_limit)
		all->record_limit = o->record_limit;
}

/* The shorter; 0 is no opinion. */
static void
add_limit(int64_t *all_s, int64_t s)
{
	if (s > 0 && (!*all_s || s < *all_s))
		*all_s = s;
}

struct policy_options
policy_options(const struct policy_user *user)
{
	struct policy_options all = { 0 };

	for (size_t i = 0; i < user->n_roles; i++) {
		const struct policy_options *o = &user->roles[i]->options;

		/* Limits are met by the strictest role, abilities given by any. */
		add_limit(&all.max_session_ttl_s, o->max_session_ttl_s);
		add_limit(&all.client_idle_timeout_s, o->client_idle_timeout_s);
		all.forward_agent |= o->forward_agent;
		all.port_forwarding |= o->port_forwarding;
		all.permit_pty |= o->permit_pty;
		all.pin_source_ip |= o->pin_source_ip;
		add_recording(&all, o, i == 0);
	}
	return all;
}

int64_t
policy_session_ttl(const struct policy_user *user, int64_t asked_s)
{
	int64_t ttl = asked_s > 0 ? asked_s : POLICY_TTL_DEFAULT_S,
		most = policy_options(user).max_session_ttl_s;

	if (!user->n_roles)
		return 0;
	if (most > 0 && ttl > most)
		ttl = most;
	return ttl > POLICY_TTL_MAX_S ? POLICY_TTL_MAX_S : ttl;
}
