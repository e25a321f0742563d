/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_web: WebLogin, GetWebSession, EndWebSession, CertifyWeb: what a person's browser needs, through a proxy. The nouns
 * are web_login.c, web_session.c and certify.c. What people do about their sessions and passwords is rpc_account.c.
 */
#include <string.h>

#include "api/bundle.h"
#include "auth/login_events.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_web.h"
#include "auth/rpc_keys.h"
#include "auth/self.h"
#include "auth/web_login.h"
#include "base/str.h"
#include "base/version.h"
#include "crypto/secret.h"
#include "net/rate.h"
#include "rpc/bytes.h"

/* --- who somebody is -------------------------------------------------------------------------- */

/* What a WebSession points to while it is sent. */
struct shown {
	char id[WEB_SESSION_ID_LEN + 1];
	struct subject_view view;
	const char *roles[POLICY_ROLES_MAX], *logins[POLICY_LOGINS_MAX];
	Auth__AllowedVerbs may[POLICY_RESOURCES], *may_rows[POLICY_RESOURCES];
	const char *verbs[POLICY_RESOURCES][POLICY_VERBS];
};

static void
show_verbs(struct shown *w, Auth__WebSession *ret)
{
	for (size_t i = 0; policy_resources[i]; i++) {
		Auth__AllowedVerbs *row = &w->may[ret->n_may];

		auth__allowed_verbs__init(row);
		row->resource = policy_resources[i];
		row->verbs = w->verbs[ret->n_may];
		for (size_t k = 0; policy_verbs[k]; k++)
			if (policy_verb(&w->view.user, policy_resources[i], policy_verbs[k], NULL))
				row->verbs[row->n_verbs++] = policy_verbs[k];
		if (row->n_verbs > 0)
			w->may_rows[ret->n_may++] = row;
	}
	ret->may = w->may_rows;
}

/* Everything lent. AUTH_E_DENIED: a role cannot be read. */
static int
show(struct auth *a, const struct web_session *s, const struct user *u, struct shown *w,
    Auth__WebSession *ret, struct err *e)
{
	auth__web_session__init(ret);
	if (role_view(a, u, &w->view, e) < 0)
		return AUTH_E_DENIED;
	/* As every id is shown: the first digits of the key. */
	(void)str_format(w->id, sizeof(w->id), "%.*s", WEB_SESSION_ID_LEN, s->key);
	ret->id = w->id;
	ret->user = u->name;
	ret->cluster = a->cluster;
	ret->version = SALLYPORT_VERSION;
	ret->expires = s->expires_ms;
	ret->proxy_public_addr = status_proxy_addr(a);
	for (size_t i = 0; i < w->view.user.n_roles; i++)
		w->roles[i] = w->view.roles[i]->name;
	ret->n_roles = w->view.user.n_roles;
	ret->roles = w->roles;
	ret->n_logins = policy_logins(&w->view.user, w->logins);
	ret->logins = w->logins;
	show_verbs(w, ret);
	return 0;
}

/* --- WebLogin --------------------------------------------------------------------------------- */

struct pending {
	struct face_wait wait; /* for nothing but its login, which is abandoned with the call */
	struct web_login *login;
	char user[NAME_LEN_MAX + 1]; /* as it was given, for the events */
};

static struct login_note
note_of(const struct pending *p)
{
	return (struct login_note){ .auth = p->wait.auth,
		.peer = rpc_peer(p->wait.call),
		.user = p->user,
		.method = "web" };
}

/* A session that ends without him: the oldest of a user who has as many as there may be, or one that he cannot be shown. */
static void
note_ended(struct rpc_call *call, const char *user, struct span id)
{
	struct audit_event ev = { .id = EVENT_USER_LOGOUT, .user = span_str(user) };

	event_put(&ev, EVENT_KEY_NAME, id);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Nobody gets in unseen: the session goes again. */
void
rpc_web_reply(struct rpc_call *call, const struct web_login_result *r, bool noted)
{
	struct auth *a = rpc_context(call);
	Auth__WebLoginReply reply = AUTH__WEB_LOGIN_REPLY__INIT;
	Auth__WebSession session;
	struct shown shown;
	struct err e;
	int rc;

	if (r->ended[0])
		note_ended(call, r->user->name, span_str(r->ended));
	if (!noted) {
		(void)web_session_end(a, r->session->key, &e);
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "%s", login_unseen);
		return;
	}
	rc = show(a, r->session, r->user, &shown, &session, &e);
	/* Nor does one stay that nobody was given. */
	if (rc != 0) {
		note_ended(call, r->user->name, web_session_id(r->session->key));
		(void)web_session_end(a, r->session->key, &(struct err){ "" });
		face_fail(call, rc, &e);
		return;
	}
	reply.token = r->token;
	reply.session = &session;
	auth_web_login_reply(call, &reply); /* that of CompleteInvite is the same */
}

static void
on_web_login_done(int rc, const struct web_login_result *r, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct pending *p = arg;
	struct login_note n = note_of(p);
	bool noted;

	/* The login is freed after this returns; closing the call must not abandon it any more. */
	p->login = NULL;
	n.web_session = rc == 0 ? r->session->key : NULL;
	noted = login_note(&n, rc, how, e) == 0;
	login_count(p->wait.auth, rc == 0 && !noted ? -1 : rc);
	if (rc != 0)
		face_fail(p->wait.call, rc, e);
	else
		rpc_web_reply(p->wait.call, r, noted);
}

static void
on_web_login(struct rpc_call *call, const Auth__WebLoginRequest *m)
{
	struct auth *a = rpc_context(call);
	struct web_login_request q = { .user = m->user,
		.password = m->password,
		.otp = m->otp,
		.browser = m->browser };
	struct signin_key key;
	struct origin origin;
	struct login_note n;
	struct pending *p;
	struct err e;
	int rc;

	if (!face_may_log_in(call) || !login_can_be_noted(call))
		return;
	p = face_wait_new(call, sizeof(*p));
	if (!p)
		return;
	/* The event is about a claim in any case. */
	(void)str_copy(p->user, sizeof(p->user), m->user);
	origin_of(a, rpc_peer(call), &origin);
	q.origin = &origin;
	if (m->key) {
		key = rpc_keys_signature(m->key);
		q.key = &key;
	}
	rc = web_login_start(&p->login, a, &q, on_web_login_done, p, &e);
	if (rc != 0) {
		n = note_of(p);
		login_note_refused(&n, rc, &e);
		face_fail(call, rc, &e);
	}
}

static void
on_web_login_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct pending *p = rpc_data(call);

	/* The pool still has it: abandoned, and freed when it comes back. */
	if (p && p->login)
		web_login_abandon(p->login);
	face_wait_closed(call, status);
}

/* --- in a session ------------------------------------------------------------------------------- */

/* The session that the call is made in; NULL: answered. access_person_done in any case. */
static const struct web_session *
own_session(struct rpc_call *call, struct access_person *ret)
{
	const struct rpc_peer *peer = rpc_peer(call);
	const struct web_session *s;

	*ret = (struct access_person){ 0 };
	if (!peer->web[0]) {
		access_refuse(call, "this is only for calls in a web session");
		return NULL;
	}
	if (!access_person(call, ret))
		return NULL;
	s = web_session_find(rpc_context(call), peer->web);
	/* It was there when the call was taken, and this is the same turn of the loop. */
	if (!s)
		rpc_finish(call, RPC_UNAUTHENTICATED, "your session has ended; log in again");
	return s;
}

/* The same of a person's: an API token calls, and is nobody who logs in anywhere. */
const struct web_session *
rpc_web_session(struct rpc_call *call, struct access_person *ret)
{
	const struct web_session *s = own_session(call, ret);

	return s && access_is_person(call) ? s : NULL;
}

static void
on_get(struct rpc_call *call, const Auth__Empty *m)
{
	struct auth *a = rpc_context(call);
	const struct web_session *s;
	Auth__WebSession reply;
	struct access_person p;
	struct shown shown;
	struct err e;
	int rc;

	(void)m;
	s = own_session(call, &p);
	if (s) {
		rc = show(a, s, &p.user, &shown, &reply, &e);
		if (rc == 0)
			auth_get_web_session_reply(call, &reply);
		else
			access_fail(call, rc, &e);
	}
	access_person_done(&p);
}

/* Whoever goes is let go, whatever was closed for him meanwhile: no right is asked for. A token goes when whoever made it
 * says so. */
static void
on_end(struct rpc_call *call, const Auth__Empty *m)
{
	const struct rpc_peer *peer = rpc_peer(call);
	struct auth *a = rpc_context(call);
	struct audit_event ev = { .id = EVENT_USER_LOGOUT };
	struct err e;
	int rc;

	(void)m;
	if (!peer->web[0] || web_session_is_api(peer->name)) {
		access_refuse(call, "this is only for calls in a person's web session");
		return;
	}
	rc = web_session_end(a, peer->web, &e);
	event_put(&ev, EVENT_KEY_NAME, web_session_id(peer->web));
	if (rc == 0)
		(void)events_write(a, peer, &ev);
	if (rc < 0)
		face_fail(call, rc, &e);
	else
		face_done(call);
}

/* --- CertifyWeb ------------------------------------------------------------------------------- */

/* The principal of the proxy that the page came from: the host of its public address. */
static void
proxy_host(struct auth *a, const char *uuid, char *dst, size_t size)
{
	const struct host *n = host_find(a, uuid);
	uint16_t port;

	*dst = '\0';
	if (!n || !str_host_port(n->public_addr, 443, dst, size, &port))
		*dst = '\0';
}

static void
answer_certificate(struct face_wait *c, const struct certify_result *r)
{
	const struct bundle *b = self_authorities(c->auth->self);
	Auth__WebCertificate reply = AUTH__WEB_CERTIFICATE__INIT;
	ProtobufCBinaryData host_ca[BUNDLE_CA_MAX];
	char host[256];

	proxy_host(c->auth, rpc_peer(c->call)->via, host, sizeof(host));
	for (size_t i = 0; i < b->n_host_ssh; i++)
		host_ca[i] = bytes_of(b->host_ssh[i]);
	reply.ssh_cert = bytes_of(r->ssh_cert);
	reply.user = r->user;
	reply.n_logins = r->logins->n;
	reply.logins = (const char **)(void *)r->logins->v;
	reply.valid_until = r->valid_until_s * 1000;
	reply.n_host_ca = b->n_host_ssh;
	reply.host_ca = host_ca;
	reply.proxy_host = host;
	c->auth->counts.user_certs++;
	auth_certify_web_reply(c->call, &reply);
}

static void
on_certified(int rc, const struct certify_result *r, const struct err *e, void *arg)
{
	struct face_wait *c = arg;

	/* Nobody has it: it does not exist. */
	if (!face_wait_back(c))
		return;
	if (rc != 0)
		access_fail(c->call, rc, e);
	else if (login_note_cert(&(struct login_note){ .auth = c->auth, .peer = rpc_peer(c->call) },
		     r) != 0)
		rpc_finish(c->call, RPC_RESOURCE_EXHAUSTED, "%s", login_unseen);
	else
		answer_certificate(c, r);
}

/* 0 or as certify_start. */
static int
certify(struct face_wait *c, const struct web_session *s, const struct user *u, struct span key,
    struct err *e)
{
	struct auth *a = c->auth;
	struct origin origin;
	const struct certify_request q = { .user = u,
		.ssh_key = key,
		.until_s = s->expires_ms / 1000,
		.origin = &origin,
		.web = s->key };
	int rc = values_check_ssh_key(key, KEY_OF_PERSON, e);

	/* Each costs the signer work and the trail a record: as often as logins of one address. */
	if (rc == 0 && !rate_take(a->logins, s->key, 1, a->now_ms())) {
		err_set(e, "too many certificates for this session; wait a moment");
		rc = AUTH_E_BUSY;
	}
	if (rc != 0)
		return rc;
	origin_of(a, rpc_peer(c->call), &origin);
	rc = certify_start(a, &q, on_certified, c, e);
	c->waiting = rc == 0;
	return rc;
}

static void
on_certify(struct rpc_call *call, const Auth__CertifyWebRequest *m)
{
	const struct web_session *s;
	struct access_person p;
	struct face_wait *c;
	struct err e;
	int rc;

	s = rpc_web_session(call, &p);
	if (s && access_can_be_noted(call, login_unseen)) {
		c = face_wait_new(call, sizeof(*c));
		rc = c ? certify(c, s, &p.user, bytes_span(m->ssh_key), &e) : 0;
		if (rc != 0)
			access_fail(call, rc, &e);
	}
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(WebLogin, RPC_PROXY | RPC_BROWSER, on_web_login, .closed = on_web_login_closed),
	AUTH_METHOD(GetWebSession, RPC_USER, on_get),
	AUTH_METHOD(EndWebSession, RPC_USER, on_end),
	AUTH_METHOD(CertifyWeb, RPC_USER, on_certify, .closed = face_wait_closed),
};
const struct face face_web = { rows, sizeof(rows) / sizeof(rows[0]) };
