/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_session: what a login in a browser gives: a token of 256 random bits, of which only the SHA-256 is kept, with whose
 * it is and until when. All in memory and in the store. Called by web_login.c (making), access.c (who calls), rpc_web.c
 * and whoever takes something away from a user; touches the store, from where proxies and audit daemons hear of it.
 *
 * A session is worth something as long as it is here, has not expired, and no cut-off of its user came after it: that is
 * looked at with every call (access.c). So what ends a user's certificates ends his sessions too, also where the record
 * could not be removed.
 */
#ifndef AUTH_WEB_SESSION_H
#define AUTH_WEB_SESSION_H

#include <stdint.h>

#include "auth/resource.h"
#include "auth/values.h"
#include "net/addr.h"
#include "rpc/rpc.h"

struct auth;

enum {
	WEB_SESSIONS_OF_ONE = 16, /* then the oldest goes */
	WEB_SESSION_TTL_MAX_S = 12 * 3600,
	WEB_SESSION_API_TTL_MAX_S = 366 * 86400,
	/* As lib/rpc has them, which reads tokens of metadata. */
	WEB_SESSION_TOKEN_SIZE = RPC_SESSION_TOKEN_SIZE,
	WEB_SESSION_KEY_SIZE = RPC_SESSION_KEY_SIZE,
	WEB_SESSION_ID_LEN = RPC_SESSION_ID_LEN, /* digits of the key, for people and events */
	WEB_SESSION_BROWSER_SIZE = 201,
	WEB_SESSION_API_ID_LEN = 8, /* of an API token, in the name of its holder */
};

struct web_session {
	char key[WEB_SESSION_KEY_SIZE]; /* SHA-256 of the token, hexadecimal */
	char user[NAME_LEN_MAX + 1];
	int64_t created_ms, expires_ms;
	int64_t
	    valid_after_s; /* when a certificate would begin that was made with it: for cut-offs */
	char address[ADDR_TEXT_SIZE]; /* of the browser at the login */
	char browser[WEB_SESSION_BROWSER_SIZE];
	bool pinned; /* a role wanted that: good from that address alone */
	bool api;    /* an API token (api_token.h): no user's, and with what follows */
	struct names roles;
	char created_by[NAME_LEN_MAX + 1];
	uint64_t revision;
};
/* Of the names of those who hold API tokens: no user can be called that. */
#define WEB_SESSION_API_PREFIX "api:"
/* Whether that is the name of one. */
bool web_session_is_api(const char *name);

struct web_session_spec {
	const char *user;
	const char *address, *browser; /* cut where they are too long */
	bool pinned;                   /* to the address */
	int64_t expires_s;             /* at most WEB_SESSION_TTL_MAX_S from now */
	const struct names *roles; /* an API token with these; user is not looked at; NULL: none */
	const char *by;            /* who makes that */
	char *
	    ret_ended; /* NULL, or WEB_SESSION_ID_LEN + 1 bytes: the id of the oldest, if it had to go */
};
/* Writes the token. *ret is the cache's. An API token's holder has a name that no other one has. AUTH_E_STATE: there are too
 * many in all. */
int web_session_new(struct auth *a, const struct web_session_spec *spec,
    char token[WEB_SESSION_TOKEN_SIZE], const struct web_session **ret, struct err *e);
/* NULL: there is none of that key (any more). Lent until the next change. */
const struct web_session *web_session_find(struct auth *a, const char *key);
/* Of a key, lent: the first WEB_SESSION_ID_LEN digits. */
struct span web_session_id(const char *key);

/* The user's, oldest first. Returns how many. */
size_t web_sessions_of(struct auth *a, const char *user,
    const struct web_session *ret[WEB_SESSIONS_OF_ONE]);
/* In memory in any case. Negative: it is still on the disk. AUTH_E_NOT_FOUND. */
int web_session_end(struct auth *a, const char *key, struct err *e);
/* It goes on although its user was just cut off: who asked for that asked in it. Failures are logged. */
void web_session_outlive(struct auth *a, const char *key);
/* All of the user's but that one (NULL: all); failures are logged. After the cut-off, outside of any transaction. */
void web_sessions_end(struct auth *a, const char *user, const char *but);

#endif
