/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_account: what people do about their own sessions and password: ListWebSessions, RemoveWebSession, SignOutEverywhere,
 * ChangePassword. No role is asked: whoever is somebody may see and end what is his. The nouns are web_session.c and
 * new_password.c.
 */
#include <string.h>

#include "auth/login_events.h"
#include "auth/new_password.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_keys.h"
#include "auth/rpc_tokens.h"
#include "auth/web_session.h"
#include "base/str.h"

/* --- sessions --------------------------------------------------------------------------------- */

static void
on_list(struct rpc_call *call, const Auth__Empty *m)
{
	const struct web_session *all[WEB_SESSIONS_OF_ONE];
	Auth__OwnSession shown[WEB_SESSIONS_OF_ONE], *rows[WEB_SESSIONS_OF_ONE];
	char ids[WEB_SESSIONS_OF_ONE][WEB_SESSION_ID_LEN + 1];
	const struct rpc_peer *peer = rpc_peer(call);
	Auth__OwnSessions reply = AUTH__OWN_SESSIONS__INIT;

	(void)m;
	if (!access_self(call, false))
		return;
	reply.n_sessions = web_sessions_of(rpc_context(call), peer->name, all);
	reply.sessions = rows;
	for (size_t i = 0; i < reply.n_sessions; i++) {
		auth__own_session__init(&shown[i]);
		(void)str_format(ids[i], sizeof(ids[i]), "%.*s", WEB_SESSION_ID_LEN, all[i]->key);
		shown[i].id = ids[i];
		shown[i].created = all[i]->created_ms;
		shown[i].expires = all[i]->expires_ms;
		shown[i].address = all[i]->address;
		shown[i].browser = all[i]->browser;
		shown[i].current = strcmp(all[i]->key, peer->web) == 0;
		rows[i] = &shown[i];
	}
	auth_list_web_sessions_reply(call, &reply);
}

static void
note_logout(struct rpc_call *call, struct span what)
{
	struct audit_event ev = { .id = EVENT_USER_LOGOUT };

	event_put(&ev, EVENT_KEY_NAME, what);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Among one's own: of others' nobody learns here whether they exist. */
static int
remove_one(struct rpc_call *call, const char *id, struct err *e)
{
	const struct web_session *all[WEB_SESSIONS_OF_ONE];
	struct auth *a = rpc_context(call);
	size_t n = web_sessions_of(a, rpc_peer(call)->name, all);
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (strlen(id) != WEB_SESSION_ID_LEN || !str_starts(all[i]->key, id))
			continue;
		rc = web_session_end(a, all[i]->key, e);
		if (rc == 0)
			note_logout(call, span_str(id));
		return rc;
	}
	err_set(e, "no such session; it may have ended already");
	return AUTH_E_NOT_FOUND;
}

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct err e;
	int rc;

	if (!access_self(call, false))
		return;
	rc = remove_one(call, m->name, &e);
	if (rc == 0)
		face_done(call);
	else
		face_fail(call, rc, &e);
}

static void
on_sign_out(struct rpc_call *call, const Auth__Empty *m)
{
	struct auth *a = rpc_context(call);
	const char *user = rpc_peer(call)->name;
	struct err e;
	int rc;

	(void)m;
	if (!access_self(call, false))
		return;
	rc = user_cut_off(a, user, &e);
	if (rc == 0) {
		web_sessions_end(a, user, NULL);
		note_logout(call, span_str("*"));
		rpc_tokens_end_of(a, rpc_peer(call), user);
		face_done(call);
	} else {
		face_fail(call, rc, &e);
	}
}

/* --- ChangePassword ----------------------------------------------------------------------------- */

static struct login_note
note_of(const struct face_wait *w)
{
	return (struct login_note){ .auth = w->auth,
		.peer = &w->peer,
		.user = w->peer.name,
		.method = "password_change" };
}

/* Written down also when the caller is gone: the password is changed all the same. */
static void
on_changed(int rc, const struct signin_outcome *how, const struct err *e, void *arg)
{
	struct face_wait *w = arg;
	struct audit_event ev = { .id = EVENT_USER_PASSWORD_CHANGE };
	const struct login_note n = note_of(w);

	event_put_flag(&ev, EVENT_KEY_RESET, false);
	if (rc == 0) {
		(void)events_write(w->auth, &w->peer, &ev);
		/* Who had the old one may have made some, and they last longer than any session. */
		rpc_tokens_end_of(w->auth, &w->peer, w->peer.name);
	} else {
		(void)login_note(&n, rc, how, e);
	}
	if (!face_wait_back(w))
		return;
	if (rc == 0)
		face_done(w->call);
	else
		face_fail(w->call, rc, e);
}

static void
start(struct face_wait *w, const Auth__ChangePasswordRequest *m)
{
	struct new_password_request q = {
		.who = { .user = w->peer.name, .password = m->password, .otp = m->otp },
		.password = m->new_password,
		.keep = w->peer.web[0] ? w->peer.web : NULL
	};
	const struct login_note n = note_of(w);
	struct signin_key key;
	struct origin origin;
	struct err e;
	int rc;

	if (m->key) {
		key = rpc_keys_signature(m->key);
		q.who.proof = SIGNIN_KEY;
		q.who.key = &key;
	}
	origin_of(w->auth, &w->peer, &origin);
	q.who.origin = &origin;
	rc = new_password_start(w->auth, &q, on_changed, w, &e);
	w->waiting = rc == 0;
	if (rc != 0) {
		login_note_refused(&n, rc, &e);
		face_fail(w->call, rc, &e);
	}
}

static void
on_change(struct rpc_call *call, const Auth__ChangePasswordRequest *m)
{
	struct face_wait *w;

	if (!access_self(call, true))
		return;
	w = face_wait_new(call, sizeof(*w));
	if (w)
		start(w, m);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(ListWebSessions, RPC_USER, on_list),
	AUTH_METHOD(RemoveWebSession, RPC_USER, on_remove),
	AUTH_METHOD(SignOutEverywhere, RPC_USER, on_sign_out),
	AUTH_METHOD(ChangePassword, RPC_USER, on_change, .closed = face_wait_closed),
};
const struct face face_account = { rows, sizeof(rows) / sizeof(rows[0]) };
