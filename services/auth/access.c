/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: the one caller's rights.
 */
#include "auth/access.h"

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/events.h"
#include "auth/rpc_faces.h"
#include "auth/api_token.h"
#include "base/log.h"
#include "base/str.h"
#include "net/rate.h"
#include "rpc/rpc.h"

/* How many times as many refusals of a proxy's people are written down as of one address. */
enum { PROXY_FACTOR = 20 };

bool
access_is_worth_a_note(struct auth *a, const struct rpc_peer *peer)
{
	struct origin origin;

	origin_of(a, peer, &origin);
	if (!rate_take(a->refusals, origin.at.ip, 1, a->now_ms()))
		return false;
	/* A proxy says whose address it is, and could say another one each time. */
	return !peer->told ||
	    rate_take(a->refusals, peer->web[0] ? peer->via : peer->name, PROXY_FACTOR,
		a->now_ms());
}

/* A record for each, as long as nobody makes so many that they fill the log. */
void
access_note_refused(struct auth *a, const struct rpc_peer *peer, const char *method,
    const char *reason)
{
	struct audit_event ev = { .id = EVENT_ACCESS_DENY,
		.failed = true,
		.message = span_str(reason) };

	event_put_text(&ev, EVENT_KEY_METHOD, method);
	if (access_is_worth_a_note(a, peer))
		(void)events_write(a, peer, &ev);
	else
		log_debug("refused", "method", method, "from", peer->address, NULL);
}

void
access_refuse(struct rpc_call *call, const char *reason)
{
	struct auth *a = rpc_context(call);

	a->counts.denials[DENIAL_ROLE]++;
	access_note_refused(a, rpc_peer(call), rpc_method_name(call), reason);
	rpc_finish(call, RPC_PERMISSION_DENIED, "%s", reason);
}

/* Whoever calls with a certificate that was good once. */
static void
unknown(struct rpc_call *call, const char *reason)
{
	struct auth *a = rpc_context(call);

	a->counts.denials[DENIAL_GONE]++;
	access_note_refused(a, rpc_peer(call), rpc_method_name(call), reason);
	rpc_finish(call, RPC_UNAUTHENTICATED, "%s", reason);
}

static bool
is_cut_off(const struct rpc_peer *peer, int64_t cutoff_ms)
{
	return cutoff_ms > 0 && (cutoff_ms == INT64_MAX || peer->issued_s * 1000 < cutoff_ms);
}

/* Nothing closes the door for this caller. False: answered. A daemon is to try again: what is closed
 * may open, and it has nobody who would start it anew then. */
static bool
is_open(struct rpc_call *call, const struct policy_identity *who)
{
	struct auth *a = rpc_context(call);
	struct err e;

	if (resource_denies(a, who, &e) == 0)
		return true;
	a->counts.denials[DENIAL_LOCK]++;
	access_note_refused(a, rpc_peer(call), rpc_method_name(call), e.text);
	/* A web session is over for as long as it lasts: the page is to say so as of one that ended. */
	rpc_finish(call,
	    who->host                    ? RPC_UNAVAILABLE
		: rpc_peer(call)->web[0] ? RPC_UNAUTHENTICATED
					 : RPC_PERMISSION_DENIED,
	    "%s", e.text);
	return false;
}

/* What he did not lose in a browser he lost with tsh. */
static const char *
gone_text(const struct rpc_peer *peer)
{
	return peer->web[0]
	    ? "your session has ended: your account was changed or removed; log in again"
	    : "your certificate is no longer good: your account was changed or removed; run tsh login";
}

bool
access_person(struct rpc_call *call, struct access_person *ret)
{
	const struct rpc_peer *peer = rpc_peer(call);
	struct auth *a = rpc_context(call);
	struct err e;
	int rc;

	*ret = (struct access_person){ .local = peer->who == RPC_LOCAL };
	if (ret->local)
		return true;
	rc = api_token_caller(a, peer, &ret->user, &e);
	if (rc < 0) {
		log_error("cannot check a caller", "user", peer->name, "cause", e.text, NULL);
		rpc_finish(call, RPC_INTERNAL, "internal error; the log of authd has the cause");
		return false;
	}
	/* The store decides, not the certificate alone: authd hears of its own changes first. */
	if (rc != 0 || is_cut_off(peer, cutoff_get(a, RESOURCE_CUTOFF, peer->name))) {
		unknown(call, gone_text(peer));
		return false;
	}
	if (role_view(a, &ret->user, &ret->view, &e) < 0) {
		access_refuse(call, e.text);
		return false;
	}
	return is_open(call,
	    &(struct policy_identity){ .user = ret->user.name,
		.roles = names_view(&ret->user.roles) });
}

void
access_person_done(struct access_person *p)
{
	user_done(&p->user);
}

void
access_fail(struct rpc_call *call, int rc, const struct err *e)
{
	if (rc == AUTH_E_DENIED)
		access_refuse(call, e->text);
	else
		face_fail(call, rc, e);
}

static bool
allowed(struct rpc_call *call, const char *resource, const char *verb, struct access_person *p)
{
	struct policy_decision decision;

	if (!access_person(call, p))
		return false;
	if (p->local || !resource || policy_verb(&p->view.user, resource, verb, &decision))
		return true;
	access_refuse(call, decision.reason);
	return false;
}

bool
access_allows(struct rpc_call *call, const char *resource, const char *verb)
{
	struct access_person p;
	bool ok = allowed(call, resource, verb, &p);

	access_person_done(&p);
	return ok;
}

bool
access_can_be_noted(struct rpc_call *call, const char *why)
{
	if (rpc_peer(call)->who == RPC_LOCAL || !events_are_full(rpc_context(call)))
		return true;
	rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "%s", why);
	return false;
}

bool
access_changer(struct rpc_call *call, const char *resource, const char *verb,
    struct access_person *ret)
{
	return allowed(call, resource, verb, ret) &&
	    access_can_be_noted(call,
		"the audit log of authd is full, so nothing may be changed; bring auditd back or make room on its disk");
}

bool
access_may_change(struct rpc_call *call, const char *resource, const char *verb)
{
	struct access_person p;
	bool ok = access_changer(call, resource, verb, &p);

	access_person_done(&p);
	return ok;
}

bool
access_is_person(struct rpc_call *call)
{
	if (!web_session_is_api(rpc_peer(call)->name))
		return true;
	access_refuse(call, "this is not for API tokens");
	return false;
}

bool
access_self(struct rpc_call *call, bool changes)
{
	bool ok = changes ? access_may_change(call, NULL, NULL) : access_allows(call, NULL, NULL);

	return ok && access_is_person(call);
}

struct host *
access_daemon(struct rpc_call *call)
{
	struct host *n = access_registered(call);

	return n &&
		is_open(call, &(struct policy_identity){ .host = n->uuid, .host_name = n->name })
	    ? n
	    : NULL;
}

static const char not_registered[] =
    "this host is not registered here any more: it was removed, or joined again from elsewhere; "
    "join it with a new token";

/* NULL: it is not, any more. */
static struct host *
registered(struct auth *a, const struct rpc_peer *peer)
{
	struct host *n = host_find(a, peer->name);

	/* Certificates from before the host's last join are another machine's, or were left behind on one that
	 * was taken. */
	return n && peer->issued_s >= n->certs_from_s &&
		!is_cut_off(peer, cutoff_get(a, RESOURCE_HOST_CUTOFF, peer->name))
	    ? n
	    : NULL;
}

struct host *
access_registered(struct rpc_call *call)
{
	struct host *n = registered(rpc_context(call), rpc_peer(call));

	if (!n)
		unknown(call, not_registered);
	return n;
}

/* --- web sessions ------------------------------------------------------------------------ */

/* The proxy may speak for others: it is still one, and nothing closes the door for it. */
static enum rpc_code
check_proxy(struct auth *a, const struct rpc_peer *proxy, struct err *e)
{
	const struct host *n = registered(a, proxy);

	if (!n) {
		a->counts.denials[DENIAL_GONE]++;
		err_set(e, "%s", not_registered);
		return RPC_UNAUTHENTICATED;
	}
	if (resource_denies(a, &(struct policy_identity){ .host = n->uuid, .host_name = n->name },
		e) != 0) {
		a->counts.denials[DENIAL_LOCK]++;
		return RPC_UNAVAILABLE;
	}
	return RPC_OK;
}

/* Whose the session is says nothing about what he may: that is looked at as with a certificate (access_person), the
 * cut-off, too, for which the session began when a certificate would have. */
enum rpc_code
access_session(const char *key, struct rpc_peer *peer, void *auth, struct err *e)
{
	enum rpc_code code = check_proxy(auth, peer, e);
	const struct web_session *s = web_session_find(auth, key);
	struct auth *a = auth;

	if (code != RPC_OK)
		return code;
	/* Not written down: that is also how every session that expired ends, and nobody guesses 256 bits. */
	if (!s) {
		a->counts.denials[DENIAL_GONE]++;
		err_set(e, "your session has ended; log in again");
		return RPC_UNAUTHENTICATED;
	}
	if (s->pinned && !rpc_peer_is_at(peer, s->address)) {
		a->counts.denials[DENIAL_GONE]++;
		err_set(e, "%s", rpc_pinned_text);
		return RPC_UNAUTHENTICATED;
	}
	(void)str_copy(peer->name, sizeof(peer->name), s->user);
	peer->who = RPC_USER;
	peer->issued_s = s->valid_after_s;
	peer->expires_s = s->expires_ms / 1000;
	return RPC_OK;
}
