/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: the nodes that keep a connection to us, by the UUID in their certificate.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "event/loop.h"
#include "proxy/events.h"
#include "replica/replica.h"
#include "ssh/loop.h"

struct tunnels;
struct tunnel;

int tunnels_new(struct tunnels **ret, const struct replica *replica, struct audit_log *audit);
void tunnels_free(struct tunnels *ts); /* after every link has ended */

/* The link has logged in as the node. An older tunnel of the same node is closed. Belongs to the
 * link's owner, who calls tunnel_end when the link has ended. NULL: no memory. */
struct tunnel *
tunnel_new(struct tunnels *ts, const char *uuid, struct ssh_link *link, const char *peer);
void tunnel_end(struct tunnel *t, const char *why);

/* The connection over which the node can be reached, or NULL. */
struct ssh *tunnels_find(const struct tunnels *ts, const char *uuid);
bool tunnels_has(const char *uuid, void *tunnels); /* in the shape that resolve.h asks for */
/* Ends a connection, of a node or a person, and tells the other side why. */
void tunnel_hang_up(struct ssh_link *link, const char *why);
size_t tunnels_count(const struct tunnels *ts);

#endif
