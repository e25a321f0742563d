/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_kinds: from the bytes that authd sent to what is asked for; a row for each kind. Pure but
 * for memory.
 *
 * Security: the bytes come from authd, or from our own file; they are looked at all the same
 * (wire_check), and a message that names another thing than its key is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "api/role.h"
#include "base/mem.h"
#include "replica/replica_priv.h"
#include "rpc/wire_check.h"

enum { ROLE_ARENA_MAX = 1024 * 1024 };

void *
replica_unpack(const ProtobufCMessageDescriptor *type, struct span packed)
{
	if (!wire_check_message(type, packed.p, packed.n))
		return NULL;
	return protobuf_c_message_unpack(type, NULL, packed.n, packed.p);
}

void
replica_message_free(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

/* --- roles -------------------------------------------------------------------------------- */

static void *
decode_role(const char *key, struct span packed)
{
	Auth__Role *m = replica_unpack(&auth__role__descriptor, packed);
	const struct policy_role *view = NULL;
	struct policy_role *role = NULL;
	struct arena arena;

	if (!m)
		return NULL;
	arena_init(&arena, ROLE_ARENA_MAX);
	/* A role under another's name would be found where that one is asked for. */
	if (strcmp(m->name, key) == 0)
		view = api_role_of(&arena, m);
	if (view)
		role = policy_role_copy(view);
	arena_done(&arena);
	replica_message_free(m);
	return role;
}

static void
free_role(void *value)
{
	policy_role_free(value);
}

/* --- hosts and labels ----------------------------------------------------------------------- */

/* Views: the texts stay the message's. */
static struct policy_labels
labels_of(struct policy_label *dst, Common__Label *const *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = (struct policy_label){ from[i]->key, from[i]->value };
	return (struct policy_labels){ dst, n };
}

static void *
decode_host(const char *key, struct span packed)
{
	Auth__Host *m = replica_unpack(&auth__host__descriptor, packed);
	struct host_value *v = NULL;

	if (m && strcmp(m->uuid, key) == 0)
		v = calloc(1, sizeof(*v) + m->n_labels * sizeof(v->labels[0]));
	if (!v) {
		replica_message_free(m);
		return NULL;
	}
	v->message = m;
	v->host = (struct replica_host){ .uuid = m->uuid,
		.kind = m->kind,
		.name = m->name,
		.address = m->address,
		.online = m->online,
		.joined_ms = m->joined_ms,
		.labels = labels_of(v->labels, m->labels, m->n_labels) };
	return v;
}

static void
free_host(void *value)
{
	struct host_value *v = value;

	replica_message_free(v->message);
	free(v);
}

static void *
decode_labels(const char *key, struct span packed)
{
	Auth__OwnLabels *m = replica_unpack(&auth__own_labels__descriptor, packed);
	struct labels_value *v = NULL;

	(void)key; /* the own UUID, which the message does not repeat */
	if (m)
		v = calloc(1, sizeof(*v) + m->n_labels * sizeof(v->v[0]));
	if (!v) {
		replica_message_free(m);
		return NULL;
	}
	v->message = m;
	v->labels = labels_of(v->v, m->labels, m->n_labels);
	return v;
}

static void
free_labels(void *value)
{
	struct labels_value *v = value;

	replica_message_free(v->message);
	free(v);
}

/* --- users ------------------------------------------------------------------------------------ */

static void *
decode_user(const char *key, struct span packed)
{
	Auth__User *m = replica_unpack(&auth__user__descriptor, packed);
	struct user_value *v = NULL;

	if (m && strcmp(m->name, key) == 0)
		v = calloc(1, sizeof(*v));
	if (!v) {
		replica_message_free(m);
		return NULL;
	}
	v->message = m;
	v->subject = (struct subject){ .name = m->name,
		.roles = { m->roles, m->n_roles },
		.logins = { m->logins, m->n_logins } };
	return v;
}

static void
free_user(void *value)
{
	struct user_value *v = value;

	replica_message_free(v->message);
	free(v);
}

/* --- cut-offs and authorities ------------------------------------------------------------------- */

/* A cut-off that cuts nothing is none that authd sends. */
static void *
decode_cutoff(const char *key, struct span packed)
{
	Auth__Cutoff *m = replica_unpack(&auth__cutoff__descriptor, packed);
	int64_t *v = NULL;

	if (m && strcmp(m->name, key) == 0 && m->issued_before > 0)
		v = malloc(sizeof(*v));
	if (v)
		*v = m->issued_before;
	replica_message_free(m);
	return v;
}

static void *
decode_bundle(const char *key, struct span packed)
{
	struct bundle *b;

	(void)key;
	return bundle_open(&b, packed, NULL, NULL, NULL) < 0 ? NULL : b;
}

static void *
decode_signed_cutoffs(const char *key, struct span packed)
{
	(void)key;
	return replica_unpack(&auth__signed_cutoffs__descriptor, packed);
}

static void
free_bundle(void *value)
{
	bundle_free(value);
}

const struct replica_hooks replica_ca_hooks = { decode_bundle, free_bundle, NULL };
const struct replica_hooks replica_role_hooks = { decode_role, free_role, NULL };
const struct replica_hooks replica_host_hooks = { decode_host, free_host, NULL };
const struct replica_hooks replica_user_hooks = { decode_user, free_user, NULL };
const struct replica_hooks replica_cutoff_hooks = { decode_cutoff, free, NULL };
const struct replica_hooks replica_signed_cutoffs_hooks = { decode_signed_cutoffs,
	replica_message_free, NULL };
const struct replica_hooks replica_labels_hooks = { decode_labels, free_labels, NULL };

const struct kind replica_kinds[REPLICA_KINDS] = {
#define REPLICA(id, noun, name, base) [REPLICA_##id] = { name, &replica_##noun##_hooks },
#include "replica/kinds.def"
#undef REPLICA
};
