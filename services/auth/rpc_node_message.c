/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_node_message: a node as message.
 */
#include "auth/rpc_node_message.h"

#include "api/label.h"
#include "base/version.h"

Auth__Node *
node_message(struct arena *arena, const struct host *n)
{
	Auth__Node *m = arena_alloc(arena, sizeof(*m));

	if (!m)
		return NULL;
	auth__node__init(m);
	m->uuid = n->uuid;
	m->name = n->name;
	m->address = n->address;
	m->tunnel = n->address[0] == '\0';
	m->n_labels = n->labels.n;
	m->labels = api_labels(arena, labels_view(&n->labels));
	m->version = n->version;
	m->too_old = version_too_old(n->version, SALLYPORT_VERSION);
	m->last_seen = n->last_seen_ms;
	m->joined = n->joined_ms;
	return m->labels ? m : NULL;
}
