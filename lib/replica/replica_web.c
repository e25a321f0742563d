/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_web: web sessions, decoded. Whether one is still good is decided by replica_check.c.
 */
#include <stdlib.h>
#include <string.h>

#include "replica/replica_priv.h"

static void *
decode(const char *key, struct span packed)
{
	Auth__LiveWebSession *m = replica_unpack(&auth__live_web_session__descriptor, packed);
	struct web_value *v = NULL;

	if (m && strcmp(m->key, key) == 0)
		v = calloc(1, sizeof(*v));
	if (!v) {
		replica_message_free(m);
		return NULL;
	}
	v->message = m;
	v->session = (struct replica_web_session){ .user = m->user,
		.valid_after_s = m->valid_after_s,
		.expires_ms = m->expires,
		.pinned_to = m->pinned_to,
		.own = m->api ? &v->own : NULL };
	v->own = (struct subject){ .name = m->user,
		.roles = { (const char *const *)(void *)m->roles, m->n_roles } };
	return v;
}

static void
free_value(void *value)
{
	struct web_value *v = value;

	replica_message_free(v->message);
	free(v);
}

const struct replica_hooks replica_web_hooks = { decode, free_value, NULL };
