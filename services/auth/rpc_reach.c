/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_reach: ListReach, Explain, for people. The noun is reach.c.
 */
#include "auth/reach.h"

#include <string.h>

#include "api/role.h"
#include "auth/rpc_faces.h"
#include "base/str.h"

/* Of a draft: as many label rules and the like as a role may have. */
enum { DRAFT_ARENA = 1024 * 1024 };

/* What the answers are made of. False: answered. access_person_done in any case. */
static bool
may_ask(struct rpc_call *call, struct access_person *p)
{
	static const char *const made_of[] = { "user", "role", "node" };
	struct policy_decision d;

	if (!access_person(call, p))
		return false;
	for (size_t i = 0; !p->local && i < sizeof(made_of) / sizeof(made_of[0]); i++)
		if (!policy_verb(&p->view.user, made_of[i], "list", &d)) {
			access_refuse(call, d.reason);
			return false;
		}
	return true;
}

/* A host that is a node and that the caller sees. */
static int
find_node(struct auth *a, const struct access_person *p, const char *name, struct host **ret,
    struct err *e)
{
	int rc = host_by_name(a, name, ret, e);

	if (rc == 0 && (strcmp((*ret)->kind, "node") != 0 || !nodes_visible(p, *ret))) {
		err_set(e, "no such node: %s; `tctl nodes ls` shows them all", name);
		return AUTH_E_NOT_FOUND;
	}
	return rc;
}

/* Also those that are away. False: no memory. */
static bool
find_all(struct auth *a, const struct access_person *p, struct face_list *ret)
{
	struct host *n;
	size_t pos = 0;

	while (host_next(a, &pos, &n) && !ret->failed)
		if (strcmp(n->kind, "node") == 0 && nodes_visible(p, n))
			face_list_add(ret, n);
	host_place_sort((struct host **)(void *)ret->v, ret->n);
	return !ret->failed;
}

static int
find_nodes(struct auth *a, const struct access_person *p, const char *name, struct face_list *ret,
    struct err *e)
{
	struct host *n;
	int rc;

	if (!*name)
		return find_all(a, p, ret) ? 0 : err_memory(e);
	rc = find_node(a, p, name, &n, e);
	if (rc == 0 && !face_list_add(ret, n))
		rc = err_memory(e);
	return rc;
}

/* NULL: e says why, and *ret_rc. */
static const struct policy_role *
draft_of(struct arena *arena, const Auth__Role *m, int *ret_rc, struct err *e)
{
	const struct policy_role *role = api_role_of(arena, m);

	*ret_rc = AUTH_E_INVALID;
	if (!role)
		err_set(e, "this is no role, or one with a list that is too long");
	else if (policy_role_check(role, e) == 0)
		*ret_rc = 0;
	return *ret_rc == 0 ? role : NULL;
}

/* --- list ---------------------------------------------------------------------------------------- */

static const char **
texts(struct face_list *l, struct policy_names names)
{
	return face_texts(l, &(struct names){ (char **)(uintptr_t)names.v, names.n });
}

/* In the shape of reach_fn. */
static int
add(const struct reach *r, void *arg)
{
	struct face_list *page = arg;
	Auth__Reach *m = face_new(page, sizeof(*m));
	int rc;

	if (!m)
		return -1;
	auth__reach__init(m);
	m->user = face_text(page, r->user);
	m->node = face_text(page, r->node->uuid);
	m->node_name = face_text(page, r->node->name);
	m->n_logins = r->now.n;
	m->logins = texts(page, r->now);
	m->n_drafted = r->drafted.n;
	m->drafted = texts(page, r->drafted);
	m->closed = face_text(page, r->closed);
	rc = face_page_add(page, &m->base);
	return rc == FACE_FULL ? REACH_MORE : rc;
}

static void
reply_list(struct rpc_call *call, const struct reach_query *q, uint32_t limit)
{
	Auth__ReachList reply = AUTH__REACH_LIST__INIT;
	char next[REACH_PLACE_SIZE];
	struct face_list page;
	struct err e = { "" };
	int rc;

	face_list_init(&page);
	page.limit = limit;
	rc = reach_walk(rpc_context(call), q, add, &page, next, &e);
	reply.n_reaches = page.n;
	reply.reaches = (Auth__Reach **)(void *)page.v;
	reply.next = next;
	if (page.failed)
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else if (rc == 0 || rc == REACH_MORE)
		auth_list_reach_reply(call, &reply);
	else
		face_fail(call, rc, &e);
	face_list_done(&page);
}

/* What is asked makes sense: a hundred million pairs do not. */
static int
check(const Auth__ListReachRequest *m, struct err *e)
{
	if ((m->give || m->changes) && !m->draft)
		err_set(e, "`give` and `changes` are about a draft, and there is none");
	else if (m->give && !*m->user)
		err_set(e, "`give` is about one user, and none was named");
	else if (!*m->user && !*m->node && !m->draft)
		err_set(e, "name a user or a node, or bring a draft");
	else
		return 0;
	return AUTH_E_INVALID;
}

static void
on_list(struct rpc_call *call, const Auth__ListReachRequest *m)
{
	struct reach_query q = { .user = m->user,
		.give = m->give,
		.changes = m->changes || (m->draft && !*m->user && !*m->node),
		.after = m->after,
		.steps = REACH_STEPS };
	struct access_person p;
	struct face_list nodes;
	struct arena arena;
	struct err e = { "" };
	int rc = AUTH_E_INVALID;

	arena_init(&arena, DRAFT_ARENA);
	face_list_init(&nodes);
	if (may_ask(call, &p)) {
		rc = check(m, &e);
		if (rc == 0 && m->draft)
			q.draft = draft_of(&arena, m->draft, &rc, &e);
		if (rc == 0)
			rc = find_nodes(rpc_context(call), &p, m->node, &nodes, &e);
		q.nodes = (struct host *const *)(void *)nodes.v;
		q.n_nodes = nodes.n;
		if (rc == 0)
			reply_list(call, &q, m->limit);
		else
			face_fail(call, rc, &e);
	}
	face_list_done(&nodes);
	arena_done(&arena);
	access_person_done(&p);
}

/* --- explain -------------------------------------------------------------------------------------- */

/* In the shape of reach_why_fn. */
static int
add_decision(const char *login, const struct policy_decision *d, void *arg)
{
	struct face_list *l = arg;
	Auth__LoginDecision *m = face_new(l, sizeof(*m));

	if (!m)
		return -1;
	auth__login_decision__init(m);
	m->login = face_text(l, login);
	m->allowed = d->allowed;
	m->role = face_text(l, d->role ? d->role : "");
	m->rule = face_text(l, d->rule);
	m->reason = face_text(l, d->reason);
	return face_list_add(l, m) ? 0 : -1;
}

static int
explain(struct rpc_call *call, const Auth__ExplainRequest *m, const struct access_person *p,
    struct err *e)
{
	Auth__Explanation reply = AUTH__EXPLANATION__INIT;
	struct auth *a = rpc_context(call);
	struct face_list decisions;
	struct user u = { 0 };
	struct host *n;
	int rc;

	face_list_init(&decisions);
	/* No role could allow it, and it would stand in the answer. */
	if (*m->login && !policy_login_ok(m->login)) {
		err_set(e, "login: this cannot be one");
		return AUTH_E_INVALID;
	}
	rc = user_load(a, m->user, &u, e);
	if (rc == 0)
		rc = find_node(a, p, m->node, &n, e);
	if (rc == 0)
		rc = reach_explain(a, &u, n, m->login, add_decision, &decisions, e);
	if (decisions.failed)
		rc = err_memory(e);
	if (rc == 0) {
		reply.user = u.name;
		reply.node = n->uuid;
		reply.node_name = n->name;
		reply.n_logins = decisions.n;
		reply.logins = (Auth__LoginDecision **)(void *)decisions.v;
		auth_explain_reply(call, &reply);
	}
	face_list_done(&decisions);
	user_done(&u);
	return rc;
}

static void
on_explain(struct rpc_call *call, const Auth__ExplainRequest *m)
{
	struct access_person p;
	struct err e = { "" };

	if (may_ask(call, &p)) {
		int rc = explain(call, m, &p, &e);

		if (rc != 0)
			face_fail(call, rc, &e);
	}
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(ListReach, WHO_PEOPLE, on_list),
	AUTH_METHOD(Explain, WHO_PEOPLE, on_explain),
};
const struct face face_reach = { rows, sizeof(rows) / sizeof(rows[0]) };
