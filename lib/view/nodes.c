/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: asks authd for nodes and shows them. Called by tsh ls, tsh ssh and tctl nodes.
 */
#include "view/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "api/label.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"
#include "proto/auth.sync.h"

enum { SELECTOR_ARENA = 65536, LABELS_TEXT_MAX = 65536 };

int
nodes_list(struct client *c, const struct nodes_query *what, Auth__NodeList **ret, struct err *e)
{
	Auth__ListNodesRequest q = AUTH__LIST_NODES_REQUEST__INIT;
	struct policy_selector parsed;
	struct arena arena;
	int rc;

	if (policy_selector_parse(&parsed, what->selector ? what->selector : "", e) < 0)
		return -1;
	arena_init(&arena, SELECTOR_ARENA);
	q.selector = api_labels(&arena, (struct policy_labels){ parsed.v, parsed.n });
	q.n_selector = parsed.n;
	q.search = what->search ? what->search : "";
	q.offline = what->offline;
	rc = q.selector ? auth_sync_list_nodes_all(c, &q, ret, e) : err_memory(e);
	arena_done(&arena);
	return rc;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp((*(Common__Label *const *)a)->key, (*(Common__Label *const *)b)->key);
}

/* Sorts the node's labels in place. The caller frees; NULL: no memory. */
char *
nodes_labels_text(const Auth__Node *node)
{
	struct buf b;
	char *text;

	if (node->n_labels > 0) /* qsort wants an array even for none */
		qsort(node->labels, node->n_labels, sizeof *node->labels, by_key);
	buf_init(&b, LABELS_TEXT_MAX);
	for (size_t i = 0; i < node->n_labels; i++)
		buf_printf(&b, "%s%s=%s", i ? "," : "", node->labels[i]->key,
		    node->labels[i]->value);
	text = span_dup(buf_span(&b));
	buf_done(&b);
	return text;
}

char *
nodes_selector(int argc, char **argv)
{
	struct buf b;
	char *text;

	buf_init(&b, LABELS_TEXT_MAX);
	for (int i = 0; i < argc; i++)
		buf_printf(&b, "%s%s", i ? "," : "", argv[i]);
	text = buf_ok(&b) ? span_dup(buf_span(&b)) : NULL;
	buf_done(&b);
	return text;
}

const char *
nodes_address_text(const Auth__Node *node)
{
	return node->tunnel ? "⟵ Tunnel" : node->address;
}

/* The shape that people's scripts know. */
static json_t *
node_value(const Auth__Node *n)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < n->n_labels; i++)
		json_object_set_new(labels, n->labels[i]->key, json_string(n->labels[i]->value));
	return json_pack("{s:s, s:s, s:{s:s, s:o}, s:{s:s, s:s, s:b, s:s}}", "kind", "node",
	    "version", "v2", "metadata", "name", n->uuid, "labels", labels, "spec", "addr",
	    n->address, "hostname", n->name, "use_tunnel", n->tunnel, "version", n->version);
}

json_t *
nodes_value(const Auth__NodeList *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n_nodes; i++)
		json_array_append_new(all, node_value(list->nodes[i]));
	return all;
}
