/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_client: what daemons ask authd, without blocking. (tsh and tctl: api/client.h.)
 * One channel; every function starts one call and `done` comes from the loop, once, also when it fails.
 */
#ifndef API_AUTH_CLIENT_H
#define API_AUTH_CLIENT_H

#include "base/err.h"
#include "event/loop.h"
#include "proto/auth.pb-c.h"
#include "rpc/rpc.h"

struct auth_client;

struct auth_client_config {
	struct loop *loop;
	struct rpc_loop *rl;
	const char *target; /* HOST:PORT of authd, or of a proxy's public port, or "unix:/path" */
	const char *server_name; /* join_identity.auth_server; NULL for unix: */
	struct rpc_identity *identity;
};

int
auth_client_new(struct auth_client **ret, const struct auth_client_config *config, struct err *e);
/* Calls under way end without their done; watches must be freed before. */
void auth_client_free(struct auth_client *c);

/* code RPC_OK: why is "". The reply is the message of the method, valid until done returns. */
typedef void auth_done_fn(enum rpc_code code, const char *why, void *arg);
typedef void auth_heartbeat_fn(enum rpc_code code, const char *why,
    const Auth__HeartbeatReply *reply, void *arg);
typedef void
auth_identity_fn(enum rpc_code code, const char *why, const Auth__HostIdentity *reply, void *arg);
typedef void
auth_invite_fn(enum rpc_code code, const char *why, const Auth__InviteInfo *reply, void *arg);
typedef void
auth_ping_fn(enum rpc_code code, const char *why, const Auth__PingReply *reply, void *arg);

/* Nodes, every 30 s and when something changed. */
void auth_heartbeat(struct auth_client *c, const Auth__HeartbeatRequest *q, auth_heartbeat_fn *done,
    void *arg);
/* Nodes and proxies at a clean stop: they are not listed any more. */
void auth_leave(struct auth_client *c, auth_done_fn *done, void *arg);
/* Proxies, with every (re)connection of their watch. */
void
auth_hello_proxy(struct auth_client *c, const Auth__ProxyHello *q, auth_done_fn *done, void *arg);
/* Proxies, before a connection that they pass on to authd carries its first byte. */
void auth_note_origin(struct auth_client *c, const Auth__Origin *q, auth_done_fn *done, void *arg);
/* The invite page. */
void auth_get_invite(struct auth_client *c, const char *token, auth_invite_fn *done, void *arg);
void auth_complete_invite(struct auth_client *c, const Auth__CompleteInviteRequest *q,
    auth_done_fn *done, void *arg);
void auth_ping(struct auth_client *c, auth_ping_fn *done, void *arg);
void
auth_renew(struct auth_client *c, const Auth__RenewRequest *q, auth_identity_fn *done, void *arg);

/* --- the watch: one stream, kept up for ever ----------------------------------------------- */

struct auth_watch;

struct auth_watch_events {
	/* A stream begins: what came before and is not named again until `complete` is gone. */
	void (*begin)(void *arg);
	void (*update)(const Auth__WatchUpdate *update, void *arg); /* also `complete` */
	/* The stream is down; it is tried again by itself (0.2 s to 5 s, jittered). May be NULL. */
	void (*lost)(enum rpc_code code, const char *why, void *arg);
};

int auth_watch_new(struct auth_watch **ret, struct auth_client *c, const Auth__WatchRequest *q,
    const struct auth_watch_events *events, void *arg);
void auth_watch_free(struct auth_watch *w); /* NULL is fine */

#endif
