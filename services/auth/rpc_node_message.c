/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_node_message: a node as message.
 */
#include "auth/rpc_node_message.h"

Auth__Node *
node_message(struct arena *arena, const struct host *n)
{
	Auth__Node *m = arena_alloc(arena, sizeof(*m));
	Common__Label **labels = arena_alloc(arena, (n->labels.n + 1) * sizeof(*labels));

	if (!m || !labels)
		return NULL;
	for (size_t i = 0; i < n->labels.n; i++) {
		labels[i] = arena_alloc(arena, sizeof(**labels));
		if (!labels[i])
			return NULL;
		common__label__init(labels[i]);
		labels[i]->key = n->labels.v[i].key;
		labels[i]->value = n->labels.v[i].value;
	}
	auth__node__init(m);
	m->uuid = n->uuid;
	m->name = n->name;
	m->address = n->address;
	m->tunnel = n->address[0] == '\0';
	m->n_labels = n->labels.n;
	m->labels = labels;
	m->version = n->version;
	m->last_seen = n->last_seen_ms;
	m->joined = n->joined_ms;
	return m;
}
