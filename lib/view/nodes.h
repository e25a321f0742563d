/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: the nodes that the user's roles let him see: asked for and shown, for tsh and tctl.
 */
#ifndef VIEW_NODES_H
#define VIEW_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "api/client.h"
#include "base/err.h"
#include "proto/auth.pb-c.h"

struct nodes_query {
	const char *selector; /* "k=v,k2=v2"; NULL or "": all */
	const char *search;   /* in names and labels; NULL or "": no matter */
	bool offline;         /* those that are not there, for whoever may delete nodes */
};
/* Nodes that match, sorted by name. Free with client_free_reply. */
int
nodes_list(struct client *c, const struct nodes_query *what, Auth__NodeList **ret, struct err *e);
/* The words of a command line as one selector: "a=b c=d" as "a=b,c=d". Caller frees; NULL without memory. */
char *nodes_selector(int argc, char **argv);
/* "env=example,team=x", sorted by key. Caller frees; NULL without memory. */
char *nodes_labels_text(const Auth__Node *node);
/* "⟵ Tunnel", or the address of a node that listens. */
const char *nodes_address_text(const Auth__Node *node);
/* All of them as one JSON array. */
json_t *nodes_value(const Auth__NodeList *list);

#endif
