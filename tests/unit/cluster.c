/* SPDX-License-Identifier: Apache-2.0 */
/* cluster: see cluster.h. */
#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LIST_MAX = 300 };

static void
on_changed(enum replica_kind kind, const char *key, void *arg)
{
	(void)kind, (void)key, (void)arg;
}

struct replica *
cluster_new(struct loop *loop, void (*changed)(enum replica_kind kind, const char *key, void *arg),
    void *arg)
{
	const struct replica_events events = { .changed = changed ? changed : on_changed };
	const struct replica_config config = { .loop = loop,
		.kinds = REPLICA_BASE | REPLICA_BIT(REPLICA_HOST) | REPLICA_BIT(REPLICA_USER) };
	struct replica *r;

	assert_int_equal(replica_new(&r, &config, &events, arg), 0);
	cluster_know(r);
	return r;
}

void
cluster_know(struct replica *r)
{
	replica_begin(r);
	replica_complete(r);
}

void
cluster_pack(struct buf *b, const ProtobufCMessage *m)
{
	uint8_t *p;

	buf_init(b, 4 * 1024 * 1024);
	p = buf_reserve(b, protobuf_c_message_get_packed_size(m) + 1);
	assert_non_null(p);
	buf_commit(b, protobuf_c_message_pack(m, p));
}

static void
put(struct replica *r, enum replica_kind kind, const char *key, const ProtobufCMessage *m)
{
	struct buf b;

	cluster_pack(&b, m);
	replica_put(r, kind, key, (struct span){ buf_head(&b), b.len });
	buf_done(&b);
}

struct conditions {
	Auth__RoleConditions m;
	Auth__LabelRule labels[LIST_MAX], *label_list[LIST_MAX];
	Auth__VerbRule rules[LIST_MAX], *rule_list[LIST_MAX];
};

static const char **
strings(struct policy_names names)
{
	return (const char **)(uintptr_t)names.v;
}

static Auth__RoleConditions *
conditions_to(struct conditions *c, const struct policy_conditions *from)
{
	auth__role_conditions__init(&c->m);
	c->m.n_logins = from->logins.n;
	c->m.logins = strings(from->logins);
	for (size_t i = 0; i < from->n_node_labels; i++) {
		auth__label_rule__init(&c->labels[i]);
		c->labels[i].key = from->node_labels[i].key;
		c->labels[i].n_values = from->node_labels[i].values.n;
		c->labels[i].values = strings(from->node_labels[i].values);
		c->label_list[i] = &c->labels[i];
	}
	for (size_t i = 0; i < from->n_rules; i++) {
		auth__verb_rule__init(&c->rules[i]);
		c->rules[i].n_resources = from->rules[i].resources.n;
		c->rules[i].resources = strings(from->rules[i].resources);
		c->rules[i].n_verbs = from->rules[i].verbs.n;
		c->rules[i].verbs = strings(from->rules[i].verbs);
		c->rule_list[i] = &c->rules[i];
	}
	c->m.n_node_labels = from->n_node_labels;
	c->m.node_labels = c->label_list;
	c->m.n_rules = from->n_rules;
	c->m.rules = c->rule_list;
	return &c->m;
}

void
cluster_pack_role(struct buf *b, const struct policy_role *role)
{
	static struct conditions allow, deny;
	Auth__Role m = AUTH__ROLE__INIT;

	m.name = role->name;
	m.allow = conditions_to(&allow, &role->allow);
	m.deny = conditions_to(&deny, &role->deny);
	cluster_pack(b, &m.base);
}

void
cluster_role(struct replica *r, const struct policy_role *role)
{
	struct buf b;

	cluster_pack_role(&b, role);
	replica_put(r, REPLICA_ROLE, role->name, buf_span(&b));
	buf_done(&b);
}

void
cluster_host(struct replica *r, const struct replica_host *host)
{
	Common__Label rows[16], *list[16];
	Auth__Host m = AUTH__HOST__INIT;

	m.uuid = host->uuid;
	m.kind = host->kind;
	m.name = host->name;
	m.address = host->address;
	m.online = host->online;
	for (size_t i = 0; i < host->labels.n; i++) {
		common__label__init(&rows[i]);
		rows[i].key = host->labels.v[i].key;
		rows[i].value = host->labels.v[i].value;
		list[i] = &rows[i];
	}
	m.n_labels = host->labels.n;
	m.labels = list;
	put(r, REPLICA_HOST, host->uuid, &m.base);
}

void
cluster_user(struct replica *r, const char *name, const char *const *roles, size_t n)
{
	Auth__User m = AUTH__USER__INIT;

	m.name = name;
	m.n_roles = n;
	m.roles = (const char **)(uintptr_t)roles;
	put(r, REPLICA_USER, name, &m.base);
}

void
cluster_cutoff(struct replica *r, enum replica_kind kind, const char *key, int64_t issued_before)
{
	Auth__Cutoff m = AUTH__CUTOFF__INIT;

	m.name = key;
	m.issued_before = issued_before;
	put(r, kind, key, &m.base);
}

void
cluster_web_session(struct replica *r, const char *key, const char *user, int64_t valid_after_s,
    int64_t expires_ms)
{
	Auth__LiveWebSession m = AUTH__LIVE_WEB_SESSION__INIT;

	m.key = key;
	m.user = user;
	m.valid_after_s = valid_after_s;
	m.expires = expires_ms;
	put(r, REPLICA_WEB_SESSION, key, &m.base);
}

void
cluster_lock(struct replica *r, const char *name, const char *user, const char *node)
{
	Auth__Lock m = AUTH__LOCK__INIT;
	struct buf b;

	m.name = name;
	m.user = user;
	m.node = node;
	m.message = "stolen";
	cluster_pack(&b, &m.base);
	replica_put(r, REPLICA_LOCK, name, buf_span(&b));
	buf_done(&b);
}

void
cluster_garbage(struct replica *r, enum replica_kind kind, const char *key)
{
	static const uint8_t bytes[] = { 0x0a, 0xff, 0xff, 0xff };

	replica_put(r, kind, key, (struct span){ bytes, sizeof(bytes) });
}
