/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin: where a caller really is. Most people's connections come passed on by a proxy, which
 * tells beforehand whose connection it is; a proxy is believed only about its own connections.
 * Called by rpc_daemons.c (telling) and whoever needs an address: limits, the audit trail, pinned
 * addresses.
 */
#ifndef AUTH_ORIGIN_H
#define AUTH_ORIGIN_H

#include <stdint.h>

#include "net/addr.h"

struct auth;
struct map;
struct rpc_peer;

enum { ORIGINS_MAX = 100000, ORIGIN_KEEP_MS = 30 * 3600 * 1000 };

struct origins {
	struct map *by_via; /* "IP:PORT" as the proxy's connection is seen here */
};

struct origin {
	struct addr at; /* ip "" for the local socket */
	bool hidden;    /* it is a proxy's address, and the proxy did not say for whom */
};

bool origins_init(struct origins *o);
void origins_done(struct origins *o);
/* via, client: "IP:PORT". peer_address: of the proxy that tells. False: malformed, or not its
 * connection. */
bool origin_note(struct auth *a, const char *peer_address, const char *via, const char *client);
/* Of a call's other side. */
void origin_of(struct auth *a, const struct rpc_peer *peer, struct origin *ret);
/* Of a connection, for the server's limits (rpc.h); arg: struct auth. peer_address: as in struct rpc_peer
 * ("ipv4:10.0.0.1:5555"). */
bool origin_known(const char *peer_address, struct addr *ret, void *auth);
/* Forgets what is older than any connection should be. */
void origins_sweep(struct auth *a);

#endif
