/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: see rights.h.
 *
 * Security: everything is compared as it is in the store at this moment, and changed in the same turn of the loop.
 */
#include "auth/rights.h"

#include <string.h>

#include "auth/api_token.h"
#include "auth/auth.h"
#include "auth/token.h"
#include "base/str.h"
#include "policy/covers.h"

/* About as many makers are asked in one turn as there are API tokens. */
enum { MAKERS = API_TOKENS_MAX };

/* What somebody does, and to whom. Of a role: */
struct change {
	struct auth *auth;
	const struct access_person *by;
	const struct policy_role *next; /* what everybody who has the role would have */
	bool limits;                    /* what it takes away changes as well */
	/* and of everything: */
	const char *resource;
	long steps; /* left of all comparisons of this turn */
	struct err *e;
};

/* A role of his sets the order aside for things of that kind. */
static bool
is_above(const struct access_person *p, const char *resource)
{
	return p->local || policy_verb(&p->view.user, resource, POLICY_VERB_ESCALATE, NULL);
}

static int
beyond(const char *why, const char *resource, struct err *e)
{
	struct err full;

	err_set(&full,
	    "this goes beyond your own rights: %s; ask somebody whose role has the verb %s on %s",
	    why, POLICY_VERB_ESCALATE, resource);
	*e = full;
	return AUTH_E_DENIED;
}

/* --- users ----------------------------------------------------------------------------- */

/* The user's rights are with the caller, or with `also` (NULL: nobody). */
static int
compare(struct change *c, const struct policy_user *also, const struct policy_user *user)
{
	const struct policy_user *by[] = { &c->by->view.user, also };
	struct err why;

	return policy_covers(by, also ? 2 : 1, user, &c->steps, &why)
	    ? 0
	    : beyond(why.text, c->resource, c->e);
}

/* What cannot be read may hold more than anybody. */
static int
over_user(struct change *c, const struct user *u)
{
	struct subject_view view;
	struct err why;

	if (role_view(c->auth, u, &view, &why) < 0)
		return beyond(why.text, c->resource, c->e);
	return compare(c, NULL, &view.user);
}

int
rights_over_user(struct auth *a, const struct access_person *p, const struct user *u, struct err *e)
{
	struct change c = {
		.auth = a, .by = p, .resource = "user", .steps = COVERS_STEPS, .e = e
	};

	return is_above(p, "user") ? 0 : over_user(&c, u);
}

/* Nothing that decides over him is lost. */
static bool
can_be_judged(struct auth *a, const struct user *u, struct subject_view *ret, struct err *e)
{
	if (role_view(a, u, ret, e) < 0)
		return false;
	if (a->resources.damaged[RESOURCE_LOCK] == 0)
		return true;
	err_set(e, "a lock cannot be read");
	return false;
}

int
rights_of_maker(struct auth *a, const struct user *maker, const char *resource, const char *verb,
    const struct user *u, struct err *e)
{
	struct access_person p = { .user = *maker }; /* borrows */
	struct change c = {
		.auth = a, .by = &p, .resource = "user", .steps = COVERS_STEPS / MAKERS, .e = e
	};
	struct policy_decision decision;
	struct subject_view his;
	int rc;

	if (!can_be_judged(a, maker, &p.view, e) || !can_be_judged(a, u, &his, e))
		return AUTH_E_STATE;
	if (!policy_verb(&p.view.user, resource, verb, &decision)) {
		err_set(e, "%s", decision.reason);
		return AUTH_E_DENIED;
	}
	if (resource_denies(a,
		&(struct policy_identity){ .user = maker->name,
		    .roles = names_view(&maker->roles) },
		e) != 0)
		return AUTH_E_DENIED;
	if (is_above(&p, "user"))
		return 0;
	rc = compare(&c, NULL, &his.user);
	/* Then the no is of the steps, and what is ended for good wants one of the roles. */
	return rc != 0 && c.steps < 0 ? AUTH_E_STATE : rc;
}

/* --- roles ----------------------------------------------------------------------------- */

/* Of one who has the role: what he gains, the caller holds; whom the caller limits, he covers. */
static int
on_holder(const void *object, void *arg)
{
	const struct user *u = object;
	struct subject_view before, after;
	struct change *c = arg;
	struct role_draft as_it_would_be = { c->auth, c->next };
	struct err ignored;
	int rc = 0;

	if (!names_have(&u->roles, c->next->name))
		return 0;
	/* Another of his roles cannot be read: he may nothing, before and after. */
	if (role_view(c->auth, u, &before, &ignored) < 0)
		before.user.n_roles = 0;
	if (subject_view(&(struct subject){ u->name, names_view(&u->roles),
			     names_view(&u->logins) },
		role_lookup_draft, &as_it_would_be, &after, &ignored) == 0)
		rc = compare(c, &before.user, &after.user);
	if (rc == 0 && c->limits)
		rc = compare(c, NULL, &before.user);
	return rc;
}

static int
over_holders(struct change *c)
{
	int rc = resource_each(c->auth, RESOURCE_USER, on_holder, c);

	if (rc == 0)
		rc = api_token_each(c->auth, on_holder, c);
	return rc < 0 ? err_set(c->e, "the users cannot be read") : rc;
}

int
rights_over_role(struct auth *a, const struct access_person *p, const struct policy_role *next,
    const struct policy_role *old, struct err *e)
{
	struct change c = { a, p, next, false, "role", COVERS_STEPS, e };
	struct err why;

	if (is_above(p, "role"))
		return 0;
	if (!next && !old)
		return beyond("the role cannot be read, and might be one that denies", "role", e);
	if ((old && !policy_covers_role(&p->view.user, old, &c.steps, &why)) ||
	    (next && !policy_covers_role(&p->view.user, next, &c.steps, &why)))
		return beyond(why.text, "role", e);
	/* One that goes is nobody's (role.c). */
	if (!next)
		return 0;
	c.limits = old && !policy_limits_equal(old, next);
	return over_holders(&c);
}

/* --- locks ----------------------------------------------------------------------------- */

/* As a change of that role that gives nothing and limits: the caller covers everybody who has it. */
static int
over_everybody_with(struct auth *a, const struct access_person *p, const char *role, struct err *e)
{
	const struct policy_role nothing = { .name = role };
	struct change c = { a, p, &nothing, true, "lock", COVERS_STEPS, e };

	return over_holders(&c);
}

static int
over_one(struct auth *a, const struct access_person *p, const char *name, struct err *e)
{
	struct change c = {
		.auth = a, .by = p, .resource = "lock", .steps = COVERS_STEPS, .e = e
	};
	struct user u;
	int rc = api_token_person(a, name, &u, e);

	if (rc == 0)
		rc = over_user(&c, &u);
	else if (rc == AUTH_E_NOT_FOUND)
		rc = 0; /* shuts out nobody who is there */
	user_done(&u);
	return rc;
}

/* It is as removing the node, for a while. Of what other daemons do, everybody lives. */
static int
over_node(struct auth *a, const struct access_person *p, const char *node, struct err *e)
{
	struct host *n;
	size_t pos = 0;

	if (!policy_verb(&p->view.user, "node", "delete", NULL))
		return beyond("a lock of a node shuts out everybody, as its removal", "lock", e);
	while (host_next(a, &pos, &n))
		if ((strcmp(n->uuid, node) == 0 || strcasecmp(n->name, node) == 0) &&
		    strcmp(n->kind, "node") != 0)
			return beyond("it is a daemon that everybody lives by", "lock", e);
	return 0;
}

/* The login, wherever it is. */
static int
over_login(const struct access_person *p, const char *login, struct err *e)
{
	static const char *const any[] = { "*" };
	const struct policy_label_rule every_node = { "*", { any, 1 } };
	const struct policy_role all = {
		.name = "(all nodes)",
		.allow = { .logins = { &login, 1 }, .node_labels = &every_node, .n_node_labels = 1 }
	};
	long steps = COVERS_STEPS;
	struct err why;

	return policy_covers_role(&p->view.user, &all, &steps, &why) ? 0
								     : beyond(why.text, "lock", e);
}

/* All targets must fit, so that the narrowest one says whom it is about. */
int
rights_over_lock(struct auth *a, const struct access_person *p, const struct policy_lock *l,
    struct err *e)
{
	if (is_above(p, "lock") || l->access_request[0])
		return 0;
	if (l->user[0])
		return over_one(a, p, l->user, e);
	if (l->session_user[0])
		return over_one(a, p, l->session_user, e);
	/* Whose it is only auditd knows: it might be anybody's. */
	if (l->session[0])
		return beyond("it does not say whose session it is", "lock", e);
	if (l->role[0])
		return over_everybody_with(a, p, l->role, e);
	if (l->node[0])
		return over_node(a, p, l->node, e);
	return over_login(p, l->login, e);
}

/* --- daemons --------------------------------------------------------------------------- */

int
rights_over_kind(const struct access_person *p, const char *kind, const char *resource,
    struct err *e)
{
	/* What is no kind at all is refused as such, by token.c. */
	if (!token_kind_is_good(kind) || strcmp(kind, "node") == 0 || is_above(p, resource))
		return 0;
	return beyond(
	    "only nodes are below you; proxies and audit daemons are trusted by everybody",
	    resource, e);
}

/* A role that fits the new labels and did not fit the old ones, or denied the old ones and does not deny the new ones.
 * Whose logins {{internal.logins}} stands for is not looked up: there may be many. */
static int
over_fit(const struct access_person *p, const struct policy_role *role, struct policy_labels before,
    struct policy_labels after, struct err *e)
{
	const struct policy_names logins = role->allow.logins;
	char why[256];

	str_format(why, sizeof(why),
	    "with these labels role %s lets people in who are kept out now", role->name);
	if (policy_role_denies_node(role, before) && !policy_role_denies_node(role, after))
		return beyond(why, "node", e);
	if (!policy_role_allows_node(role, after) || policy_role_allows_node(role, before))
		return 0;
	for (size_t i = 0; i < logins.n; i++)
		if (!policy_login(&p->view.user, before, logins.v[i], NULL))
			return beyond(why, "node", e);
	return 0;
}

int
rights_over_labels(struct auth *a, const struct access_person *p, const struct host *n,
    const struct labels *after, struct err *e)
{
	size_t pos = 0;
	void *role;
	int rc = 0;

	if (is_above(p, "node"))
		return 0;
	while (rc == 0 && resource_next(a, RESOURCE_ROLE, &pos, &role))
		rc = over_fit(p, ((const struct role *)role)->policy, labels_view(&n->labels),
		    labels_view(after), e);
	return rc;
}
