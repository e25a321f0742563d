/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: locks as authd keeps them. What one closes is decided by lib/policy/lock.h; who asks is
 * resource.c, for access.c, certify.c and join.c. Called through the hooks of its row alone.
 */
#include "policy/lock.h"

#include "auth/auth.h"
#include "auth/rights.h"
#include "auth/stored.h"
#include "base/map.h"
#include "base/str.h"
#include "crypto/rand.h"

/* A session that a lock ends is over when its node has heard of it; the lock itself is of no use any more. Ended sessions leave
 * places for locks of what is to stay closed (resource.def). */
enum { SESSION_LOCK_MS = 24 * 3600 * 1000, SESSION_LOCKS_BELOW = 800 };

struct lock {
	struct policy_lock policy;
	uint64_t revision;
};

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(auth__lock);
static const struct stored_field lock_fields[] = {
	STORED_FIELD(STORED_TEXT, "name", lock, policy.name),
	STORED_FIELD(STORED_TEXT, "user", lock, policy.user),
	STORED_FIELD(STORED_TEXT, "role", lock, policy.role),
	STORED_FIELD(STORED_TEXT, "login", lock, policy.login),
	STORED_FIELD(STORED_TEXT, "node", lock, policy.node),
	STORED_FIELD(STORED_TEXT, "access_request", lock, policy.access_request),
	STORED_FIELD(STORED_TEXT, "message", lock, policy.message),
	STORED_FIELD(STORED_INT64, "expires", lock, policy.expires_ms),
	STORED_FIELD(STORED_TEXT, "session", lock, policy.session),
	STORED_FIELD(STORED_TEXT, "created_by", lock, policy.created_by),
	STORED_FIELD(STORED_TEXT, "session_user", lock, policy.session_user),
};
const struct stored_form lock_form = { STORED_KEY(lock, policy.name),
	.expires_at = offsetof(struct lock, policy.expires_ms), .message = &auth__lock__descriptor,
	STORED_FIELDS(lock_fields) };

/* --- its rules --------------------------------------------------------------------------- */

/* By the clock of this host: whoever asks may have another. */
static int
check_session(struct auth *a, struct policy_lock *l, const struct lock *old, struct err *e)
{
	int64_t latest = a->now_ms() + SESSION_LOCK_MS;

	if (l->expires_ms == 0)
		l->expires_ms = latest;
	if (l->expires_ms > latest) {
		err_set(e, "expires: a lock that ends a session lasts at most a day, and without a time it does");
		return AUTH_E_INVALID;
	}
	if (!old && map_count(a->resources.cached[RESOURCE_LOCK]) >= SESSION_LOCKS_BELOW) {
		err_set(e,
		    "there are %d locks already, and the last places are not for those of sessions; remove some (`tctl get locks`)",
		    SESSION_LOCKS_BELOW);
		return AUTH_E_STATE;
	}
	return 0;
}

static int
check(struct auth *a, void *object, const void *old, struct err *e)
{
	struct policy_lock *l = &((struct lock *)object)->policy;

	if (!l->name[0])
		rand_uuid(l->name);
	if (name_check(l->name, "lock name", e) != 0) {
		err_prefix(e, "name");
		return AUTH_E_INVALID;
	}
	if (policy_lock_check(l, e) < 0)
		return AUTH_E_INVALID;
	if (l->expires_ms != 0 && l->expires_ms <= a->now_ms()) {
		err_set(e, "expires: the lock would be over already; give --ttl, or a time to come");
		return AUTH_E_INVALID;
	}
	return l->session[0] ? check_session(a, l, old, e) : 0;
}

static void
sign(void *object, const struct access_person *by)
{
	struct policy_lock *l = &((struct lock *)object)->policy;

	(void)str_copy(l->created_by, sizeof(l->created_by), by->local ? "root" : by->user.name);
}

static bool
denies(const void *object, const struct policy_identity *who, int64_t now_ms, struct err *e)
{
	const struct policy_lock *l = &((const struct lock *)object)->policy;

	if (!policy_lock_fits(l, who, now_ms))
		return false;
	policy_lock_text(l, e->text, sizeof(e->text));
	return true;
}

static void
describe(const void *object, char *dst, size_t size)
{
	policy_lock_target(&((const struct lock *)object)->policy, dst, size);
}

static int
may_change(struct auth *a, const struct access_person *by, const void *next, const void *old,
    struct err *e)
{
	const struct lock *n = next, *o = old;
	int rc = 0;

	/* Whoever opens a door gives what it kept back. */
	if (o)
		rc = rights_over_lock(a, by, &o->policy, e);
	if (rc == 0 && n)
		rc = rights_over_lock(a, by, &n->policy, e);
	return rc;
}

const struct resource_hooks lock_hooks = { .check = check,
	.sign = sign,
	.may_change = may_change,
	.denies = denies,
	.describe = describe };
