/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin: who is behind a proxy's connections. In memory; a restart of authd ends those connections
 * anyway.
 */
#include "auth/origin.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/map.h"
#include "base/str.h"
#include "rpc/rpc.h"

enum { TEXT_SIZE = ADDR_TEXT_SIZE + 8 };

struct noted {
	struct addr client;
	int64_t at_ms;
};

bool
origins_init(struct origins *o)
{
	o->by_via = map_new();
	return o->by_via != NULL;
}

void
origins_done(struct origins *o)
{
	size_t pos = 0;
	void *n;

	if (!o->by_via)
		return;
	while (map_next(o->by_via, &pos, NULL, &n))
		free(n);
	map_free(o->by_via);
	o->by_via = NULL;
}

static bool
addr_of(struct addr *ret, const char *text)
{
	char host[128];
	uint16_t port;

	return str_host_port(text, 0, host, sizeof(host), &port) && port > 0 &&
	    addr_parse(ret, host, port);
}

bool
origin_note(struct auth *a, const char *peer_address, const char *via, const char *client)
{
	struct addr proxy, from, to;
	struct noted *n;
	char key[TEXT_SIZE];
	void *old = NULL;

	/* A proxy may say whose connections come from its own address, and nobody else's. */
	if (!rpc_peer_addr(peer_address, &proxy) || !addr_of(&from, via) || !addr_of(&to, client) ||
	    strcmp(proxy.ip, from.ip) != 0)
		return false;
	addr_text(&from, key, sizeof(key));
	if (map_count(a->origins.by_via) >= ORIGINS_MAX && !map_get(a->origins.by_via, key))
		return false;
	n = calloc(1, sizeof(*n));
	if (!n)
		return false;
	*n = (struct noted){ to, a->now_ms() };
	if (!map_put(a->origins.by_via, key, n, &old)) {
		free(n);
		return false;
	}
	free(old);
	return true;
}

static bool
is_proxys(struct auth *a, const char *ip)
{
	struct host *n;
	size_t pos = 0;

	while (host_next(a, &pos, &n))
		if (strcmp(n->kind, "proxy") == 0 && n->remote[0] && strcmp(n->remote, ip) == 0)
			return true;
	return false;
}

static void
of_connection(struct auth *a, const char *peer_address, struct origin *ret)
{
	const struct noted *n;
	char key[TEXT_SIZE];

	*ret = (struct origin){ 0 };
	if (!rpc_peer_addr(peer_address, &ret->at))
		return;
	addr_text(&ret->at, key, sizeof(key));
	n = map_get(a->origins.by_via, key);
	if (n)
		ret->at = n->client;
	else
		/* Through a proxy, and it did not say whose: the address is the proxy's, and says nothing about
		 * the person. */
		ret->hidden = is_proxys(a, ret->at.ip);
}

void
origin_of(struct auth *a, const struct rpc_peer *peer, struct origin *ret)
{
	/* Told with the call itself: it is no connection's. */
	*ret = (struct origin){ 0 };
	if (peer->told)
		(void)rpc_peer_addr(peer->address, &ret->at);
	else
		of_connection(a, peer->address, ret);
}

bool
origin_known(const char *peer_address, struct addr *ret, void *auth)
{
	struct origin o;

	of_connection(auth, peer_address, &o);
	*ret = o.at;
	return !o.hidden;
}

void
origins_sweep(struct auth *a)
{
	int64_t oldest = a->now_ms() - ORIGIN_KEEP_MS;
	size_t pos = 0;
	const char *key;
	void *value;

	while (map_next(a->origins.by_via, &pos, &key, &value)) {
		const struct noted *n = value;

		if (n->at_ms < oldest)
			free(map_del(a->origins.by_via, key));
	}
}
