/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_roles: PutRole, ListRoles, RemoveRole. The noun is role.c.
 */
#include "auth/rpc_faces.h"

#include "api/role.h"
#include "auth/stored_role.h"

static void
note(struct rpc_call *call, const char *type, const char *code, const char *name)
{
	struct auth_event event = { .type = type, .code = code, .fields = { "name", name } };

	audit_write(rpc_context(call), rpc_peer(call), &event);
}

static void
on_put(struct rpc_call *call, const Auth__PutRoleRequest *m)
{
	const struct policy_role *policy;
	struct arena arena;
	bool created;
	struct err e;
	int rc;

	if (!access_may_change(call, "role", m->replace ? "update" : "create"))
		return;
	arena_init(&arena, FACE_ARENA_MAX);
	policy = m->role ? api_role_of(&arena, m->role) : NULL;
	if (policy) {
		rc = role_put(rpc_context(call), policy, m->replace, &created, &e);
	} else {
		err_set(&e, "no role was given, or one with more than %d entries in a list",
		    POLICY_LIST_MAX);
		rc = AUTH_E_INVALID;
	}
	if (rc == 0) {
		note(call, created ? "role.created" : "role.updated", created ? "T9000I" : "T9002I",
		    policy->name);
		face_done(call);
	} else {
		face_fail(call, rc, &e);
	}
	arena_done(&arena);
}

static void
on_list(struct rpc_call *call, const Auth__Empty *request)
{
	struct auth *a = rpc_context(call);
	Auth__RoleList reply = AUTH__ROLE_LIST__INIT;
	const struct role *r;
	struct face_list l;
	size_t pos = 0;

	(void)request;
	if (!access_allows(call, "role", "list"))
		return;
	face_list_init(&l);
	while (role_next(a, &pos, &r))
		if (!face_list_add(&l,
			role_to_message(&l.arena, r->policy, r->preset, r->revision)))
			break;
	reply.n_roles = l.n;
	reply.roles = (Auth__Role **)(void *)l.v;
	if (l.failed)
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		auth_list_roles_reply(call, &reply);
	face_list_done(&l);
}

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct err e;
	int rc;

	if (!access_may_change(call, "role", "delete"))
		return;
	rc = role_remove(rpc_context(call), m->name, &e);
	if (rc != 0) {
		face_fail(call, rc, &e);
		return;
	}
	note(call, "role.deleted", "T9001I", m->name);
	face_done(call);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(PutRole, WHO_PEOPLE, on_put),
	AUTH_METHOD(ListRoles, WHO_PEOPLE, on_list),
	AUTH_METHOD(RemoveRole, WHO_PEOPLE, on_remove),
};
const struct face face_roles = { rows, sizeof(rows) / sizeof(rows[0]) };
