/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_node_message: a node as message, for lists and watches. Called by rpc_nodes.c and
 * rpc_watch.c.
 */
#ifndef AUTH_RPC_NODE_MESSAGE_H
#define AUTH_RPC_NODE_MESSAGE_H

#include "auth/host.h"
#include "base/mem.h"
#include "proto/auth.pb-c.h"

/* Texts stay the node's. NULL without memory. */
Auth__Node *node_message(struct arena *arena, const struct host *n);

#endif
