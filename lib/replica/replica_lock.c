/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_lock: locks, decoded and asked for replica_denies. What one closes is decided by
 * lib/policy/lock.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/lock.h"
#include "replica/replica_priv.h"

#define COPY(dst, src) str_copy(dst, sizeof(dst), src)

static void *
decode(const char *key, struct span packed)
{
	Auth__Lock *m = replica_unpack(&auth__lock__descriptor, packed);
	struct policy_lock *l = m ? calloc(1, sizeof(*l)) : NULL;

	/* A text that is cut off would be another target: then it is lost, and holds for all. */
	if (l &&
	    (strcmp(m->name, key) != 0 || !COPY(l->name, m->name) || !COPY(l->user, m->user) ||
		!COPY(l->role, m->role) || !COPY(l->login, m->login) || !COPY(l->node, m->node) ||
		!COPY(l->access_request, m->access_request) || !COPY(l->session, m->session) ||
		!COPY(l->session_user, m->session_user) || !COPY(l->created_by, m->created_by) ||
		!COPY(l->message, m->message))) {
		free(l);
		l = NULL;
	}
	if (l)
		l->expires_ms = m->expires;
	replica_message_free(m);
	return l;
}

static bool
denies(const void *value, const struct policy_identity *who, int64_t now_ms, struct err *e)
{
	if (!policy_lock_fits(value, who, now_ms))
		return false;
	policy_lock_text(value, e->text, sizeof(e->text));
	return true;
}

const struct replica_hooks replica_lock_hooks = { decode, free, denies };
