/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token: what lets a daemon join: 128 random bits, for one kind, a number of times, until a moment.
 * Only the SHA-256 of a token is kept, and its first eight digits for people; therefore lists can
 * never show one. Called by rpc_tokens.c and join.c; touches the store.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdint.h>

#include "auth/values.h"
#include "crypto/sha256.h"

struct auth;

enum {
	TOKEN_TEXT_SIZE = 129,
	TOKEN_ID_SIZE = 9,
	TOKEN_KEY_SIZE = SHA256_HEX_SIZE,
	TOKEN_VALUE_MIN = 32, /* of a value that the caller chose */
	TOKEN_TTL_S = 1800,
	TOKEN_TTL_MAX_S = 30 * 86400,
	TOKEN_USES_MAX = 10000,
	TOKEN_NAMES_MAX = 16,
	TOKEN_KEEP_S = 86400, /* how long a useless one is remembered, to say why it is refused */
};

struct token {
	char id[TOKEN_ID_SIZE];
	char kind[8]; /* "node", "proxy", "audit" */
	int64_t expires_ms;
	uint32_t uses_left;
	struct labels labels;
	struct names
	    names; /* patterns: what a host that joins with it may be called; none: anything */
	int64_t created_ms;
	char created_by[NAME_LEN_MAX + 1];
	/* SHA-256 of the token, hexadecimal. A plain hash will do: a token has 128 bits of randomness, or at least 32
	 * characters, so there is nothing to guess at. */
	char key[TOKEN_KEY_SIZE];
	int64_t forget_ms; /* when the record goes */
	uint64_t revision;
};

struct token_spec {
	const char *kind;
	int64_t ttl_s; /* 0: TOKEN_TTL_S */
	uint32_t uses; /* 0: 1 */
	struct labels *labels;
	const char *value; /* "": random */
	const char *by;
	const struct names *names; /* patterns for the names of hosts; NULL: any */
};

bool token_kind_is_good(const char *kind); /* "node", "proxy", "audit" */

/* Fills *ret (emptied by token_done) and the token itself. AUTH_E_INVALID, AUTH_E_EXISTS. */
int token_add(struct auth *a, const struct token_spec *spec, struct token *ret,
    char value[TOKEN_TEXT_SIZE], struct err *e);
void token_done(struct token *t);
/* By the token itself or by its id when that is unique. */
int token_remove(struct auth *a, const char *token_or_id, struct token *ret, struct err *e);
bool token_is_usable(struct auth *a, const struct token *t);

/* Takes one use; inside the caller's transaction, so that a join that fails later costs none.
 * *ret is filled as far as the token is known (for the audit trail). AUTH_E_NOT_FOUND wrong,
 * AUTH_E_STATE used up or expired, AUTH_E_DENIED of another kind. */
int
token_use(struct auth *a, const char *value, const char *kind, struct token *ret, struct err *e);

#endif
