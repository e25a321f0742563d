/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: failed logins by name, in the store, so that a restart does not open what was closed.
 */
#include "auth/lockout.h"

#include "auth/auth.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_lockout);
static const struct stored_field lockout_fields[] = {
	STORED_FIELD_WITH(STORED_TIMES, "failed_at", lockout, failed_at, n),
	STORED_FIELD(STORED_INT64, "locked_until", lockout, locked_until_ms),
};
const struct stored_form lockout_form = { STORED_KEY(lockout, user),
	.expires_at = offsetof(struct lockout, expires_ms),
	.message = &stored__stored_lockout__descriptor, STORED_FIELDS(lockout_fields) };

static void
load(struct auth *a, const char *user, struct lockout *ret)
{
	struct err e;

	/* One that cannot be read counts as none: logins go on, and failures are counted anew. */
	if (resource_load(a, RESOURCE_LOCKOUT, user, ret, &e) != 0)
		*ret = (struct lockout){ 0 };
}

int64_t
lockout_until(struct auth *a, const char *user)
{
	struct lockout l;

	load(a, user, &l);
	return l.locked_until_ms > a->now_ms() ? l.locked_until_ms : 0;
}

bool
lockout_fail(struct auth *a, const char *user)
{
	struct lockout l, kept = { .revision = STORE_ANY };
	int64_t now = a->now_ms();
	struct err e;

	/* What nobody can be called gets no record: a stranger could fill the store with names. */
	if (name_check(user, "user name", NULL) != 0)
		return false;
	load(a, user, &l);
	str_copy(kept.user, sizeof(kept.user), user);
	kept.expires_ms = now + (LOCKOUT_WINDOW_S + LOCKOUT_FOR_S) * 1000;
	for (size_t i = 0; i < l.n; i++)
		if (l.failed_at[i] > now - LOCKOUT_WINDOW_S * 1000 && kept.n < LOCKOUT_FAILURES - 1)
			kept.failed_at[kept.n++] = l.failed_at[i];
	kept.failed_at[kept.n++] = now;
	if (kept.n >= LOCKOUT_FAILURES) {
		kept.locked_until_ms = now + LOCKOUT_FOR_S * 1000;
		/* Counted anew after the lockout, or the first slip then would close it again. */
		kept.n = 0;
	}
	if (resource_save(a, RESOURCE_LOCKOUT, &kept, &e) != 0)
		log_error("cannot note a failed login", "cause", e.text, NULL);
	return kept.locked_until_ms > 0;
}

void
lockout_clear(struct auth *a, const char *user)
{
	struct err e;

	if (resource_remove(a, RESOURCE_LOCKOUT, user, &e) < 0)
		log_error("cannot clear a lockout", "cause", e.text, NULL);
}
