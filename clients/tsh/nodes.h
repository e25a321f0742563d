/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: the nodes that the user's roles let him see.
 */
#ifndef TSH_NODES_H
#define TSH_NODES_H

#include <stddef.h>

#include "api/client.h"
#include "base/err.h"

/* Nodes that match a selector "k=v,k2=v2" (NULL or "": all), sorted by name. Free with client_free_reply. */
int nodes_list(struct client *c, const char *selector, const char *search, Auth__NodeList **ret, struct err *e);
/* "env=example,team=x", sorted by key. Caller frees; NULL without memory. */
char *nodes_labels_text(const Auth__Node *node);

#endif
