/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_events: see login_events.h.
 */
#include "auth/login_events.h"

#include "auth/access.h"
#include "auth/auth.h"
#include "auth/events.h"
#include "auth/web_session.h"
#include "rpc/rpc.h"

const char login_unseen[] =
    "the audit log of authd cannot be written, so nobody may log in; its administrator must make room";

static void
note_lock(const struct login_note *n, enum lockout_scope scope)
{
	struct audit_event ev = { .id = EVENT_USER_LOCK,
		.failed = true,
		.user = span_str(n->user),
		.message = span_str(scope == LOCKOUT_NAME
			? "too many failed logins from many addresses; closed for those that are not known"
			: "too many failed logins from this address; closed for it") };

	event_put_text(&ev, EVENT_KEY_SCOPE, lockout_scope_name(scope));
	(void)events_write(n->auth, n->peer, &ev);
}

/* Somebody has a copy of it, and the password too. */
static void
note_clone(const struct login_note *n, const struct factor_mark *key)
{
	struct audit_event ev = { .id = EVENT_MFA_CLONE,
		.failed = true,
		.user = span_str(n->user) };

	factor_put_event(key, &ev);
	(void)events_write(n->auth, n->peer, &ev);
}

int
login_note(const struct login_note *n, int rc, const struct signin_outcome *how,
    const struct err *e)
{
	struct audit_event ev = { .id = EVENT_USER_LOGIN,
		.failed = rc != 0,
		.user = span_str(n->user),
		.message = span_str(rc == 0 ? NULL : e->text) };
	int done;

	event_put_text(&ev, EVENT_KEY_METHOD, n->method);
	if (n->web_session)
		event_put(&ev, EVENT_KEY_WEB_SESSION, web_session_id(n->web_session));
	if (how && how->browser_session[0]) {
		event_put(&ev, EVENT_KEY_WEB_SESSION, web_session_id(how->browser_session));
		event_put_text(&ev, EVENT_KEY_OTHER_ADDR, how->browser_ip);
	}
	if (how && how->has_factor)
		factor_put_event(&how->factor, &ev);
	done = events_write(n->auth, n->peer, &ev);
	if (how && how->is_cloned)
		note_clone(n, &how->factor);
	if (how && how->closed != LOCKOUT_OPEN)
		note_lock(n, how->closed);
	return done;
}

bool
login_can_be_noted(struct rpc_call *call)
{
	if (access_can_be_noted(call, login_unseen))
		return true;
	login_count(rpc_context(call), -1);
	return false;
}

/* Cut where they are too long; the certificate itself has them all. */
int
login_note_cert(const struct login_note *n, const struct certify_result *r)
{
	char logins[1024], roles[1024];
	struct audit_event ev = { .id = EVENT_CERT_CREATE, .user = span_str(r->user) };

	names_text(r->logins, logins, sizeof(logins));
	names_text(r->roles, roles, sizeof(roles));
	event_put_text(&ev, EVENT_KEY_CERT_TYPE, "user");
	event_put_text(&ev, EVENT_KEY_LOGINS, logins);
	event_put_text(&ev, EVENT_KEY_ROLES, roles);
	event_put_number(&ev, EVENT_KEY_VALID_UNTIL_S, r->valid_until_s);
	return events_write(n->auth, n->peer, &ev);
}

void
login_note_refused(const struct login_note *n, int rc, const struct err *e)
{
	login_count(n->auth, rc);
	/* Nonsense and floods are not worth a record each: they could fill the log, and then nobody gets in. Nor is
	 * a door that is closed: at an address that is known no rate stands before it. */
	if (rc != AUTH_E_BUSY && rc != AUTH_E_INVALID &&
	    (rc != AUTH_E_STATE || access_is_worth_a_note(n->auth, n->peer)))
		(void)login_note(n, rc, NULL, e);
}

/* Floods and nonsense, too, of which no record is written. */
void
login_count(struct auth *a, int rc)
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
