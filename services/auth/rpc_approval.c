/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_approval: a login of tsh's by a browser: BeginBrowserLogin, for anyone; GetBrowserLogin, ApproveBrowserLogin and
 * RefuseBrowserLogin, for its user in a web session, and for nothing else that calls in his name: neither a certificate nor an
 * API token makes more of itself here. What the approval gave comes back with Login. The nouns are approval.c and signin.c.
 */
#include <string.h>

#include "auth/approval.h"
#include "auth/login_events.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_keys.h"
#include "auth/rpc_web.h"
#include "auth/signin.h"
#include "base/str.h"
#include "rpc/bytes.h"

/* --- BeginBrowserLogin ------------------------------------------------------------------------ */

static void
on_begin(struct rpc_call *call, const Auth__BeginBrowserLoginRequest *m)
{
	struct auth *a = rpc_context(call);
	Auth__BrowserLogin reply = AUTH__BROWSER_LOGIN__INIT;
	struct origin origin;
	const struct approval_spec spec = { .user = m->user,
		.tool = m->tool,
		.secret_hash = bytes_span(m->secret_hash),
		.port = m->port,
		.origin = &origin };
	const struct approval *ap;
	struct err e;
	int rc;

	origin_of(a, rpc_peer(call), &origin);
	rc = approval_begin(a, &spec, &ap, &e);
	if (rc != 0) {
		face_fail(call, rc, &e);
		return;
	}
	reply.id = ap->id;
	reply.code = ap->port ? ap->code : "";
	reply.life_ms = APPROVAL_LIFE_MS;
	auth_begin_browser_login_reply(call, &reply);
}

/* --- looking ------------------------------------------------------------------------------------- */

static bool
is_fresh(struct auth *a, const struct web_session *s)
{
	return a->now_ms() - s->created_ms < APPROVAL_FRESH_MS;
}

static void
show(struct rpc_call *call, const struct web_session *s, const struct approval *ap)
{
	struct auth *a = rpc_context(call);
	Auth__BrowserLoginView reply = AUTH__BROWSER_LOGIN_VIEW__INIT;
	struct origin own;

	origin_of(a, rpc_peer(call), &own);
	reply.tool = ap->tool;
	reply.address = ap->origin.hidden ? "" : ap->origin.at.ip;
	reply.own_address = own.hidden ? "" : own.at.ip;
	reply.begun = ap->begun_ms;
	reply.expires = ap->expires_ms;
	reply.port = ap->port;
	reply.proof_wanted = !is_fresh(a, s);
	auth_get_browser_login_reply(call, &reply);
}

static void
on_get(struct rpc_call *call, const Auth__Name *m)
{
	struct access_person p;
	const struct web_session *s = rpc_web_session(call, &p);
	struct approval *ap;
	struct err e;

	if (s && approval_find(rpc_context(call), m->name, p.user.name, &ap, &e) != 0)
		face_fail(call, AUTH_E_NOT_FOUND, &e);
	else if (s)
		show(call, s, ap);
	access_person_done(&p);
}

/* --- approving -------------------------------------------------------------------------------- */

struct pending {
	struct face_wait wait; /* for the proof */
	char id[APPROVAL_ID_SIZE], code[32];
};

/* begun_at: where tsh is; how NULL: no second factor was asked for; e NULL: it went well. */
static int
note(struct auth *a, const struct rpc_peer *peer, const char *begun_at,
    const struct signin_outcome *how, const struct err *e)
{
	struct audit_event ev = { .id = EVENT_LOGIN_APPROVE,
		.failed = e != NULL,
		.message = span_str(e ? e->text : NULL) };

	event_put_text(&ev, EVENT_KEY_OTHER_ADDR, begun_at);
	if (how && how->has_factor)
		factor_put_event(&how->factor, &ev);
	return events_write(a, peer, &ev);
}

/* It is there, for him, and the code is right. Of a wrong one nobody's approval is lost but that one's. */
static int
look(struct pending *p, struct approval **ret, struct err *e)
{
	int rc = approval_find(p->wait.auth, p->id, p->wait.peer.name, ret, e);
	struct addr begun_at;

	if (rc != 0)
		return rc;
	/* It may be gone then. */
	begun_at = (*ret)->origin.at;
	rc = approval_check(p->wait.auth, *ret, p->code, e);
	/* That it was approved is in the trail, once; a wrong code cannot be told without end. */
	if (rc == AUTH_E_INVALID)
		(void)note(p->wait.auth, &p->wait.peer, begun_at.ip, NULL, e);
	return rc;
}

/* Everything is shown: the grant is the answer. Nobody approves unseen. */
static void
give(struct pending *p, const struct user *u, const struct signin_outcome *how)
{
	const struct web_session *s = web_session_find(p->wait.auth, p->wait.peer.web);
	Auth__BrowserLoginApproval reply = AUTH__BROWSER_LOGIN_APPROVAL__INIT;
	struct approval *ap;
	struct origin from;
	struct err e;
	int rc;

	if (!s) {
		rpc_finish(p->wait.call, RPC_UNAUTHENTICATED,
		    "your session has ended; log in again");
		return;
	}
	rc = look(p, &ap, &e);
	if (rc != 0) {
		face_fail(p->wait.call, rc, &e);
		return;
	}
	if (note(p->wait.auth, &p->wait.peer, ap->origin.at.ip, how, NULL) != 0) {
		approval_drop(p->wait.auth, ap);
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "%s", login_unseen);
		return;
	}
	origin_of(p->wait.auth, &p->wait.peer, &from);
	approval_give(p->wait.auth, ap, u, s, &from);
	reply.grant = ap->grant;
	reply.port = ap->port;
	auth_approve_browser_login_reply(p->wait.call, &reply);
}

static struct login_note
note_of(const struct pending *p)
{
	return (struct login_note){ .auth = p->wait.auth,
		.peer = &p->wait.peer,
		.user = p->wait.peer.name,
		.method = "browser" };
}

static void
on_proven(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct pending *p = arg;
	const struct login_note n = note_of(p);

	if (rc != 0) {
		login_count(p->wait.auth, rc);
		(void)login_note(&n, rc, how, e);
	}
	if (!face_wait_back(&p->wait))
		return;
	if (rc != 0)
		face_fail(p->wait.call, rc, e);
	else
		give(p, u, how);
}

static void
ask_proof(struct pending *p, const Auth__ApproveBrowserLoginRequest *m)
{
	struct origin origin;
	struct signin_request q = { .user = p->wait.peer.name,
		.password = m->password,
		.otp = m->otp,
		.origin = &origin };
	const struct login_note n = note_of(p);
	struct signin_key key;
	struct err e;
	int rc;

	if (m->key) {
		key = rpc_keys_signature(m->key);
		q.proof = SIGNIN_KEY;
		q.key = &key;
	}
	origin_of(p->wait.auth, &p->wait.peer, &origin);
	rc = signin_start(p->wait.auth, &q, on_proven, p, &e);
	p->wait.waiting = rc == 0;
	if (rc != 0) {
		login_note_refused(&n, rc, &e);
		face_fail(p->wait.call, rc, &e);
	}
}

/* The code first: a wrong one costs no second factor. */
static void
start(struct pending *p, const Auth__ApproveBrowserLoginRequest *m, const struct web_session *s,
    const struct user *u)
{
	struct approval *ap;
	struct err e;
	int rc;

	/* What is too long is nobody's. */
	if (!str_copy(p->id, sizeof(p->id), m->id))
		p->id[0] = '\0';
	if (!str_copy(p->code, sizeof(p->code), m->code))
		p->code[0] = '\0';
	rc = look(p, &ap, &e);
	if (rc != 0)
		face_fail(p->wait.call, rc, &e);
	else if (is_fresh(p->wait.auth, s))
		give(p, u, NULL);
	else if (m->key || *m->password)
		ask_proof(p, m);
	else /* it was fresh when the page was shown: no wrong password, and no end of the session */
		rpc_finish(p->wait.call, RPC_FAILED_PRECONDITION,
		    "you logged in here a while ago: load this page again, and show once more that it is you");
}

static void
on_approve(struct rpc_call *call, const Auth__ApproveBrowserLoginRequest *m)
{
	struct access_person who;
	const struct web_session *s = rpc_web_session(call, &who);
	struct pending *p = NULL;

	if (s && access_can_be_noted(call, login_unseen))
		p = face_wait_new(call, sizeof(*p));
	if (p)
		start(p, m, s, &who.user);
	access_person_done(&who);
}

/* Somebody else's, he says: whoever looks after the cluster should know who began it. */
static void
on_refuse(struct rpc_call *call, const Auth__Name *m)
{
	struct auth *a = rpc_context(call);
	struct access_person p;
	struct approval *ap;
	struct err e;
	int rc;

	if (rpc_web_session(call, &p)) {
		rc = approval_find(a, m->name, p.user.name, &ap, &e);
		if (rc == 0) {
			err_set(&e, "the user says that this login is not his");
			(void)note(a, rpc_peer(call), ap->origin.at.ip, NULL, &e);
			approval_drop(a, ap);
			face_done(call);
		} else {
			face_fail(call, rc, &e);
		}
	}
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(BeginBrowserLogin, WHO_ALL, on_begin),
	AUTH_METHOD(GetBrowserLogin, RPC_USER, on_get),
	AUTH_METHOD(ApproveBrowserLogin, RPC_USER, on_approve, .closed = face_wait_closed),
	AUTH_METHOD(RefuseBrowserLogin, RPC_USER, on_refuse),
};
const struct face face_approval = { rows, sizeof(rows) / sizeof(rows[0]) };
