/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_rights: the watch on authd that fills rights.h, keeps what came in a file, and cuts off who
 * was cut off.
 */
#ifndef NODE_RPC_RIGHTS_H
#define NODE_RPC_RIGHTS_H

#include "node/node.h"

struct rights_feed;

/* Loads the file of the last run. */
int rights_feed_new(struct rights_feed **ret, struct node *n, struct err *e);
/* Begins to watch; n->auth is there. */
int rights_feed_start(struct rights_feed *f, struct err *e);
void rights_feed_free(struct rights_feed *f); /* before n->auth; NULL is fine */

#endif
