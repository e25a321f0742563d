/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh ls: the nodes that the user may see.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/out.h"
#include "tsh/nodes.h"
#include "tsh/tsh.h"

static struct {
	const char *format, *search;
	bool verbose;
} opt = { .format = "text" };

const struct cli_option cmd_ls_options[] = {
	{ 'f', "format", "text|json|yaml|names", "output format", CLI_CHOICE, &opt.format },
	{ 'v', "verbose", NULL, "also the UUIDs, and labels in full", CLI_FLAG, &opt.verbose },
	{ 0, "search", "TEXT", "only nodes whose name or labels contain the text", CLI_STRING, &opt.search },
	{ 0 },
};

static void
print_text(const Auth__NodeList *list)
{
	struct cli_table *t = opt.verbose ? cli_table_new("Node Name", "Node ID", "Address", "Labels", NULL) :
					    cli_table_new("Node Name", "Address", "Labels", NULL);

	for (size_t i = 0; i < list->n_nodes; i++) {
		const Auth__Node *n = list->nodes[i];
		const char *address = n->tunnel ? "⟵ Tunnel" : n->address;
		_cleanup_free_ char *labels = nodes_labels_text(n);

		if (opt.verbose)
			cli_table_add(t, n->name, n->uuid, address, labels ? labels : "", NULL);
		else
			cli_table_add(t, n->name, address, labels ? labels : "", NULL);
	}
	if (opt.verbose)
		cli_table_uncut(t);
	cli_table_print(t, stdout);
	cli_table_free(t);
	if (list->n_nodes == 0)
		fprintf(stderr, "No nodes are listed that your roles let you see and that match.\n");
}

static json_t *
node_value(const Auth__Node *n)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < n->n_labels; i++)
		json_object_set_new(labels, n->labels[i]->key, json_string(n->labels[i]->value));
	return json_pack("{s:s, s:s, s:{s:s, s:o}, s:{s:s, s:s, s:b, s:s}}", "kind", "node", "version", "v2", "metadata",
	    "name", n->uuid, "labels", labels, "spec", "addr", n->address, "hostname", n->name, "use_tunnel",
	    n->tunnel, "version", n->version);
}

static void
print_values(const Auth__NodeList *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n_nodes; i++)
		json_array_append_new(all, node_value(list->nodes[i]));
	cli_print_value(all, cli_format_from(opt.format), stdout);
	json_decref(all);
}

/* "env=a team=b" and "env=a,team=b" mean the same. */
static int
join_selector(int argc, char **argv, struct buf *b)
{
	for (int i = 0; i < argc; i++)
		buf_printf(b, "%s%s", i ? "," : "", argv[i]);
	return buf_put(b, "", 1) ? 0 : cli_fail("the selector is too long");
}

int
cmd_ls(int argc, char **argv)
{
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	Auth__NodeList *list = NULL;
	struct buf selector;
	struct err e;
	int rc = 1;

	buf_init(&selector, 4096);
	if (!p || join_selector(argc, argv, &selector) != 0)
		goto out;
	if (client_open(&c, p, &e) < 0 ||
	    nodes_list(c, (const char *)buf_head(&selector), opt.search, &list, &e) < 0) {
		rc = cli_fail_err(&e);
		goto out;
	}
	if (strcmp(opt.format, "names") == 0)
		for (size_t i = 0; i < list->n_nodes; i++)
			puts(list->nodes[i]->name);
	else if (strcmp(opt.format, "text") == 0)
		print_text(list);
	else
		print_values(list);
	rc = 0;
out:
	client_free_reply(list);
	client_free(c);
	profile_free(p);
	buf_done(&selector);
	return rc;
}
