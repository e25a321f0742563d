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
#include "policy/policy.h"

struct person {
	size_t n;
	char *roles[]; /* names, in one block behind the pointers */
};

struct snapshot {
	struct map *people;  /* name -> struct person */
	struct map *roles;   /* name -> struct policy_role */
	struct map *cutoffs; /* name -> struct cutoff */
};

/* Certificates of a user that began before are worth nothing. */
struct cutoff {
	int64_t issued_before_ms;
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
	pos = 0;
	while (s->cutoffs && map_next(s->cutoffs, &pos, NULL, &value))
		free(value);
	map_free(s->people);
	map_free(s->roles);
	map_free(s->cutoffs);
	*s = (struct snapshot){ NULL, NULL, NULL };
}

static int
snapshot_init(struct snapshot *s)
{
	s->people = map_new();
	s->roles = map_new();
	s->cutoffs = map_new();
	if (s->people && s->roles && s->cutoffs)
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
person_new(const char *const *roles, size_t n_roles)
{
	/* One role that is left out might be the one that denies: then none counts. */
	size_t text = 0, n = n_roles <= POLICY_ROLES_MAX ? n_roles : 0;
	struct person *p;
	char *at;

	for (size_t i = 0; i < n; i++)
		text += strlen(roles[i]) + 1;
	p = calloc(1, sizeof(*p) + n * sizeof(char *) + text);
	if (!p)
		return NULL;
	p->n = n;
	at = (char *)&p->roles[n];
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(roles[i]) + 1;

		memcpy(at, roles[i], len);
		p->roles[i] = at;
		at += len;
	}
	return p;
}

/* What is changed now. */
static struct snapshot *
current(struct access *a)
{
	return a->filling ? &a->next : &a->now;
}

/* Somebody who cannot be remembered is somebody who may do nothing. */
void
access_put_user(struct access *a, const char *name, const char *const *roles, size_t n)
{
	struct snapshot *s = current(a);
	struct person *p = person_new(roles, n);
	void *old = NULL;

	if (!p || !map_put(s->people, name, p, &old)) {
		log_error("out of memory for a user of the cluster", "user", name, NULL);
		free(p);
		old = map_del(s->people, name);
	}
	free(old);
}

void
access_remove_user(struct access *a, const char *name)
{
	free(map_del(current(a)->people, name));
}

void
access_put_cutoff(struct access *a, const char *name, int64_t issued_before_ms)
{
	struct snapshot *s = current(a);
	struct cutoff *c = malloc(sizeof(*c));
	void *old = NULL;

	if (c)
		c->issued_before_ms = issued_before_ms;
	if (!c || !map_put(s->cutoffs, name, c, &old)) {
		log_error("out of memory for a user that was cut off", "user", name, NULL);
		free(c);
		free(map_del(s->people, name));
		return;
	}
	free(old);
}

/* --- roles ---------------------------------------------------------------------- */

void
access_put_role(struct access *a, const struct policy_role *role)
{
	struct snapshot *s = current(a);
	struct policy_role *copy = policy_role_copy(role);
	void *old = NULL;

	if (!copy || !map_put(s->roles, role->name, copy, &old)) {
		log_error("out of memory for a role of the cluster", "role", role->name, NULL);
		policy_role_free(copy);
		old = map_del(s->roles, role->name);
	}
	policy_role_free(old);
}

void
access_remove_role(struct access *a, const char *name)
{
	policy_role_free(map_del(current(a)->roles, name));
}

void
access_complete(struct access *a)
{
	if (!a->filling)
		return;
	snapshot_done(&a->now);
	a->now = a->next;
	a->next = (struct snapshot){ NULL, NULL, NULL };
	a->filling = false;
	if (!a->known)
		log_info("users and roles are known", NULL);
	a->known = true;
}

/* --- judging ---------------------------------------------------------------------- */

static bool
is_cut_off(const struct access *a, const struct rpc_peer *peer)
{
	const struct cutoff *c = map_get(a->now.cutoffs, peer->name);

	return c && peer->issued_s < INT64_MAX / 1000 &&
	    peer->issued_s * 1000 < c->issued_before_ms;
}

/* roles holds POLICY_ROLES_MAX. False: nobody we know. */
static bool
user_of(const struct access *a, const struct rpc_peer *peer, struct policy_user *ret,
    const struct policy_role **roles)
{
	const struct person *p = a->known ? map_get(a->now.people, peer->name) : NULL;
	size_t n = 0;

	if (!p || is_cut_off(a, peer))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_role *role = map_get(a->now.roles, p->roles[i]);

		if (role)
			roles[n++] = role;
	}
	*ret = (struct policy_user){ .name = peer->name, .roles = roles, .n_roles = n };
	return true;
}

enum access_sight
access_events(const struct access *a, const struct rpc_peer *peer)
{
	const struct policy_role *roles[POLICY_ROLES_MAX];
	struct policy_user user;

	if (peer->who == RPC_LOCAL)
		return ACCESS_ALL;
	if (peer->who != RPC_USER || !user_of(a, peer, &user, roles))
		return ACCESS_NOTHING;
	if (policy_verb(&user, "event", "list", NULL) && policy_verb(&user, "event", "read", NULL))
		return ACCESS_ALL;
	return ACCESS_OWN;
}

enum access_sight
access_recordings(const struct access *a, const struct rpc_peer *peer, const char *verb)
{
	const struct policy_role *roles[POLICY_ROLES_MAX];
	struct policy_user user;

	if (peer->who == RPC_LOCAL)
		return ACCESS_ALL;
	if (peer->who != RPC_USER || !user_of(a, peer, &user, roles))
		return ACCESS_NOTHING;
	if (policy_verb(&user, "session", verb, NULL))
		return ACCESS_ALL;
	return policy_session(&user, verb, peer->name, NULL) ? ACCESS_OWN : ACCESS_NOTHING;
}
