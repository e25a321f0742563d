/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl nodes: ls, label, rm.
 */
#include <stdlib.h>
#include <string.h>

#include "api/label.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "tctl/labels.h"
#include "tctl/tctl.h"
#include "view/nodes.h"

static struct {
	const char *format, *search;
	bool verbose, offline;
} opt = { .format = "text" };

static const struct cli_option ls_options[] = {
	{ 'f', "format", CLI_FORMATS "|names", "output format", CLI_CHOICE, &opt.format },
	{ 'v', "verbose", NULL, "versions, and labels in full", CLI_FLAG, &opt.verbose },
	{ 0, "offline", NULL, "instead: those that joined and give no sign of life", CLI_FLAG,
	    &opt.offline },
	{ 0, "search", "TEXT", "only nodes whose name or labels contain the text", CLI_STRING,
	    &opt.search },
	{ 0 },
};

/* With the version of noded, and "too old" where it is. */
static void
add_verbose(struct cli_table *t, const Auth__Node *n, const char *labels)
{
	char version[100];

	(void)str_format(version, sizeof version, "%s%s", n->version,
	    n->too_old ? " (too old: upgrade)" : "");
	cli_table_add(t, n->name, n->uuid, nodes_address_text(n), version, labels, NULL);
}

/* Labels are cut to the terminal's width, unless --verbose. */
static void
print_text(const Auth__NodeList *list)
{
	struct cli_table *t = opt.verbose
	    ? cli_table_new("Nodename", "UUID", "Address", "Version", "Labels", NULL)
	    : cli_table_new("Nodename", "UUID", "Address", "Labels", NULL);

	for (size_t i = 0; i < list->n_nodes; i++) {
		const Auth__Node *n = list->nodes[i];
		_cleanup_free_ char *labels = nodes_labels_text(n);

		if (opt.verbose)
			add_verbose(t, n, labels ? labels : "");
		else
			cli_table_add(t, n->name, n->uuid, nodes_address_text(n),
			    labels ? labels : "", NULL);
	}
	if (opt.verbose)
		cli_table_uncut(t);
	cli_table_print(t, stdout);
	cli_table_free(t);
}

static int
list_nodes(struct client *c, void *arg, struct err *e)
{
	const struct nodes_query what = { .selector = arg,
		.search = opt.search,
		.offline = opt.offline };
	Auth__NodeList *list = NULL;

	if (nodes_list(c, &what, &list, e) < 0)
		return -1;
	if (strcmp(opt.format, "text") == 0)
		print_text(list);
	else if (strcmp(opt.format, "names") == 0)
		for (size_t i = 0; i < list->n_nodes; i++)
			puts(list->nodes[i]->name);
	else
		tctl_print(nodes_value(list), opt.format);
	client_free_reply(list);
	return 0;
}

static int
ls(int argc, char **argv)
{
	_cleanup_free_ char *selector = nodes_selector(argc, argv);

	return tctl_run(list_nodes, selector);
}

/* KEY=VALUE sets, KEY- takes away, as people know it. */
static int
label(int argc, char **argv)
{
	Auth__LabelsRequest q = AUTH__LABELS_REQUEST__INIT;
	struct policy_label set[TCTL_LABELS_MAX];
	struct arena arena;
	char *removed[TCTL_LABELS_MAX];
	struct client *c;
	struct err e;
	int rc;

	for (int i = 1; i < argc && i < TCTL_LABELS_MAX; i++) {
		char *eq = strchr(argv[i], '='), *end = argv[i] + strlen(argv[i]) - 1;

		/* Taken apart in place: argv is ours. */
		if (eq && eq != argv[i]) {
			*eq = '\0';
			set[q.n_set++] = (struct policy_label){ argv[i], eq + 1 };
		} else if (end > argv[i] && *end == '-') {
			*end = '\0';
			removed[q.n_remove++] = argv[i];
		} else {
			return cli_fail(
			    "%s is not a label; write KEY=VALUE to set it, KEY- to remove it",
			    argv[i]);
		}
	}
	/* Name or UUID: authd finds it, and refuses a name that several have. */
	q.node = argv[0];
	q.remove = (const char **)removed;
	if (!(c = tctl_client()))
		return 1;
	arena_init(&arena, TCTL_LABELS_ARENA);
	q.set = api_labels(&arena, (struct policy_labels){ set, q.n_set });
	rc = !q.set                                     ? cli_fail("out of memory")
	    : auth_sync_label_node(c, &q, NULL, &e) < 0 ? cli_fail_err(&e)
							: 0;
	if (rc == 0)
		printf("Labels of node \"%s\" have been changed\n", argv[0]);
	arena_done(&arena);
	client_free(c);
	return rc;
}

static int
rm(int argc, char **argv)
{
	int rc = tctl_by_name(auth_sync_remove_node, argv[0]);

	(void)argc;
	if (rc == 0)
		printf("Node \"%s\" has been deleted; it can come back only with a new token\n",
		    argv[0]);
	return rc;
}

const struct cli_command cmd_nodes_sub[] = {
	{ .name = "ls",
	    .args = "[LABEL=VALUE,...]",
	    .summary = "list nodes",
	    .options = ls_options,
	    .max_args = -1,
	    .run = ls },
	{ .name = "label",
	    .args = "NODE KEY=VALUE|KEY-...",
	    .summary = "set or remove labels from the server's side",
	    .min_args = 2,
	    .max_args = TCTL_LABELS_MAX,
	    .run = label },
	{ .name = "rm",
	    .args = "NODE",
	    .summary = "delete a node and refuse its certificates",
	    .min_args = 1,
	    .max_args = 1,
	    .run = rm },
	{ 0 },
};
