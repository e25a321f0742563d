/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_login: Login, for anyone. The noun is login.c.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/rpc_faces.h"
#include "auth/login.h"
#include "base/str.h"
#include "net/rate.h"

/* A call that waits for its login. */
struct pending {
	struct auth *auth;
	struct rpc_call *call;
	struct login *login;
	char user[NAME_LEN_MAX + 1]; /* as it was given, for the events */
};

/* 0: it is in the log. user is only claimed where rc is not 0. */
static int
note_login(struct auth *a, const struct rpc_peer *peer, const char *user, int rc,
    const struct err *e)
{
	struct audit_event ev = { .id = EVENT_USER_LOGIN,
		.failed = rc != 0,
		.user = span_str(user),
		.message = span_str(rc == 0 ? NULL : e->text) };

	event_put_text(&ev, EVENT_KEY_METHOD, "local");
	return events_write(a, peer, &ev);
}

static void
note_lock(struct auth *a, const struct rpc_peer *peer, const char *user, enum lockout_scope scope)
{
	struct audit_event ev = { .id = EVENT_USER_LOCK,
		.failed = true,
		.user = span_str(user),
		.message = span_str(scope == LOCKOUT_NAME
			? "too many failed logins from many addresses; closed for those that are not known"
			: "too many failed logins from this address; closed for it") };

	event_put_text(&ev, EVENT_KEY_SCOPE, lockout_scope_name(scope));
	(void)events_write(a, peer, &ev);
}

/* Cut where they are too long; the certificate itself has them all. */
static int
note_cert(struct auth *a, const struct rpc_peer *peer, const struct login_result *r)
{
	char logins[1024], roles[1024];
	struct audit_event ev = { .id = EVENT_CERT_CREATE, .user = span_str(r->user) };

	names_text(r->logins, logins, sizeof(logins));
	names_text(r->roles, roles, sizeof(roles));
	event_put_text(&ev, EVENT_KEY_CERT_TYPE, "user");
	event_put_text(&ev, EVENT_KEY_LOGINS, logins);
	event_put_text(&ev, EVENT_KEY_ROLES, roles);
	event_put_number(&ev, EVENT_KEY_VALID_UNTIL_S, r->valid_until_s);
	return events_write(a, peer, &ev);
}

/* Lends everything for the length of the reply; only the PEM needs an end. */
static void
answer(struct pending *p, const struct login_result *r)
{
	Auth__UserIdentity reply = AUTH__USER_IDENTITY__INIT;
	char *pem = span_dup(r->tls_pem);
	Auth__CaBundle bundle;

	face_bundle(p->auth, &bundle);
	reply.user = r->user;
	reply.cluster = p->auth->cluster;
	reply.n_roles = r->roles->n;
	reply.roles = (const char **)(void *)r->roles->v;
	reply.n_logins = r->logins->n;
	reply.logins = (const char **)(void *)r->logins->v;
	reply.n_extensions = r->extensions->n;
	reply.extensions = (const char **)(void *)r->extensions->v;
	reply.valid_until = r->valid_until_s * 1000;
	reply.ssh_cert = (ProtobufCBinaryData){ r->ssh_cert.n,
		(uint8_t *)(uintptr_t)r->ssh_cert.p };
	reply.tls_cert_pem = pem ? pem : "";
	reply.ca = &bundle;
	if (pem) {
		p->auth->counts.user_certs++;
		auth_login_reply(p->call, &reply);
	} else {
		rpc_finish(p->call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(pem);
}

/* Floods and nonsense, too, of which no record is written. */
static void
count_login(struct auth *a, int rc)
{
	static const enum login_outcome outcomes[] = { [0] = LOGIN_OK,
		[AUTH_E_INVALID] = LOGIN_INVALID,
		[AUTH_E_NOT_FOUND] = LOGIN_WRONG,
		[AUTH_E_EXISTS] = LOGIN_FAILED,
		[AUTH_E_DENIED] = LOGIN_DENIED,
		[AUTH_E_STATE] = LOGIN_CLOSED,
		[AUTH_E_BUSY] = LOGIN_BUSY,
		[AUTH_E_UNAUTHENTICATED] = LOGIN_WRONG };
	bool known = rc >= 0 && (size_t)rc < sizeof(outcomes) / sizeof(*outcomes);

	a->counts.logins[known ? outcomes[rc] : LOGIN_FAILED]++;
}

static void
on_login_done(int rc, const struct login_result *r, const struct err *e, void *arg)
{
	struct pending *p = arg;
	const struct rpc_peer *peer = rpc_peer(p->call);
	bool noted = note_login(p->auth, peer, p->user, rc, e) == 0;

	/* The login is freed after this returns; closing the call must not abandon it any more. */
	p->login = NULL;
	if (r->closed != LOCKOUT_OPEN)
		note_lock(p->auth, peer, p->user, r->closed);
	if (rc == 0 && (!noted || note_cert(p->auth, peer, r) != 0))
		noted = false;
	count_login(p->auth, rc == 0 && !noted ? -1 : rc);
	if (rc != 0)
		face_fail(p->call, rc, e);
	else if (noted)
		answer(p, r);
	else /* nobody gets in unseen */
		rpc_finish(p->call, RPC_RESOURCE_EXHAUSTED,
		    "the audit log of authd cannot be written, so nobody may log in; its administrator must make room");
}

static void
on_login(struct rpc_call *call, const Auth__LoginRequest *m)
{
	struct auth *a = rpc_context(call);
	struct login_request q;
	struct origin origin;
	struct pending *p;
	struct err e;
	int rc;

	p = calloc(1, sizeof(*p));
	if (!p) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	*p = (struct pending){ .auth = a, .call = call };
	/* The event is about a claim in any case. */
	(void)str_copy(p->user, sizeof(p->user), m->user);
	rpc_set_data(call, p);
	origin_of(a, rpc_peer(call)->address, &origin);
	q = (struct login_request){ .user = m->user,
		.password = m->password,
		.otp = m->otp,
		.ttl_s = m->ttl_s,
		.origin = &origin };
	if (m->keys) {
		q.ssh_key = (struct span){ m->keys->ssh.data, m->keys->ssh.len };
		q.tls_key = (struct span){ m->keys->tls.data, m->keys->tls.len };
	}
	rc = login_start(&p->login, a, &q, on_login_done, p, &e);
	if (rc != 0) {
		count_login(a, rc);
		/* Nonsense and floods are not worth a record each: they could fill the log, and then nobody gets in. Nor is
		 * a door that is closed: at an address that is known no rate stands before it. */
		if (rc != AUTH_E_BUSY && rc != AUTH_E_INVALID &&
		    (rc != AUTH_E_STATE || rate_take(a->refusals, origin.at.ip, 1, a->now_ms())))
			note_login(a, rpc_peer(call), p->user, rc, &e);
		face_fail(call, rc, &e);
	}
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct pending *p = rpc_data(call);

	(void)status;
	/* The pool or the signer still has it: abandoned, and freed when it comes back. */
	if (p && p->login)
		login_abandon(p->login);
	free(p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Login, WHO_ALL, on_login, .closed = on_closed),
};
const struct face face_login = { rows, sizeof(rows) / sizeof(rows[0]) };
