/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_factors: BeginLogin, and what people do about their own second factors: ListFactors, BeginFactor, AddFactor,
 * RenameFactor, RemoveFactor. No role is asked: whoever is somebody may see and change what is his. The nouns are
 * own_factor.c, ticket.c and signin.c.
 */
#include <string.h>

#include "auth/login_events.h"
#include "auth/own_factor.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_keys.h"
#include "auth/signin.h"
#include "base/str.h"
#include "crypto/secret.h"

/* --- what waits for the password --------------------------------------------------------------- */

struct pending {
	struct face_wait wait; /* for the password */
	const char *method;    /* for the trail */
	/* The password is his. Answers the call. */
	void (*then)(struct pending *p, const struct user *u);
	char user[NAME_LEN_MAX + 1];       /* as it was given */
	char origin[WEBAUTHN_ORIGIN_SIZE]; /* of the page */
	char id[FACTOR_ID_SIZE];
	enum factor_kind kind;
};

static struct login_note
note_of(const struct pending *p)
{
	return (struct login_note){ .auth = p->wait.auth,
		.peer = &p->wait.peer,
		.user = p->user,
		.method = p->method };
}

static void
on_proven(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct pending *p = arg;
	const struct login_note n = note_of(p);

	/* What is right is written down by what it is for. */
	if (rc != 0) {
		login_count(p->wait.auth, rc);
		(void)login_note(&n, rc, how, e);
	}
	if (!face_wait_back(&p->wait))
		return;
	if (rc != 0)
		face_fail(p->wait.call, rc, e);
	else
		p->then(p, u);
}

/* NULL: answered. */
static struct pending *
pending_new(struct rpc_call *call, const char *method,
    void (*then)(struct pending *p, const struct user *u))
{
	struct pending *p = face_wait_new(call, sizeof(*p));

	if (!p)
		return NULL;
	p->method = method;
	p->then = then;
	return p;
}

static void
ask_password(struct pending *p, const char *user, const char *password)
{
	struct origin origin;
	const struct signin_request q = { .user = user,
		.password = password,
		.otp = "",
		.origin = &origin,
		.proof = SIGNIN_PASSWORD };
	struct login_note n;
	struct err e;
	int rc;

	/* The event is about a claim in any case. */
	(void)str_copy(p->user, sizeof(p->user), user);
	origin_of(p->wait.auth, &p->wait.peer, &origin);
	rc = signin_start(p->wait.auth, &q, on_proven, p, &e);
	p->wait.waiting = rc == 0;
	if (rc != 0) {
		n = note_of(p);
		login_note_refused(&n, rc, &e);
		face_fail(p->wait.call, rc, &e);
	}
}

/* --- BeginLogin -------------------------------------------------------------------------------- */

/* Whoever has the password alone is seen, too, whatever comes of it. */
static void
note_challenge(const struct pending *p, const struct user *u)
{
	struct audit_event ev = { .id = EVENT_MFA_CHALLENGE, .user = span_str(u->name) };

	(void)events_write(p->wait.auth, &p->wait.peer, &ev);
}

static void
challenge_login(struct pending *p, const struct user *u)
{
	struct key_challenge reply;
	struct webauthn_site site;
	struct ticket *t;
	struct err e;
	int rc = ticket_site(p->wait.auth, p->origin, &site, &e);

	note_challenge(p, u);
	if (rc != 0) {
		face_fail(p->wait.call, rc, &e);
		return;
	}
	/* As it is now: with another password the ticket is worth nothing. */
	t = ticket_new(p->wait.auth, TICKET_LOGIN, u->name, u->password);
	if (!t) {
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	t->kind = FACTOR_WEBAUTHN;
	t->site = site;
	rpc_keys_ask_signature(t, &u->factors, &reply);
	auth_begin_login_reply(p->wait.call, &reply.message);
}

static void
on_begin_login(struct rpc_call *call, const Auth__BeginLoginRequest *m)
{
	struct pending *p;

	if (!face_may_log_in(call) || !login_can_be_noted(call))
		return;
	p = pending_new(call, "web", challenge_login);
	if (!p)
		return;
	/* What is too long is no site of ours. */
	(void)str_copy(p->origin, sizeof(p->origin), m->origin);
	ask_password(p, m->user, m->password);
}

/* --- one's own ---------------------------------------------------------------------------------- */

/* Lends from f. */
static void
show(const struct factor *f, Auth__Factor *ret)
{
	auth__factor__init(ret);
	ret->id = f->id;
	ret->name = f->name;
	ret->kind = factor_kind_name(f->kind);
	ret->created = f->created_ms;
	ret->used = f->used_ms;
	ret->site = f->rp_id;
}

static void
note(struct rpc_call *call, enum event_id id, const struct factor *f)
{
	struct audit_event ev = { .id = id };
	struct factor_mark mark = factor_mark_of(f);

	factor_put_event(&mark, &ev);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Of an own one that was added or changed. False: it was not, and the call is answered. */
static bool
changed(struct rpc_call *call, enum event_id id, int rc, const struct factor *f,
    const struct err *e, Auth__Factor *ret)
{
	if (rc != 0) {
		face_fail(call, rc, e);
		return false;
	}
	note(call, id, f);
	show(f, ret);
	return true;
}

static void
on_list(struct rpc_call *call, const Auth__Empty *m)
{
	Auth__Factor shown[FACTORS_MAX], *rows[FACTORS_MAX];
	Auth__FactorList reply = AUTH__FACTOR_LIST__INIT;
	struct user u;
	struct err e;
	int rc;

	(void)m;
	if (!access_self(call, false))
		return;
	rc = user_load(rpc_context(call), rpc_peer(call)->name, &u, &e);
	if (rc == 0) {
		reply.n_factors = u.factors.n;
		reply.factors = rows;
		for (size_t i = 0; i < reply.n_factors; i++) {
			show(&u.factors.v[i], &shown[i]);
			rows[i] = &shown[i];
		}
		auth_list_factors_reply(call, &reply);
	} else {
		face_fail(call, rc, &e);
	}
	user_done(&u);
}

/* --- adding --------------------------------------------------------------------------------------- */

static void
offer_app(struct pending *p, const struct user *u, const struct own_factor_offer *offer)
{
	Auth__FactorOffer reply = AUTH__FACTOR_OFFER__INIT;
	char base32[TOTP_BASE32_SIZE];
	struct buf uri;

	buf_init(&uri, 4096);
	totp_base32(offer->totp, base32);
	if (totp_uri(offer->totp, p->wait.auth->cluster, u->name, &uri) < 0 ||
	    !buf_put(&uri, "", 1)) {
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		reply.ticket = offer->ticket->id;
		reply.totp_uri = (const char *)buf_head(&uri);
		reply.totp_secret = base32;
		auth_begin_factor_reply(p->wait.call, &reply);
	}
	secret_zero(base32, sizeof(base32));
	buf_wipe(&uri);
}

static void
offer(struct pending *p, const struct user *u)
{
	Auth__FactorOffer reply = AUTH__FACTOR_OFFER__INIT;
	struct key_challenge key;
	struct own_factor_offer o = { 0 };
	struct err e;
	int rc = own_factor_begin(p->wait.auth, u, p->kind, p->origin, &o, &e);

	if (rc != 0) {
		face_fail(p->wait.call, rc, &e);
	} else if (p->kind == FACTOR_TOTP) {
		offer_app(p, u, &o);
	} else {
		rpc_keys_ask_new(p->wait.auth, o.ticket, &u->factors, &key);
		reply.key = &key.message;
		auth_begin_factor_reply(p->wait.call, &reply);
	}
	secret_zero(&o, sizeof(o));
}

static void
on_begin(struct rpc_call *call, const Auth__BeginFactorRequest *m)
{
	struct pending *p;

	if (!access_self(call, true))
		return;
	p = pending_new(call, "second_factor", offer);
	if (!p)
		return;
	if (!factor_kind_of(m->kind, &p->kind)) {
		rpc_finish(call, RPC_INVALID_ARGUMENT,
		    "a second factor is of kind totp or webauthn");
		return;
	}
	(void)str_copy(p->origin, sizeof(p->origin), m->origin);
	ask_password(p, p->wait.peer.name, m->password);
}

static void
on_add(struct rpc_call *call, const Auth__AddFactorRequest *m)
{
	struct own_factor_answer q = { .ticket = m->ticket, .name = m->name, .otp = m->otp };
	Auth__Factor reply;
	struct factor f;
	struct err e;
	int rc;

	if (!access_self(call, true))
		return;
	if (m->key) {
		q.ticket = m->key->ticket;
		q.key = rpc_keys_new(m->key);
	}
	rc = own_factor_add(rpc_context(call), rpc_peer(call)->name, &q, &f, &e);
	if (changed(call, EVENT_MFA_ADD, rc, &f, &e, &reply))
		auth_add_factor_reply(call, &reply);
}

/* --- changing -------------------------------------------------------------------------------------- */

static void
on_rename(struct rpc_call *call, const Auth__RenameFactorRequest *m)
{
	Auth__Factor reply;
	struct factor f;
	struct err e;
	int rc;

	if (!access_self(call, true))
		return;
	rc = own_factor_rename(rpc_context(call), rpc_peer(call)->name, m->id, m->name, &f, &e);
	if (changed(call, EVENT_MFA_RENAME, rc, &f, &e, &reply))
		auth_rename_factor_reply(call, &reply);
}

static void
drop(struct pending *p, const struct user *u)
{
	struct factor f;
	struct err e;
	int rc = own_factor_remove(p->wait.auth, u->name, p->id, &f, &e);

	if (rc != 0) {
		face_fail(p->wait.call, rc, &e);
		return;
	}
	note(p->wait.call, EVENT_MFA_DELETE, &f);
	face_done(p->wait.call);
}

static void
on_remove(struct rpc_call *call, const Auth__RemoveFactorRequest *m)
{
	struct pending *p;

	if (!access_self(call, true))
		return;
	p = pending_new(call, "second_factor", drop);
	if (!p)
		return;
	/* What is too long is nobody's. */
	if (!str_copy(p->id, sizeof(p->id), m->id))
		p->id[0] = '\0';
	ask_password(p, p->wait.peer.name, m->password);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(BeginLogin, RPC_PROXY | RPC_BROWSER, on_begin_login,
	    .closed = face_wait_closed),
	AUTH_METHOD(ListFactors, RPC_USER, on_list),
	AUTH_METHOD(BeginFactor, RPC_USER, on_begin, .closed = face_wait_closed),
	AUTH_METHOD(AddFactor, RPC_USER, on_add),
	AUTH_METHOD(RenameFactor, RPC_USER, on_rename),
	AUTH_METHOD(RemoveFactor, RPC_USER, on_remove, .closed = face_wait_closed),
};
const struct face face_factors = { rows, sizeof(rows) / sizeof(rows[0]) };
