/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh ls: the nodes that the user may see.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/out.h"
#include "tsh/tsh.h"
#include "view/nodes.h"

static struct {
	const char *format, *search;
	bool verbose;
} opt = { .format = "text" };

const struct cli_option cmd_ls_options[] = {
	{ 'f', "format", "text|json|yaml|names", "output format", CLI_CHOICE, &opt.format },
	{ 'v', "verbose", NULL, "also the UUIDs, and labels in full", CLI_FLAG, &opt.verbose },
	{ 0, "search", "TEXT", "only nodes whose name or labels contain the text", CLI_STRING,
	    &opt.search },
	{ 0 },
};

static void
print_text(const Auth__NodeList *list)
{
	struct cli_table *t = opt.verbose
	    ? cli_table_new("Node Name", "Node ID", "Address", "Labels", NULL)
	    : cli_table_new("Node Name", "Address", "Labels", NULL);

	for (size_t i = 0; i < list->n_nodes; i++) {
		const Auth__Node *n = list->nodes[i];
		const char *address = nodes_address_text(n);
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
		/* On stderr: a script that reads the table gets an empty one. */
		fprintf(stderr,
		    "No nodes are listed that your roles let you see and that match.\n");
}

static void
print_values(const Auth__NodeList *list)
{
	json_t *all = nodes_value(list);

	cli_print_value(all, cli_format_from(opt.format), stdout);
	json_decref(all);
}

int
cmd_ls(int argc, char **argv)
{
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	Auth__NodeList *list = NULL;
	_cleanup_free_ char *selector = nodes_selector(argc, argv);
	struct err e;
	int rc = 1;

	if (!p)
		goto out;
	if (client_open(&c, p, &e) < 0 ||
	    nodes_list(c, &(const struct nodes_query){ .selector = selector, .search = opt.search },
		&list, &e) < 0) {
		rc = tsh_call_failed(p, c, &e);
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
	return rc;
}
