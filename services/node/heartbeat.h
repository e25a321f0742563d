/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat: tells authd every 30 s, and when something changed, that this node is here and what it
 * is; says goodbye at a clean stop. rpc_heartbeat.c.
 */
#ifndef NODE_HEARTBEAT_H
#define NODE_HEARTBEAT_H

#include "node/node.h"

struct heartbeat;

int heartbeat_new(struct heartbeat **ret, struct node *n,
    struct err *e);                       /* n->auth is there; the first goes at once */
void heartbeat_free(struct heartbeat *h); /* NULL is fine */
/* The node leaves: no more heartbeats; done(arg) once authd knows, or does not answer. */
void heartbeat_leave(struct heartbeat *h, void (*done)(void *arg), void *arg);

#endif
