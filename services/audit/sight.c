/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sight: see sight.h.
 *
 * Security: nothing is shown to a user whom authd does not name, whatever the certificate says.
 */
#include "audit/sight.h"

#include "policy/subject.h"

/* Negative: nobody we know, or not any more. */
static int
user_of(struct replica *r, const struct rpc_peer *peer, struct subject_view *ret, struct err *why)
{
	const struct subject nameless = { .name = peer->name };
	const struct subject *who = replica_user(r, peer->name);
	const struct replica_web_session *session;
	int64_t issued_ms = peer->issued_s < INT64_MAX / 1000 ? peer->issued_s * 1000 : INT64_MAX;

	/* What is under way ends with the session, too. */
	if (peer->web[0]) {
		if (replica_check_web(r, peer->web, &session, why) != 0)
			return -1;
		who = session->own ? session->own : who;
	}
	if (replica_check_user(r, who ? who : &nameless, NULL, issued_ms, why) != 0)
		return -1;
	if (!who)
		return err_set(why, "user %s is not part of the cluster", peer->name);
	return subject_view(who, replica_role, r, ret, why);
}

static enum sight
nothing(const struct rpc_peer *peer, const char *what, struct err *why)
{
	err_set(why, "%s may not see %s: no role allows it",
	    *peer->name ? peer->name : "this caller", what);
	return SIGHT_NOTHING;
}

enum sight
sight_metrics(struct replica *r, const struct rpc_peer *peer, struct err *why)
{
	struct subject_view view;

	if (peer->who == RPC_LOCAL)
		return SIGHT_ALL;
	if (peer->who != RPC_USER)
		return nothing(peer, "metrics", why);
	if (user_of(r, peer, &view, why) < 0)
		return SIGHT_NOTHING;
	return policy_verb(&view.user, "cluster", "read", NULL) ? SIGHT_ALL
								: nothing(peer, "metrics", why);
}

enum sight
sight_events(struct replica *r, const struct rpc_peer *peer, struct err *why)
{
	struct subject_view view;

	/* Whoever may connect there can read the database's password, too. */
	if (peer->who == RPC_LOCAL)
		return SIGHT_ALL;
	if (peer->who != RPC_USER)
		return nothing(peer, "events", why);
	if (user_of(r, peer, &view, why) < 0)
		return SIGHT_NOTHING;
	if (policy_verb(&view.user, "event", "list", NULL) &&
	    policy_verb(&view.user, "event", "read", NULL))
		return SIGHT_ALL;
	if (policy_event(&view.user, "list", peer->name, NULL) &&
	    policy_event(&view.user, "read", peer->name, NULL))
		return SIGHT_OWN;
	return nothing(peer, "events", why);
}

/* All, or those that the rule about one's own sessions allows. */
enum sight
sight_recordings(struct replica *r, const struct rpc_peer *peer, const char *verb, struct err *why)
{
	struct subject_view view;

	if (peer->who == RPC_LOCAL)
		return SIGHT_ALL;
	if (peer->who != RPC_USER)
		return nothing(peer, "recordings", why);
	if (user_of(r, peer, &view, why) < 0)
		return SIGHT_NOTHING;
	if (policy_verb(&view.user, "session", verb, NULL))
		return SIGHT_ALL;
	if (policy_session(&view.user, verb, peer->name, NULL))
		return SIGHT_OWN;
	return nothing(peer, "recordings", why);
}
