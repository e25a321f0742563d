/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection: see connection.h.
 */
#include "node/monitor/connection.h"

#include <stdlib.h>
#include <string.h>

void
connections_init(struct connections *all)
{
	list_init(&all->list);
	all->n = 0;
}

void
connections_done(struct connections *all)
{
	list_each (struct connection, c, &all->list, link)
		connection_free(all, c);
}

struct connection *
connection_find(struct connections *all, uint32_t id)
{
	list_each (struct connection, c, &all->list, link)
		if (c->id == id)
			return c;
	return NULL;
}

void
connection_free(struct connections *all, struct connection *c)
{
	list_del(&c->link);
	all->n--;
	free(c);
}

bool
connection_is_open(const struct connection *c, int64_t now_ms)
{
	/* The time of a login is counted from the exchange, which the monitor saw itself. */
	return !c->proven && now_ms - c->signed_ms < CONNECTION_GRACE_MS;
}

struct connection *
connection_add(struct connections *all, uint32_t id, const uint8_t session_id[KEX_HASH_LEN],
    int64_t now_ms)
{
	/* Only those that nobody can sign in to any more make room. Never a proven one: strangers
	 * could throw out people. */
	if (all->n >= MONITOR_CONNECTIONS_MAX)
		list_each (struct connection, old, &all->list, link)
			if (!old->proven && !connection_is_open(old, now_ms))
				connection_free(all, old);
	struct connection *c = all->n < MONITOR_CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	c->id = id;
	c->signed_ms = now_ms;
	memcpy(c->session_id, session_id, sizeof(c->session_id));
	list_add(&all->list, &c->link);
	all->n++;
	return c;
}
