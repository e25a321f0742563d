/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_token: what lets a program call through the JSON API: a web session that is no person's, with roles of its own, until
 * it expires or is removed. Its holder is called "api:" and the first digits of the token's SHA-256, which no user can be
 * called; rules, locks and events know it by that name. Called by rpc_tokens.c, access.c, rights.c and role.c; touches web
 * sessions.
 */
#ifndef AUTH_API_TOKEN_H
#define AUTH_API_TOKEN_H

#include "auth/user.h"
#include "auth/web_session.h"

struct rpc_peer;

enum {
	API_TOKENS_MAX = 200,
	API_TOKEN_TTL_S = 30 * 86400,
	API_TOKEN_ID_LEN = WEB_SESSION_API_ID_LEN, /* digits of the key, for people */
};

struct api_token_spec {
	const struct names *roles; /* at least one; that exist */
	int64_t ttl_s;             /* 0: API_TOKEN_TTL_S */
	const char
	    *by; /* a user, or the holder of a token, with whom it ends; "": root on this host */
};

/* Checked, and as whom it would call, for rights.h: lent from the spec. AUTH_E_INVALID, AUTH_E_NOT_FOUND (a role). */
int
api_token_check(struct auth *a, const struct api_token_spec *spec, struct user *ret, struct err *e);
/* Writes the token; *ret is the cache's. Also AUTH_E_STATE: there are too many. One that a
 * token makes expires with it at the latest. */
int api_token_add(struct auth *a, const struct api_token_spec *spec,
    char token[WEB_SESSION_TOKEN_SIZE], const struct web_session **ret, struct err *e);
/* All of them, by their keys. Returns how many. */
size_t api_tokens(struct auth *a, const struct web_session *ret[API_TOKENS_MAX]);
/* By the token itself, or its id. NULL: there is none, or two have the id. */
const struct web_session *api_token_find(struct auth *a, const char *token_or_id);
/* To be ended: those whose makers are gone or could not make them any more (rights_of_maker), and what such tokens made. Of
 * what cannot be read nobody is gone. Returns how many; each is lent until it is ended. */
size_t api_tokens_orphaned(struct auth *a, const struct web_session *ret[API_TOKENS_MAX]);
/* The same: those that the user made, and what these made. */
size_t api_tokens_made_by(struct auth *a, const char *user,
    const struct web_session *ret[API_TOKENS_MAX]);
/* fn answers 0 to go on; the holder is lent. As resource_each, of all holders. */
int api_token_each(struct auth *a, int (*fn)(const void *user, void *arg), void *arg);

/* As user_load: a user, or the holder of a token, by his name. user_done in any case. */
int api_token_person(struct auth *a, const char *name, struct user *ret, struct err *e);
/* The same for the peer of a call: of a token by its whole key. */
int
api_token_caller(struct auth *a, const struct rpc_peer *peer, struct user *ret, struct err *e);

#endif
