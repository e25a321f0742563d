/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: keeps the roster as authd has it, and a copy of it on disk, so that a proxyd that
 * starts while authd is away knows the cluster as it was.
 */
#ifndef PROXY_RPC_WATCH_H
#define PROXY_RPC_WATCH_H

#include "api/auth_watch.h"
#include "api/join.h"
#include "proxy/roster.h"

struct rpc_watch;

struct rpc_watch_config {
	struct loop *loop;
	struct roster *roster;
	struct join *join; /* takes new CA bundles */
	struct rpc_client *auth;
	const char *cache_path;             /* copied; the other texts are not */
	const char *public_addr, *ssh_addr; /* told to authd with every connection */
};

/* Reads the copy on disk, then watches. */
int rpc_watch_new(struct rpc_watch **ret, const struct rpc_watch_config *config, struct err *e);
/* Writes the copy if it is behind. */
void rpc_watch_free(struct rpc_watch *w);
/* For roster_events.changed: the copy is behind; it is written a second later. */
void rpc_watch_roster_changed(struct rpc_watch *w);

#endif
