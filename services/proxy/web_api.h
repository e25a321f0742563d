/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_api: the JSON API under /v1/webapi (docs/WEBAPI.md): requests of browsers as calls of authd and auditd, made on
 * behalf of whoever's session the cookie names. The table is web_api.def; web.c has the routes in its own.
 *
 * Nothing is decided here: authd and auditd see the person, not the proxy. What this file sees to is what they cannot
 * see: that a page of ours asks, how often and how much at once, and that an answer has a bound.
 */
#ifndef PROXY_WEB_API_H
#define PROXY_WEB_API_H

#include "base/err.h"
#include "http/server.h"
#include "proxy/web_share.h"

struct loop;
struct replica;
struct rpc_client;
struct web_api;

enum { WEB_API_BODY_MAX = 64 * 1024 };

/* All of it outlives the API. */
struct web_api_config {
	struct loop *loop;
	/* plays: auditd too, for its recordings. Both NULL: this proxy knows no auditd. */
	struct rpc_client *auth, *audit, *plays;
	const struct replica *replica;
};
/* Negative: no memory. */
int web_api_new(struct web_api **ret, const struct web_api_config *config);
/* NULL is fine. After the HTTP server has gone, before the clients do. */
void web_api_free(struct web_api *api);

/* A request of somebody's web session that does not come by way of these handlers, as one of theirs. False: there were too many
 * in a short time. Whether the session may be used from there is the caller's to ask: if not, only the address pays. */
bool web_api_may_ask(struct web_api *api, const struct addr *peer, const char *key);

/* The same for a recording's place among those that are played. who: whose it is, to be given back. False: there is none, for
 * which web_api_many_plays has the words. */
bool web_api_take_play(struct web_api *api, const char *key, char who[WEB_SHARE_WHO_SIZE]);
void web_api_drop_play(struct web_api *api, const char *who);
extern const char web_api_many_plays[];

/* The handlers: one a row of the table, as web_api_list_nodes; arg: struct web. */
#define WEB_API(service, method, ...) http_handler_fn web_api_##method;
#include "proxy/web_api.def"
#undef WEB_API

#endif
