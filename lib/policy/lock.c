/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: targets are a table, so that a new one is a row.
 *
 * Security: names are compared as they are. A glob that fits less than its author thinks would leave
 * a door open that everybody takes to be closed.
 */
#include "policy/lock.h"

#include <string.h>

#include "base/str.h"

static bool
fits_user(const char *target, const struct policy_identity *who)
{
	return who->user && strcmp(who->user, target) == 0;
}

static bool
fits_role(const char *target, const struct policy_identity *who)
{
	for (size_t i = 0; i < who->roles.n; i++)
		if (strcmp(who->roles.v[i], target) == 0)
			return true;
	return false;
}

static bool
fits_login(const char *target, const struct policy_identity *who)
{
	return who->login && strcmp(who->login, target) == 0;
}

static bool
fits_node(const char *target, const struct policy_identity *who)
{
	return (who->host && strcmp(who->host, target) == 0) ||
	    (who->host_name && strcmp(who->host_name, target) == 0);
}

static bool
fits_nobody(const char *target, const struct policy_identity *who)
{
	(void)target;
	(void)who;
	return false;
}

static bool
fits_session(const char *target, const struct policy_identity *who)
{
	return who->session && strcmp(who->session, target) == 0;
}

static const struct target {
	const char *name;
	size_t at;
	bool (*fits)(const char *target, const struct policy_identity *who);
} targets[] = {
	{ "user", offsetof(struct policy_lock, user), fits_user },
	{ "role", offsetof(struct policy_lock, role), fits_role },
	{ "login", offsetof(struct policy_lock, login), fits_login },
	{ "node", offsetof(struct policy_lock, node), fits_node },
	{ "access_request", offsetof(struct policy_lock, access_request), fits_nobody },
	{ "session", offsetof(struct policy_lock, session), fits_session },
	{ "session_user", offsetof(struct policy_lock, session_user), fits_user },
};
enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };

static const char *
target_of(const struct policy_lock *lock, size_t i)
{
	return (const char *)lock + targets[i].at;
}

bool
policy_lock_fits(const struct policy_lock *lock, const struct policy_identity *who, int64_t now_ms)
{
	bool any = false;

	if (lock->expires_ms > 0 && lock->expires_ms <= now_ms)
		return false;
	for (size_t i = 0; i < TARGETS; i++) {
		const char *target = target_of(lock, i);

		/* Several targets narrow: all of them must fit. */
		if (*target && !targets[i].fits(target, who))
			return false;
		any |= *target != '\0';
	}
	/* A lock without a target would close the cluster for everybody by a slip of the pen. */
	return any;
}

static bool
is_text(const char *s)
{
	return !*s || str_is_printable(s, strlen(s));
}

/* Of a session nothing is known but whose it is: with another target it would fit nobody, and look as if it did. */
static int
check_session(const struct policy_lock *lock, struct err *e)
{
	if (!*lock->session)
		return err_set(e, "session_user: that is for a lock of a session; for one of a user give user");
	if (!str_is_uuid(lock->session))
		return err_set(e, "session: this is no UUID; `tctl sessions ls` shows them");
	/* Not with `user` either: a daemon that is older than `session` would shut out the whole user. */
	if (*lock->user || *lock->role || *lock->login || *lock->node || *lock->access_request)
		return err_set(e,
		    "session: a lock of one takes no other target; whose it is goes in session_user");
	return 0;
}

int
policy_lock_check(const struct policy_lock *lock, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < TARGETS; i++) {
		if (!is_text(target_of(lock, i)))
			return err_set(e, "%s: this is not printable", targets[i].name);
		any |= *target_of(lock, i) != '\0';
	}
	if (!any)
		return err_set(e, "a lock needs a target: a user, role, login, node or session");
	if ((*lock->session || *lock->session_user) && check_session(lock, e) < 0)
		return -1;
	return is_text(lock->message) ? 0 : err_set(e, "message: this is not printable");
}

void
policy_lock_text(const struct policy_lock *lock, char *dst, size_t size)
{
	size_t i = 0;

	if (*lock->session) {
		str_format(dst, size, "this session was ended%s%s%s%s",
		    *lock->created_by ? " by " : "", lock->created_by,
		    *lock->message ? ": " : "", lock->message);
		return;
	}
	while (i < TARGETS - 1 && !*target_of(lock, i))
		i++;
	str_format(dst, size, "%s %s is locked%s%s", targets[i].name, target_of(lock, i),
	    *lock->message ? ": " : "", lock->message);
}

void
policy_lock_target(const struct policy_lock *lock, char *dst, size_t size)
{
	size_t used = 0;

	*dst = '\0';
	for (size_t i = 0; i < TARGETS && used < size; i++) {
		const char *target = target_of(lock, i);

		if (!*target)
			continue;
		str_format(dst + used, size - used, "%s%s=%s", used ? "," : "", targets[i].name,
		    target);
		used = strlen(dst);
	}
}
