/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: see tunnel.h. Called by gate.c and proxy.c.
 *
 * A tunnel is registered as soon as its node has logged in, even when authd has not named the node yet: nobody can
 * reach it before that, since names are resolved in the roster. If it is still not named a while later, it is one that
 * was removed.
 */
#include "proxy/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

enum { UUID_SIZE = 37, CLOSE_GRACE_MS = 1000, UNNAMED_MS = 10 * 1000, SWEEP_MS = 2000 };

struct tunnel {
	struct tunnels *all;
	struct list unnamed; /* in tunnels.unnamed while the roster does not have it */
	struct ssh_link *link;
	int64_t since_ms;
	char uuid[UUID_SIZE];
	char *peer;
};

struct tunnels {
	struct loop *loop;
	const struct roster *roster;
	struct audit_log *audit;
	struct map *by_uuid; /* the newest tunnel of each node */
	struct list unnamed;
	struct timer sweep;
};

static void
tunnel_record(const struct tunnel *t, const char *type, const char *code, const char *why)
{
	const struct roster_node *node = roster_node(t->all->roster, t->uuid);
	struct record r = { .type = type, .code = code, .ok = true, .node = t->uuid,
		.node_name = node ? node->name : NULL, .remote_addr = t->peer, .message = why };

	record_write(t->all->audit, &r);
}

/* Those that authd has named leave the list; those that it has had time to name and did not are cut. */
static void
on_sweep(void *arg)
{
	struct tunnels *ts = arg;
	int64_t now_ms = loop_now_ms(ts->loop);

	list_each (struct tunnel, t, &ts->unnamed, unnamed) {
		if (roster_node(ts->roster, t->uuid)) {
			list_del(&t->unnamed);
		} else if (roster_is_synced(ts->roster) && now_ms - t->since_ms >= UNNAMED_MS) {
			list_del(&t->unnamed);
			log_warn("tunnel of a node that the cluster does not know", "node", t->uuid, "peer", t->peer, NULL);
			ssh_link_close(t->link, "this node was removed from the cluster; join it again with a new token",
			    CLOSE_GRACE_MS);
		}
	}
	if (list_empty(&ts->unnamed))
		timer_stop(&ts->sweep);
}

int
tunnels_new(struct tunnels **ret, struct loop *loop, const struct roster *roster, struct audit_log *audit)
{
	struct tunnels *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return -1;
	ts->loop = loop;
	ts->roster = roster;
	ts->audit = audit;
	list_init(&ts->unnamed);
	ts->by_uuid = map_new();
	if (!ts->by_uuid || timer_init(&ts->sweep, loop, on_sweep, ts) < 0) {
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
	timer_done(&ts->sweep);
	free(ts);
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
	t->since_ms = loop_now_ms(ts->loop);
	t->peer = strdup(peer);
	list_init(&t->unnamed);
	if (!t->peer || !str_copy(t->uuid, sizeof(t->uuid), uuid) || !map_put(ts->by_uuid, uuid, t, &old)) {
		free(t->peer);
		free(t);
		return NULL;
	}
	if (old) {
		struct tunnel *older = old;

		log_info("tunnel replaced by a newer one", "node", uuid, "old", older->peer, "new", peer, NULL);
		ssh_link_close(older->link, "replaced by a newer connection of the same node", CLOSE_GRACE_MS);
	}
	if (!roster_node(ts->roster, uuid)) {
		list_add(&ts->unnamed, &t->unnamed);
		timer_repeat(&ts->sweep, SWEEP_MS);
	}
	log_info("tunnel up", "node", uuid, "peer", peer, NULL);
	tunnel_record(t, "tunnel.up", "TT001I", NULL);
	return t;
}

void
tunnel_end(struct tunnel *t, const char *why)
{
	if (map_get(t->all->by_uuid, t->uuid) == t)
		(void)map_del(t->all->by_uuid, t->uuid);
	list_del(&t->unnamed);
	log_info("tunnel down", "node", t->uuid, "peer", t->peer, "why", why, NULL);
	tunnel_record(t, "tunnel.down", "TT002I", why);
	free(t->peer);
	free(t);
}

const char *
tunnel_uuid(const struct tunnel *t)
{
	return t->uuid;
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

void
tunnels_cut(struct tunnels *ts, const char *uuid, const char *why)
{
	struct tunnel *t = map_get(ts->by_uuid, uuid);

	if (t)
		ssh_link_close(t->link, why, CLOSE_GRACE_MS);
}

size_t
tunnels_count(const struct tunnels *ts)
{
	return map_count(ts->by_uuid);
}
