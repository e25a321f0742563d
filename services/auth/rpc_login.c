/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_login: Login, for anyone. The noun is login.c.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/rpc_faces.h"
#include "auth/login.h"
#include "auth/login_events.h"
#include "base/str.h"
#include "rpc/bytes.h"

struct pending {
	struct face_wait wait; /* for nothing but its login, which is abandoned with the call */
	struct login *login;
	char user[NAME_LEN_MAX + 1]; /* as it was given, for the events */
	const char *method;          /* for them, too */
};

/* Lends everything for the length of the reply; only the PEM needs an end. */
static void
answer(struct pending *p, const struct certify_result *r)
{
	Auth__UserIdentity reply = AUTH__USER_IDENTITY__INIT;
	char *pem = span_dup(r->tls_pem);
	Auth__CaBundle bundle;

	face_bundle(p->wait.auth, &bundle);
	reply.user = r->user;
	reply.cluster = p->wait.auth->cluster;
	reply.n_roles = r->roles->n;
	reply.roles = (const char **)(void *)r->roles->v;
	reply.n_logins = r->logins->n;
	reply.logins = (const char **)(void *)r->logins->v;
	reply.n_extensions = r->extensions->n;
	reply.extensions = (const char **)(void *)r->extensions->v;
	reply.valid_until = r->valid_until_s * 1000;
	reply.ssh_cert = bytes_of(r->ssh_cert);
	reply.tls_cert_pem = pem ? pem : "";
	reply.ca = &bundle;
	if (pem) {
		p->wait.auth->counts.user_certs++;
		auth_login_reply(p->wait.call, &reply);
	} else {
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(pem);
}

static void
on_login_done(int rc, const struct certify_result *r, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct pending *p = arg;
	const struct login_note n = { .auth = p->wait.auth,
		.peer = rpc_peer(p->wait.call),
		.user = p->user,
		.method = p->method };
	bool noted = login_note(&n, rc, how, e) == 0;

	/* The login is freed after this returns; closing the call must not abandon it any more. */
	p->login = NULL;
	if (rc == 0 && (!noted || login_note_cert(&n, r) != 0))
		noted = false;
	login_count(p->wait.auth, rc == 0 && !noted ? -1 : rc);
	if (rc != 0)
		face_fail(p->wait.call, rc, e);
	else if (noted)
		answer(p, r);
	else /* nobody gets in unseen */
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "%s", login_unseen);
}

static void
on_login(struct rpc_call *call, const Auth__LoginRequest *m)
{
	struct auth *a = rpc_context(call);
	struct approval_answer approved;
	struct login_request q;
	struct origin origin;
	struct pending *p;
	struct err e;
	int rc;

	if (!login_can_be_noted(call))
		return;
	p = face_wait_new(call, sizeof(*p));
	if (!p)
		return;
	p->method = m->grant ? "browser" : "local";
	/* The event is about a claim in any case. */
	(void)str_copy(p->user, sizeof(p->user), m->user);
	origin_of(a, rpc_peer(call), &origin);
	q = (struct login_request){ .user = m->user,
		.password = m->password,
		.otp = m->otp,
		.ttl_s = m->ttl_s,
		.origin = &origin };
	if (m->keys) {
		q.ssh_key = bytes_span(m->keys->ssh);
		q.tls_key = bytes_span(m->keys->tls);
	}
	if (m->grant) {
		approved = (struct approval_answer){ .id = m->grant->id,
			.grant = m->grant->grant,
			.secret = { m->grant->secret.data, m->grant->secret.len } };
		q.approved = &approved;
	}
	rc = login_start(&p->login, a, &q, on_login_done, p, &e);
	if (rc != 0) {
		login_note_refused(&(struct login_note){ .auth = a,
				       .peer = rpc_peer(call),
				       .user = p->user,
				       .method = p->method },
		    rc, &e);
		face_fail(call, rc, &e);
	}
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct pending *p = rpc_data(call);

	/* The pool or the signer still has it: abandoned, and freed when it comes back. */
	if (p && p->login)
		login_abandon(p->login);
	face_wait_closed(call, status);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Login, WHO_ALL, on_login, .closed = on_closed),
};
const struct face face_login = { rows, sizeof(rows) / sizeof(rows[0]) };
