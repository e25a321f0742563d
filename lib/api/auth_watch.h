/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_watch: the stream of changes from authd, for daemons: one stream, kept up for ever. (One call to authd:
 * "proto/auth.async.h".)
 */
#ifndef API_AUTH_WATCH_H
#define API_AUTH_WATCH_H

#include "base/err.h"
#include "proto/auth.pb-c.h"
#include "rpc/rpc.h"

struct auth_watch;

struct auth_watch_events {
	/* A stream is about to be asked for: fills in the kinds, and from where to go on. The texts must last until it
	 * returns to the loop. */
	void (*ask)(Auth__WatchRequest *q, void *arg);
	/* Its first message has come. May be NULL. */
	void (*begin)(void *arg);
	void (*update)(const Auth__WatchUpdate *update, void *arg);
	/* The stream is down; it is tried again by itself (0.2 s to 5 s, jittered). May be NULL. */
	void (*lost)(enum rpc_code code, const char *why, void *arg);
};

int auth_watch_new(struct auth_watch **ret, struct rpc_client *c,
    const struct auth_watch_events *events, void *arg);
/* Ends the stream and asks anew. */
void auth_watch_again(struct auth_watch *w);
/* Before the client is freed. */
void auth_watch_free(struct auth_watch *w); /* NULL is fine */

#endif
