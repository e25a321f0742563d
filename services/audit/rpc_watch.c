/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: messages of authd's watch into users and roles; see rpc_watch.h. Of roles only the rules about verbs
 * matter to auditd.
 */
#include "audit/rpc_watch.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum { WATCH_ARENA_MAX = 1024 * 1024 };

struct rpc_watch {
	struct auth_watch *watch;
	struct access *access;
	struct join *join;
	bool said_lost;
};

static struct policy_names
names_of(const char **v, size_t n)
{
	return (struct policy_names){ v, n };
}

static int
conditions_of(struct arena *arena, const Auth__RoleConditions *m, struct policy_conditions *ret)
{
	struct policy_verb_rule *rules;

	if (!m)
		return 0;
	rules = arena_alloc(arena, (m->n_rules + 1) * sizeof(*rules));
	if (!rules)
		return -1;
	for (size_t i = 0; i < m->n_rules; i++) {
		rules[i].resources = names_of(m->rules[i]->resources, m->rules[i]->n_resources);
		rules[i].verbs = names_of(m->rules[i]->verbs, m->rules[i]->n_verbs);
	}
	ret->rules = rules;
	ret->n_rules = m->n_rules;
	return 0;
}

/* A role that does not fit into memory is one that allows nothing, but also denies nothing: it goes. */
static void
take_role(struct access *access, const Auth__Role *m)
{
	struct policy_role role = { .name = m->name };
	struct arena arena;

	arena_init(&arena, WATCH_ARENA_MAX);
	if (conditions_of(&arena, m->allow, &role.allow) == 0 &&
	    conditions_of(&arena, m->deny, &role.deny) == 0) {
		access_put_role(access, &role);
	} else {
		log_error("out of memory for a role of the cluster", "role", m->name, NULL);
		access_remove_role(access, m->name);
	}
	arena_done(&arena);
}

static void
on_begin(void *arg)
{
	struct rpc_watch *w = arg;

	w->said_lost = false;
	access_begin(w->access);
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	struct rpc_watch *w = arg;

	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_CA:
		if (w->join)
			join_take_bundle(w->join, u->ca);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE:
		take_role(w->access, u->role);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE_REMOVED:
		access_remove_role(w->access, u->role_removed);
		break;
	case AUTH__WATCH_UPDATE__WHAT_USER:
		access_put_user(w->access, u->user->name, u->user->roles, u->user->n_roles);
		break;
	case AUTH__WATCH_UPDATE__WHAT_USER_REMOVED:
		access_remove_user(w->access, u->user_removed);
		break;
	case AUTH__WATCH_UPDATE__WHAT_CUTOFF:
		access_put_cutoff(w->access, u->cutoff->user, u->cutoff->issued_before);
		break;
	case AUTH__WATCH_UPDATE__WHAT_COMPLETE:
		access_complete(w->access);
		break;
	default:
		break;
	}
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	struct rpc_watch *w = arg;

	(void)code;
	if (!w->said_lost)
		log_warn(
		    "authd cannot be reached; going on with the users and roles that are known",
		    "cause", why, NULL);
	w->said_lost = true;
}

int
rpc_watch_new(struct rpc_watch **ret, struct rpc_client *auth, struct access *access,
    struct join *join)
{
	static const struct auth_watch_events events = { on_begin, on_update, on_lost };
	Auth__WatchRequest q = AUTH__WATCH_REQUEST__INIT;
	struct rpc_watch *w = calloc(1, sizeof(*w));

	*ret = NULL;
	if (!w)
		return -1;
	w->access = access;
	w->join = join;
	q.users = true;
	if (auth_watch_new(&w->watch, auth, &q, &events, w) < 0) {
		free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void
rpc_watch_free(struct rpc_watch *w)
{
	if (!w)
		return;
	auth_watch_free(w->watch);
	free(w);
}
