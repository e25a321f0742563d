/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: the reverse tunnel: an SSH connection to proxyd that is dialled from here and kept up;
 * through it proxyd opens a channel for every client.
 */
#ifndef NODE_TUNNEL_H
#define NODE_TUNNEL_H

#include "node/node.h"
#include "node/serve.h"

struct tunnel;

/* Dials at once. */
int tunnel_new(struct tunnel **ret, struct node *n, struct err *e);
void tunnel_free(struct tunnel *t); /* NULL is fine */
/* Certificates or authorities changed: what is up stays, the next dial uses them. */
void tunnel_set_identity(struct tunnel *t, struct host *host);
/* Hosts were cut off: the tunnel ends when the proxy that holds it is one of them. */
void tunnel_review(struct tunnel *t);
/* No more clients: a clean stop. The loop must turn until it is closed before tunnel_free. */
void tunnel_close(struct tunnel *t);
bool tunnel_is_closed(const struct tunnel *t);
bool tunnel_is_up(const struct tunnel *t); /* NULL: no */

#endif
