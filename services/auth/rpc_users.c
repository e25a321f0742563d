/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_users: AddUser, UpdateUser, ListUsers, RemoveUser, ResetUser. The nouns are user.c and
 * invite.c.
 */
#include <string.h>

#include "auth/rpc_faces.h"
#include "auth/rpc_tokens.h"
#include "auth/invite.h"
#include "auth/lockout.h"
#include "auth/rights.h"
#include "base/str.h"

/* u NULL: a user who is gone, or of whom nothing changed but the link. */
static void
note(struct rpc_call *call, enum event_id id, const char *name, const struct user *u)
{
	char roles[1024], logins[1024];
	struct audit_event ev = { .id = id };

	event_put_text(&ev, EVENT_KEY_NAME, name);
	if (u) {
		names_text(&u->roles, roles, sizeof(roles));
		names_text(&u->logins, logins, sizeof(logins));
		event_put_text(&ev, EVENT_KEY_ROLES, roles);
		event_put_text(&ev, EVENT_KEY_LOGINS, logins);
	}
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Without a proxy that was ever seen the word PROXY stands in the link, for people to put theirs
 * in. */
static void
reply_link(struct rpc_call *call, const char *user, const char *token, int64_t expires_ms)
{
	const char *addr = status_proxy_addr(rpc_context(call));
	Auth__InviteLink reply = AUTH__INVITE_LINK__INIT;
	char url[512];

	str_format(url, sizeof(url), "https://%s/web/invite/%s", addr[0] ? addr : "PROXY", token);
	reply.token = token;
	reply.url = url;
	reply.expires = expires_ms;
	reply.user = user;
	auth_add_user_reply(call, &reply); /* that of ResetUser is the same */
}

/* The link's maker, of whom its completion asks again (invite.c). */
static int
make_link(struct rpc_call *call, const struct access_person *p, const struct invite_spec *spec,
    struct err *e)
{
	struct invite_spec made = *spec;
	char token[INVITE_TOKEN_SIZE];
	int64_t expires;
	int rc;

	made.maker = p->local ? "" : p->user.name;
	rc = invite_new(rpc_context(call), &made, token, &expires, e);
	if (rc != 0)
		return rc;
	if (spec->reset)
		note(call, EVENT_RESET_PASSWORD_TOKEN_CREATE, spec->user, NULL);
	reply_link(call, spec->user, token, expires);
	return 0;
}

/* --- add -------------------------------------------------------------------------------- */

static int
spec_of(const Auth__AddUserRequest *m, struct user *ret, struct err *e)
{
	if (!str_copy(ret->name, sizeof(ret->name), m->name))
		return name_check(m->name, "user name", e);
	if (names_copy(&ret->roles, (char **)(void *)m->roles, m->n_roles) < 0 ||
	    names_copy(&ret->logins, (char **)(void *)m->logins, m->n_logins) < 0) {
		err_set(e, "at most %d roles and as many logins", NAMES_MAX);
		return AUTH_E_INVALID;
	}
	if (m->ttl_s >= 0 && m->ttl_s <= INVITE_TTL_MAX_S)
		return 0;
	err_set(e, "a link may live 1 second to 48 hours");
	return AUTH_E_INVALID;
}

static int
add(struct rpc_call *call, const struct access_person *p, const struct user *u, int64_t ttl_s,
    struct err *e)
{
	const struct invite_spec spec = { .user = u->name, .ttl_s = ttl_s };
	struct auth *a = rpc_context(call);
	int rc = rights_over_user(a, p, u, e);

	if (rc == 0)
		rc = user_add(a, u, e);
	if (rc != 0)
		return rc;
	/* The user is there also when no link can be made for him: `tctl users reset` makes another. */
	note(call, EVENT_USER_CREATE, u->name, u);
	return make_link(call, p, &spec, e);
}

static void
on_add(struct rpc_call *call, const Auth__AddUserRequest *m)
{
	struct access_person p;
	struct user u = { 0 };
	struct err e;
	int rc;

	if (access_changer(call, "user", "create", &p)) {
		str_copy(u.created_by, sizeof(u.created_by), rpc_peer(call)->name);
		rc = spec_of(m, &u, &e);
		if (rc == 0)
			rc = add(call, &p, &u, m->ttl_s, &e);
		if (rc != 0)
			access_fail(call, rc, &e);
	}
	user_done(&u);
	access_person_done(&p);
}

/* --- update ------------------------------------------------------------------------------- */

/* What the caller may not give, and whom he may not change, he does not: the user as he is, and as he would be. */
static int
rights_over_update(struct auth *a, const struct access_person *p, const char *name,
    const struct names *roles, const struct names *logins, struct err *e)
{
	struct user u;
	int rc = user_load(a, name, &u, e);

	if (rc == 0)
		rc = rights_over_user(a, p, &u, e);
	if (rc == 0) {
		struct user next = u; /* borrows what it has */

		next.roles = roles ? *roles : u.roles;
		next.logins = logins ? *logins : u.logins;
		rc = rights_over_user(a, p, &next, e);
	}
	user_done(&u);
	return rc;
}

static int
update(struct rpc_call *call, const struct access_person *p, const Auth__UpdateUserRequest *m,
    struct names *roles, struct names *logins, struct err *e)
{
	struct auth *a = rpc_context(call);
	/* NULL leaves them as they are; an empty list takes all away. */
	const struct names *r = m->set_roles ? roles : NULL, *l = m->set_logins ? logins : NULL;
	int rc;

	if (names_copy(roles, (char **)(void *)m->roles, m->n_roles) < 0 ||
	    names_copy(logins, (char **)(void *)m->logins, m->n_logins) < 0) {
		err_set(e, "at most %d roles and as many logins", NAMES_MAX);
		return AUTH_E_INVALID;
	}
	rc = rights_over_update(a, p, m->name, r, l, e);
	return rc == 0 ? user_update(a, m->name, r, l, e) : rc;
}

static void
updated(struct rpc_call *call, const Auth__UpdateUserRequest *m)
{
	struct auth *a = rpc_context(call);
	struct user u;
	struct err e;
	int rc = user_load(a, m->name, &u, &e);

	if (rc == 0) {
		if (m->unlock)
			lockout_clear(a, u.name);
		note(call, EVENT_USER_UPDATE, u.name, &u);
		rpc_tokens_end_orphans(a, rpc_peer(call));
		face_done(call);
	} else {
		face_fail(call, rc, &e);
	}
	user_done(&u);
}

static void
on_update(struct rpc_call *call, const Auth__UpdateUserRequest *m)
{
	struct names roles = { 0 }, logins = { 0 };
	struct access_person p;
	struct err e;
	int rc;

	if (access_changer(call, "user", "update", &p)) {
		rc = update(call, &p, m, &roles, &logins, &e);
		if (rc == 0)
			updated(call, m);
		else
			access_fail(call, rc, &e);
	}
	names_done(&roles);
	names_done(&logins);
	access_person_done(&p);
}

/* --- list ----------------------------------------------------------------------------------- */

struct listing {
	struct auth *auth;
	struct face_list list;
};

/* As face_page_add. */
static int
on_user(const void *object, void *arg)
{
	const struct user *u = object;
	struct listing *l = arg;
	Auth__User *m = arena_alloc(&l->list.arena, sizeof(*m));
	const char **kinds = arena_alloc(&l->list.arena, FACTOR_KINDS * sizeof(*kinds));

	if (!m || !kinds)
		return -1;
	auth__user__init(m);
	m->n_factors = factor_list_kinds(&u->factors, kinds);
	m->factors = kinds;
	m->name = face_text(&l->list, u->name);
	m->n_roles = u->roles.n;
	m->roles = face_texts(&l->list, &u->roles);
	m->n_logins = u->logins.n;
	m->logins = face_texts(&l->list, &u->logins);
	m->created = u->created_ms;
	m->confirmed = u->confirmed;
	m->locked_until = lockout_until(l->auth, u->name);
	m->locked = m->locked_until > 0 || !u->confirmed;
	return face_page_add(&l->list, &m->base);
}

static void
on_list(struct rpc_call *call, const Auth__ListUsersRequest *m)
{
	struct listing l = { .auth = rpc_context(call) };
	Auth__UserList reply = AUTH__USER_LIST__INIT;
	int rc;

	if (!access_allows(call, "user", "list"))
		return;
	face_list_init(&l.list);
	l.list.limit = m->limit;
	rc = resource_each_after(l.auth, RESOURCE_USER, m->after, on_user, &l);
	if (rc < 0) {
		rpc_finish(call, RPC_INTERNAL,
		    "the users could not be read; the log of authd has the cause");
	} else {
		reply.n_users = l.list.n;
		reply.users = (Auth__User **)(void *)l.list.v;
		reply.next = rc == FACE_FULL ? reply.users[reply.n_users - 1]->name : "";
		auth_list_users_reply(call, &reply);
	}
	face_list_done(&l.list);
}

/* --- remove, reset ---------------------------------------------------------------------------- */

/* A name that is gone can be given again: who removes somebody holds all that he held, too. */
static int
rights_over_name(struct auth *a, const struct access_person *p, const char *name, struct err *e)
{
	struct user u;
	int rc = user_load(a, name, &u, e);

	if (rc == 0)
		rc = rights_over_user(a, p, &u, e);
	user_done(&u);
	return rc;
}

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct auth *a = rpc_context(call);
	struct access_person p;
	struct err e;
	int rc;

	if (access_changer(call, "user", "delete", &p)) {
		/* Root on this host also removes one whose record cannot be read. */
		rc = p.local ? 0 : rights_over_name(a, &p, m->name, &e);
		if (rc == 0)
			rc = user_remove(a, m->name, &e);
		if (rc == 0) {
			note(call, EVENT_USER_DELETE, m->name, NULL);
			/* With what he made to act without him. */
			rpc_tokens_end_orphans(a, rpc_peer(call));
			face_done(call);
		} else {
			access_fail(call, rc, &e);
		}
	}
	access_person_done(&p);
}

static void
on_reset(struct rpc_call *call, const Auth__ResetUserRequest *m)
{
	const struct invite_spec spec = { .user = m->name, .reset = true, .ttl_s = m->ttl_s };
	struct access_person p;
	struct err e;
	int rc;

	if (access_changer(call, "user", "update", &p)) {
		rc = rights_over_name(rpc_context(call), &p, m->name, &e);
		if (rc == 0)
			rc = make_link(call, &p, &spec, &e);
		if (rc != 0)
			access_fail(call, rc, &e);
	}
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(AddUser, WHO_PEOPLE, on_add),
	AUTH_METHOD(UpdateUser, WHO_PEOPLE, on_update),
	AUTH_METHOD(ListUsers, WHO_PEOPLE, on_list),
	AUTH_METHOD(RemoveUser, WHO_PEOPLE, on_remove),
	AUTH_METHOD(ResetUser, WHO_PEOPLE, on_reset),
};
const struct face face_users = { rows, sizeof(rows) / sizeof(rows[0]) };
