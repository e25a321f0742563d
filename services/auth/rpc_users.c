/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_users: AddUser, UpdateUser, ListUsers, RemoveUser, ResetUser. The nouns are user.c and
 * invite.c.
 */
#include <string.h>

#include "auth/rpc_faces.h"
#include "auth/invite.h"
#include "auth/lockout.h"
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

/* --- add -------------------------------------------------------------------------------- */

static void
on_add(struct rpc_call *call, const Auth__AddUserRequest *m)
{
	struct auth *a = rpc_context(call);
	char token[INVITE_TOKEN_SIZE];
	struct user u = { 0 };
	int64_t expires;
	struct err e;
	int rc = 0;

	if (!access_may_change(call, "user", "create"))
		return;
	if (!str_copy(u.name, sizeof(u.name), m->name)) {
		/* For its text: a name that does not fit is one that it refuses. */
		name_check(m->name, "user name", &e);
		rc = AUTH_E_INVALID;
	} else if (names_copy(&u.roles, (char **)(void *)m->roles, m->n_roles) < 0 ||
	    names_copy(&u.logins, (char **)(void *)m->logins, m->n_logins) < 0) {
		err_set(&e, "at most %d roles and as many logins", NAMES_MAX);
		rc = AUTH_E_INVALID;
	} else if (m->ttl_s < 0 || m->ttl_s > INVITE_TTL_MAX_S) {
		err_set(&e, "a link may live 1 second to 48 hours");
		rc = AUTH_E_INVALID;
	}
	str_copy(u.created_by, sizeof(u.created_by), rpc_peer(call)->name);
	if (rc == 0)
		rc = user_add(a, &u, &e);
	if (rc == 0) {
		/* The user is there also when no link can be made for him: `tctl users reset`
		 * makes another. */
		note(call, EVENT_USER_CREATE, u.name, &u);
		rc = invite_new(a, u.name, false, m->ttl_s, token, &expires, &e);
	}
	if (rc == 0)
		reply_link(call, u.name, token, expires);
	else
		face_fail(call, rc, &e);
	user_done(&u);
}

/* --- update ------------------------------------------------------------------------------- */

static void
on_update(struct rpc_call *call, const Auth__UpdateUserRequest *m)
{
	struct auth *a = rpc_context(call);
	struct names roles = { 0 }, logins = { 0 };
	struct user u = { 0 };
	struct err e;
	int rc;

	if (!access_may_change(call, "user", "update"))
		return;
	if (names_copy(&roles, (char **)(void *)m->roles, m->n_roles) < 0 ||
	    names_copy(&logins, (char **)(void *)m->logins, m->n_logins) < 0) {
		err_set(&e, "at most %d roles and as many logins", NAMES_MAX);
		rc = AUTH_E_INVALID;
	} else {
		/* NULL leaves them as they are; an empty list takes all away. */
		rc = user_update(a, m->name, m->set_roles ? &roles : NULL,
		    m->set_logins ? &logins : NULL, &e);
	}
	if (rc == 0)
		rc = user_load(a, m->name, &u, &e);
	if (rc == 0) {
		if (m->unlock)
			lockout_clear(a, u.name);
		note(call, EVENT_USER_UPDATE, u.name, &u);
		face_done(call);
	} else {
		face_fail(call, rc, &e);
	}
	user_done(&u);
	names_done(&roles);
	names_done(&logins);
}

/* --- list ----------------------------------------------------------------------------------- */

struct listing {
	struct auth *auth;
	struct face_list list;
};

/* Negative: no memory, or more than one answer holds. */
static int
on_user(const void *object, void *arg)
{
	const struct user *u = object;
	struct listing *l = arg;
	Auth__User *m = arena_alloc(&l->list.arena, sizeof(*m));

	if (!face_list_add(&l->list, m))
		return -1;
	auth__user__init(m);
	m->name = face_text(&l->list, u->name);
	m->n_roles = u->roles.n;
	m->roles = face_texts(&l->list, &u->roles);
	m->n_logins = u->logins.n;
	m->logins = face_texts(&l->list, &u->logins);
	m->created = u->created_ms;
	m->confirmed = u->confirmed;
	m->locked_until = lockout_until(l->auth, u->name);
	m->locked = m->locked_until > 0 || !u->confirmed;
	return l->list.failed ? -1 : 0;
}

static void
on_list(struct rpc_call *call, const Auth__Empty *request)
{
	struct listing l = { .auth = rpc_context(call) };
	Auth__UserList reply = AUTH__USER_LIST__INIT;

	(void)request;
	if (!access_allows(call, "user", "list"))
		return;
	face_list_init(&l.list);
	if (resource_each(l.auth, RESOURCE_USER, on_user, &l) < 0) {
		rpc_finish(call, RPC_INTERNAL,
		    "the users could not be read; the log of authd has the cause");
	} else {
		reply.n_users = l.list.n;
		reply.users = (Auth__User **)(void *)l.list.v;
		auth_list_users_reply(call, &reply);
	}
	face_list_done(&l.list);
}

/* --- remove, reset ---------------------------------------------------------------------------- */

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct err e;
	int rc;

	if (!access_may_change(call, "user", "delete"))
		return;
	rc = user_remove(rpc_context(call), m->name, &e);
	if (rc != 0) {
		face_fail(call, rc, &e);
		return;
	}
	note(call, EVENT_USER_DELETE, m->name, NULL);
	face_done(call);
}

static void
on_reset(struct rpc_call *call, const Auth__ResetUserRequest *m)
{
	struct auth *a = rpc_context(call);
	char token[INVITE_TOKEN_SIZE];
	struct user u = { 0 };
	int64_t expires;
	struct err e;
	int rc;

	if (!access_may_change(call, "user", "update"))
		return;
	rc = user_load(a, m->name, &u, &e);
	if (rc == 0)
		rc = invite_new(a, u.name, true, m->ttl_s, token, &expires, &e);
	if (rc == 0) {
		note(call, EVENT_RESET_PASSWORD_TOKEN_CREATE, u.name, NULL);
		reply_link(call, u.name, token, expires);
	} else {
		face_fail(call, rc, &e);
	}
	user_done(&u);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(AddUser, WHO_PEOPLE, on_add),
	AUTH_METHOD(UpdateUser, WHO_PEOPLE, on_update),
	AUTH_METHOD(ListUsers, WHO_PEOPLE, on_list),
	AUTH_METHOD(RemoveUser, WHO_PEOPLE, on_remove),
	AUTH_METHOD(ResetUser, WHO_PEOPLE, on_reset),
};
const struct face face_users = { rows, sizeof(rows) / sizeof(rows[0]) };
