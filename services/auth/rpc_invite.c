/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_invite: GetInvite, BeginInviteKey and CompleteInvite, for proxies that show the page. The noun is invite.c.
 */
#include "auth/rpc_faces.h"
#include "auth/invite.h"
#include "auth/login_events.h"
#include "auth/rpc_keys.h"
#include "auth/rpc_tokens.h"
#include "auth/rpc_web.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/totp.h"

/* Local root may, for tests and rescue; anybody else must be a registered proxy. */
static bool
may(struct rpc_call *call)
{
	return rpc_peer(call)->who == RPC_LOCAL || access_daemon(call);
}

static void
on_get(struct rpc_call *call, const Auth__Name *m)
{
	struct auth *a = rpc_context(call);
	Auth__InviteInfo reply = AUTH__INVITE_INFO__INIT;
	char base32[TOTP_BASE32_SIZE];
	uint8_t totp[TOTP_SECRET_BYTES];
	struct invite i;
	struct buf uri;
	struct err e;
	int rc;

	if (!may(call))
		return;
	rc = invite_show(a, m->name, &i, totp, &e);
	if (rc != 0) {
		secret_zero(totp, sizeof(totp));
		face_fail(call, rc, &e);
		return;
	}
	buf_init(&uri, 4096);
	totp_base32(totp, base32);
	if (totp_uri(totp, a->cluster, i.user, &uri) < 0 || !buf_put(&uri, "", 1)) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		reply.user = i.user;
		reply.totp_uri = (const char *)buf_head(&uri);
		reply.totp_secret = base32;
		reply.reset = i.reset;
		reply.cluster = a->cluster;
		auth_get_invite_reply(call, &reply);
	}
	secret_zero(base32, sizeof(base32));
	/* The seed is shown once, on the page that sets it up, and is not left in memory here. */
	secret_zero(totp, sizeof(totp));
	buf_wipe(&uri);
}

static void
on_begin_key(struct rpc_call *call, const Auth__BeginInviteKeyRequest *m)
{
	static const struct factor_list none;
	struct auth *a = rpc_context(call);
	struct key_challenge reply;
	const struct ticket *t;
	struct err e;
	int rc;

	if (!may(call))
		return;
	rc = invite_begin_key(a, m->token, m->origin, &t, &e);
	if (rc != 0) {
		face_fail(call, rc, &e);
		return;
	}
	/* Those of before go with the invite: the same key may be the new one. */
	rpc_keys_ask_new(a, t, &none, &reply);
	auth_begin_invite_key_reply(call, &reply.message);
}

struct pending {
	struct face_wait wait; /* for on_completed */
	bool no_session;
	struct web_login *login; /* after that; NULL: none */
	char browser[WEB_SESSION_BROWSER_SIZE];
};

/* The caller may be gone: the password is changed all the same, and that is in the trail. */
static void
note_completed(const struct pending *p, const struct invite_result *r)
{
	const struct rpc_peer *peer = &p->wait.peer;
	struct audit_event password = { .id = EVENT_USER_PASSWORD_CHANGE,
		.user = span_str(r->user) };
	struct factor_mark mark = factor_mark_of(r->factor);
	struct audit_event factor = { .id = EVENT_MFA_ADD, .user = span_str(r->user) };

	event_put_flag(&password, EVENT_KEY_RESET, r->reset);
	factor_put_event(&mark, &factor);
	(void)events_write(p->wait.auth, peer, &password);
	(void)events_write(p->wait.auth, peer, &factor);
	/* Whoever had his account meanwhile is to keep nothing that acts. */
	if (r->reset)
		rpc_tokens_end_of(p->wait.auth, peer, r->user);
}

/* The password is set in any case: who may not sign in yet is told so when he tries. */
static void
reply_without_session(struct rpc_call *call)
{
	Auth__WebLoginReply reply = AUTH__WEB_LOGIN_REPLY__INIT;

	auth_complete_invite_reply(call, &reply);
}

static void
on_signed_in(int rc, const struct web_login_result *r, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct pending *p = arg;
	struct login_note n = { .auth = p->wait.auth,
		.peer = rpc_peer(p->wait.call),
		.method = "web" };
	bool noted;

	(void)how;
	(void)e;
	p->login = NULL;
	if (rc != 0) {
		reply_without_session(p->wait.call);
		return;
	}
	n.user = r->session->user;
	n.web_session = r->session->key;
	noted = login_note(&n, 0, &(struct signin_outcome){ .closed = LOCKOUT_OPEN }, NULL) == 0;
	login_count(p->wait.auth, noted ? 0 : -1);
	rpc_web_reply(p->wait.call, r, noted);
}

/* Whoever holds the link, and has just chosen password and second factor, need not show them at once. */
static void
sign_in(struct pending *p, const char *user)
{
	struct origin origin;
	const struct web_login_request q = { .user = user,
		.browser = p->browser,
		.origin = &origin };
	struct err e;

	origin_of(p->wait.auth, rpc_peer(p->wait.call), &origin);
	if (p->no_session || !rpc_peer(p->wait.call)->told ||
	    web_login_admit(&p->login, p->wait.auth, &q, on_signed_in, p, &e) != 0)
		reply_without_session(p->wait.call);
}

static void
on_completed(int rc, const struct invite_result *r, struct err *e, void *arg)
{
	struct pending *p = arg;

	if (rc == 0)
		note_completed(p, r);
	if (!face_wait_back(&p->wait))
		return;
	if (rc == 0)
		sign_in(p, r->user);
	else
		face_fail(p->wait.call, rc, e);
}

/* Argon2id runs on the pool meanwhile, so the call may be closed before it ends. */
static void
on_complete(struct rpc_call *call, const Auth__CompleteInviteRequest *m)
{
	struct invite_answer q = { .token = m->token,
		.password = m->password,
		.otp = m->otp,
		.name = m->name };
	struct pending *p;
	struct err e;
	int rc;

	if (!may(call) || !access_can_be_noted(call, login_unseen))
		return;
	if (m->key) {
		q.ticket = m->key->ticket;
		q.key = rpc_keys_new(m->key);
	}
	p = face_wait_new(call, sizeof(*p));
	if (!p)
		return;
	p->no_session = m->no_session;
	(void)str_copy(p->browser, sizeof(p->browser), m->browser); /* cut where it is too long */
	rc = invite_complete(p->wait.auth, &q, on_completed, p, &e);
	p->wait.waiting = rc == 0;
	if (rc != 0)
		face_fail(call, rc, &e);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct pending *p = rpc_data(call);

	if (p && p->login)
		web_login_abandon(p->login);
	face_wait_closed(call, status);
}

enum { FOR_INVITED = RPC_PROXY | RPC_BROWSER | RPC_LOCAL };

static const struct rpc_row rows[] = {
	AUTH_METHOD(GetInvite, FOR_INVITED, on_get),
	AUTH_METHOD(BeginInviteKey, FOR_INVITED, on_begin_key),
	AUTH_METHOD(CompleteInvite, FOR_INVITED, on_complete, .closed = on_closed),
};
const struct face face_invite = { rows, sizeof(rows) / sizeof(rows[0]) };
