/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_role: between sallyport.auth.Role and struct policy_role.
 */
#include "api/role.h"
#include "auth/role.h"
#include "auth/stored.h"
#include "base/mem.h"
#include "base/str.h"

enum { STORED_ROLE_ARENA = 2 * 1024 * 1024 };

/* --- policy to message ----------------------------------------------------------------------- */

static const char **
strings_of(struct policy_names names)
{
	return (const char **)(uintptr_t)names.v;
}

static Auth__LabelRule **
label_rules_of(struct arena *arena, const struct policy_conditions *c)
{
	Auth__LabelRule **list = arena_alloc(arena, (c->n_node_labels + 1) * sizeof(*list));

	for (size_t i = 0; list && i < c->n_node_labels; i++) {
		list[i] = arena_alloc(arena, sizeof(**list));
		if (!list[i])
			return NULL;
		auth__label_rule__init(list[i]);
		list[i]->key = c->node_labels[i].key;
		list[i]->n_values = c->node_labels[i].values.n;
		list[i]->values = strings_of(c->node_labels[i].values);
	}
	return list;
}

static Auth__VerbRule **
verb_rules_of(struct arena *arena, const struct policy_conditions *c)
{
	Auth__VerbRule **list = arena_alloc(arena, (c->n_rules + 1) * sizeof(*list));

	for (size_t i = 0; list && i < c->n_rules; i++) {
		list[i] = arena_alloc(arena, sizeof(**list));
		if (!list[i])
			return NULL;
		auth__verb_rule__init(list[i]);
		list[i]->n_resources = c->rules[i].resources.n;
		list[i]->resources = strings_of(c->rules[i].resources);
		list[i]->n_verbs = c->rules[i].verbs.n;
		list[i]->verbs = strings_of(c->rules[i].verbs);
	}
	return list;
}

static Auth__RoleConditions *
conditions_to(struct arena *arena, const struct policy_conditions *c)
{
	Auth__RoleConditions *m = arena_alloc(arena, sizeof(*m));

	if (!m)
		return NULL;
	auth__role_conditions__init(m);
	m->n_logins = c->logins.n;
	m->logins = strings_of(c->logins);
	m->n_node_labels = c->n_node_labels;
	m->node_labels = label_rules_of(arena, c);
	m->n_rules = c->n_rules;
	m->rules = verb_rules_of(arena, c);
	return m->node_labels && m->rules ? m : NULL;
}

static Auth__Role *
message_of(struct arena *arena, const struct policy_role *policy, bool preset)
{
	Auth__Role *m = arena_alloc(arena, sizeof(*m));
	Auth__RoleOptions *o = arena_alloc(arena, sizeof(*o));

	if (!m || !o)
		return NULL;
	auth__role__init(m);
	auth__role_options__init(o);
	o->max_session_ttl_s = policy->options.max_session_ttl_s;
	o->forward_agent = policy->options.forward_agent;
	o->port_forwarding = policy->options.port_forwarding;
	o->permit_pty = policy->options.permit_pty;
	o->pin_source_ip = policy->options.pin_source_ip;
	o->omit_input = policy->options.omit_input;
	o->record_limit = policy->options.record_limit;
	o->client_idle_timeout_s = policy->options.client_idle_timeout_s;
	m->name = policy->name;
	m->options = o;
	m->allow = conditions_to(arena, &policy->allow);
	m->deny = conditions_to(arena, &policy->deny);
	m->preset = preset;
	return m->allow && m->deny ? m : NULL;
}

/* --- bytes ------------------------------------------------------------------------------------- */

static bool
pack(const void *object, struct buf *b)
{
	const struct role *r = object;
	struct arena arena;
	Auth__Role *m;
	uint8_t *p = NULL;

	arena_init(&arena, STORED_ROLE_ARENA);
	m = message_of(&arena, r->policy, r->preset);
	if (m)
		p = buf_reserve(b, protobuf_c_message_get_packed_size(&m->base));
	if (p)
		buf_commit(b, protobuf_c_message_pack(&m->base, p));
	arena_done(&arena);
	return p != NULL;
}

static struct policy_role *
copy_of(struct arena *arena, const Auth__Role *m)
{
	const struct policy_role *view = api_role_of(arena, m);

	return view ? policy_role_copy(view) : NULL;
}

static bool
unpack(struct span s, void *object)
{
	ProtobufCMessage *m = protobuf_c_message_unpack(&auth__role__descriptor, NULL, s.n, s.p);
	struct role *r = object;
	bool ok = true;
	struct arena arena;

	if (!m)
		return false;
	arena_init(&arena, STORED_ROLE_ARENA);
	r->policy = copy_of(&arena, (const Auth__Role *)(const void *)m);
	if (r->policy && !str_copy(r->name, sizeof(r->name), r->policy->name))
		ok = false;
	r->preset = ((const Auth__Role *)(const void *)m)->preset;
	arena_done(&arena);
	protobuf_c_message_free_unpacked(m, NULL);
	return ok && r->policy != NULL;
}

static void
done(void *object)
{
	policy_role_free(((struct role *)object)->policy);
}

const struct stored_form role_form = { STORED_KEY(role, name), .message = &auth__role__descriptor,
	.pack = pack, .unpack = unpack, .done = done };
