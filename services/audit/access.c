/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: users, roles, and lib/policy over them; see access.h.
 *
 * Security: nothing is allowed to a user whom the newest snapshot does not name, whatever the certificate says.
 */
#include "audit/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "policy/policy.h"

enum { ACCESS_ROLES_MAX = 64, ACCESS_ARENA_MAX = 1024 * 1024 };

struct person {
	size_t n;
	char *roles[]; /* names, in one block behind the pointers */
};

struct snapshot {
	struct map *people; /* name -> struct person */
	struct map *roles;  /* name -> struct policy_role */
};

struct access {
	struct snapshot now, next;
	bool known;   /* `now` is one whole snapshot, and what came after it */
	bool filling; /* `next` is being filled */
};

/* --- snapshots ---------------------------------------------------------------------- */

static void
snapshot_done(struct snapshot *s)
{
	size_t pos = 0;
	void *value;

	while (s->people && map_next(s->people, &pos, NULL, &value))
		free(value);
	pos = 0;
	while (s->roles && map_next(s->roles, &pos, NULL, &value))
		policy_role_free(value);
	map_free(s->people);
	map_free(s->roles);
	*s = (struct snapshot){ NULL, NULL };
}

static int
snapshot_init(struct snapshot *s)
{
	s->people = map_new();
	s->roles = map_new();
	if (s->people && s->roles)
		return 0;
	snapshot_done(s);
	return -1;
}

int
access_new(struct access **ret)
{
	struct access *a = calloc(1, sizeof(*a));

	*ret = NULL;
	if (!a || snapshot_init(&a->now) < 0) {
		free(a);
		return -1;
	}
	*ret = a;
	return 0;
}

void
access_free(struct access *a)
{
	if (!a)
		return;
	snapshot_done(&a->now);
	snapshot_done(&a->next);
	free(a);
}

void
access_begin(struct access *a)
{
	snapshot_done(&a->next);
	a->filling = snapshot_init(&a->next) == 0;
}

bool
access_is_known(const struct access *a)
{
	return a->known;
}

/* --- users ---------------------------------------------------------------------- */

static struct person *
person_new(const Auth__User *user)
{
	size_t text = 0, n = user->n_roles < ACCESS_ROLES_MAX ? user->n_roles : ACCESS_ROLES_MAX;
	struct person *p;
	char *at;

	for (size_t i = 0; i < n; i++)
		text += strlen(user->roles[i]) + 1;
	p = calloc(1, sizeof(*p) + n * sizeof(char *) + text);
	if (!p)
		return NULL;
	p->n = n;
	at = (char *)&p->roles[n];
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(user->roles[i]) + 1;

		memcpy(at, user->roles[i], len);
		p->roles[i] = at;
		at += len;
	}
	return p;
}

/* Somebody who cannot be remembered is somebody who may do nothing. */
static void
put_user(struct snapshot *s, const Auth__User *user)
{
	struct person *p = person_new(user);
	void *old = NULL;

	if (!p || !map_put(s->people, user->name, p, &old)) {
		log_error("no memory for a user of the cluster", "user", user->name, NULL);
		free(p);
		old = map_del(s->people, user->name);
	}
	free(old);
}

/* --- roles ---------------------------------------------------------------------- */

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

/* Only the rules about verbs matter here. */
static struct policy_role *
role_new(const Auth__Role *m)
{
	struct policy_role view = { .name = m->name }, *role = NULL;
	struct arena arena;

	arena_init(&arena, ACCESS_ARENA_MAX);
	if (conditions_of(&arena, m->allow, &view.allow) == 0 && conditions_of(&arena, m->deny, &view.deny) == 0)
		role = policy_role_copy(&view);
	arena_done(&arena);
	return role;
}

static void
put_role(struct snapshot *s, const Auth__Role *m)
{
	struct policy_role *role = role_new(m);
	void *old = NULL;

	if (!role || !map_put(s->roles, m->name, role, &old)) {
		log_error("no memory for a role of the cluster", "role", m->name, NULL);
		policy_role_free(role);
		old = map_del(s->roles, m->name);
	}
	policy_role_free(old);
}

/* --- the watch ---------------------------------------------------------------------- */

static void
complete(struct access *a)
{
	if (!a->filling)
		return;
	snapshot_done(&a->now);
	a->now = a->next;
	a->next = (struct snapshot){ NULL, NULL };
	a->filling = false;
	if (!a->known)
		log_info("users and roles are known", NULL);
	a->known = true;
}

void
access_update(struct access *a, const Auth__WatchUpdate *u)
{
	struct snapshot *s = a->filling ? &a->next : &a->now;

	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_ROLE:
		put_role(s, u->role);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE_REMOVED:
		policy_role_free(map_del(s->roles, u->role_removed));
		break;
	case AUTH__WATCH_UPDATE__WHAT_USER:
		put_user(s, u->user);
		break;
	case AUTH__WATCH_UPDATE__WHAT_USER_REMOVED:
		free(map_del(s->people, u->user_removed));
		break;
	case AUTH__WATCH_UPDATE__WHAT_COMPLETE:
		complete(a);
		break;
	default:
		break;
	}
}

/* --- judging ---------------------------------------------------------------------- */

/* roles holds ACCESS_ROLES_MAX. False: nobody we know. */
static bool
user_of(const struct access *a, const char *name, struct policy_user *ret, const struct policy_role **roles)
{
	const struct person *p = a->known ? map_get(a->now.people, name) : NULL;
	size_t n = 0;

	if (!p)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_role *role = map_get(a->now.roles, p->roles[i]);

		if (role)
			roles[n++] = role;
	}
	*ret = (struct policy_user){ .name = name, .roles = roles, .n_roles = n };
	return true;
}

enum access_sight
access_events(const struct access *a, const struct rpc_peer *peer)
{
	const struct policy_role *roles[ACCESS_ROLES_MAX];
	struct policy_user user;

	if (peer->who == RPC_LOCAL)
		return ACCESS_ALL;
	if (peer->who != RPC_USER || !user_of(a, peer->name, &user, roles))
		return ACCESS_NOTHING;
	if (policy_verb(&user, "event", "list", NULL) && policy_verb(&user, "event", "read", NULL))
		return ACCESS_ALL;
	return ACCESS_OWN;
}

enum access_sight
access_recordings(const struct access *a, const struct rpc_peer *peer, const char *verb)
{
	const struct policy_role *roles[ACCESS_ROLES_MAX];
	struct policy_user user;

	if (peer->who == RPC_LOCAL)
		return ACCESS_ALL;
	if (peer->who != RPC_USER || !user_of(a, peer->name, &user, roles))
		return ACCESS_NOTHING;
	if (policy_verb(&user, "session", verb, NULL))
		return ACCESS_ALL;
	return policy_session(&user, verb, peer->name, NULL) ? ACCESS_OWN : ACCESS_NOTHING;
}
