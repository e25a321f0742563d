/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: see tunnel.h. Called by ssh_server*.c and start.c.
 *
 * A tunnel is registered as soon as its node has logged in, even when authd has not named the
 * node yet: nobody can reach it before that, since names are resolved in the replica.
 */
#include "proxy/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

enum { UUID_SIZE = 37, CLOSE_GRACE_MS = 1000, DISCONNECT_SERVICE_NOT_AVAILABLE = 7 };

struct tunnel {
	struct tunnels *all;
	struct ssh_link *link;
	char uuid[UUID_SIZE];
	char *peer;
};

struct tunnels {
	const struct replica *replica;
	struct audit_log *audit;
	struct map *by_uuid; /* the newest tunnel of each node */
};

static void
tunnel_note(const struct tunnel *t, enum event_id id, const char *why)
{
	const struct replica_host *node = replica_host(t->all->replica, t->uuid);
	struct audit_event ev = { .id = id,
		.node = span_str(t->uuid),
		.node_name = span_str(node ? node->name : NULL),
		.remote_addr = span_str(t->peer),
		.message = span_str(why) };

	event_put_text(&ev, EVENT_KEY_REASON, why);
	events_write(t->all->audit, &ev);
}

int
tunnels_new(struct tunnels **ret, const struct replica *replica, struct audit_log *audit)
{
	struct tunnels *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return -1;
	ts->replica = replica;
	ts->audit = audit;
	ts->by_uuid = map_new();
	if (!ts->by_uuid) {
		tunnels_free(ts);
		return -1;
	}
	*ret = ts;
	return 0;
}

void
tunnels_free(struct tunnels *ts)
{
	if (!ts)
		return;
	map_free(ts->by_uuid);
	free(ts);
}

void
tunnel_hang_up(struct ssh_link *link, const char *why)
{
	ssh_disconnect(ssh_link_ssh(link), DISCONNECT_SERVICE_NOT_AVAILABLE, why);
	ssh_link_close(link, why, CLOSE_GRACE_MS);
}

struct tunnel *
tunnel_new(struct tunnels *ts, const char *uuid, struct ssh_link *link, const char *peer)
{
	struct tunnel *t = calloc(1, sizeof(*t));
	void *old = NULL;

	if (!t)
		return NULL;
	t->all = ts;
	t->link = link;
	t->peer = strdup(peer);
	if (!t->peer || !str_copy(t->uuid, sizeof(t->uuid), uuid) ||
	    !map_put(ts->by_uuid, uuid, t, &old)) {
		free(t->peer);
		free(t);
		return NULL;
	}
	/* The newer one wins: a node that lost its network dials again long before we notice that the old
	 * connection is dead. */
	if (old) {
		struct tunnel *older = old;

		log_info("tunnel replaced by a newer one", "node", uuid, "old", older->peer, "new",
		    peer, NULL);
		tunnel_hang_up(older->link, "replaced by a newer connection of the same node");
	}
	log_info("tunnel up", "node", uuid, "peer", peer, NULL);
	tunnel_note(t, EVENT_TUNNEL_OPEN, NULL);
	return t;
}

void
tunnel_end(struct tunnel *t, const char *why)
{
	/* A replaced tunnel ends after its successor took its place in the map. */
	if (map_get(t->all->by_uuid, t->uuid) == t)
		(void)map_del(t->all->by_uuid, t->uuid);
	log_info("tunnel down", "node", t->uuid, "peer", t->peer, "cause", why, NULL);
	tunnel_note(t, EVENT_TUNNEL_CLOSE, why);
	free(t->peer);
	free(t);
}

struct ssh *
tunnels_find(const struct tunnels *ts, const char *uuid)
{
	const struct tunnel *t = map_get(ts->by_uuid, uuid);

	return t ? ssh_link_ssh(t->link) : NULL;
}

bool
tunnels_has(const char *uuid, void *tunnels)
{
	return tunnels_find(tunnels, uuid) != NULL;
}

size_t
tunnels_count(const struct tunnels *ts)
{
	return map_count(ts->by_uuid);
}
