/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invite: the one-time link by which somebody sets password and second factor, the first time or
 * again. Called by rpc_users.c (making links) and rpc_invite.c (the page); touches the store and
 * the pool of threads.
 */
#ifndef AUTH_INVITE_H
#define AUTH_INVITE_H

#include <stdint.h>

#include "auth/user.h"
#include "crypto/sha256.h"
#include "crypto/webauthn.h"

struct auth;
struct ticket;

enum {
	INVITE_TOKEN_SIZE = 33, /* 32 hexadecimal digits */
	INVITE_KEY_SIZE = SHA256_HEX_SIZE,
	INVITE_TTL_S = 3600,
	INVITE_RESET_TTL_S = 8 * 3600,
	INVITE_TTL_MAX_S = 48 * 3600,
	INVITE_RESET_TTL_MAX_S = 24 * 3600,
	INVITE_TRIES_MAX = 10,
};

struct invite {
	char user[NAME_LEN_MAX + 1];
	int64_t expires_ms;
	bool reset;
	uint8_t seed[SEED_SEALED_BYTES]; /* sealed */
	bool has_totp;
	uint32_t tries;
	char maker[NAME_LEN_MAX + 1]; /* user who made it; "": root on authd's host */
	char key[INVITE_KEY_SIZE];    /* SHA-256 of the token, hexadecimal */
	uint64_t revision;
};

struct invite_spec {
	const char *user; /* who exists */
	bool reset;
	int64_t ttl_s;     /* 0: the default */
	const char *maker; /* as in struct invite */
};
/* A new link; older ones of that user die. Writes the token into dst. */
int invite_new(struct auth *a, const struct invite_spec *spec, char dst[INVITE_TOKEN_SIZE],
    int64_t *ret_expires_ms, struct err *e);
/* All that follow: AUTH_E_DENIED when whoever made the link could not make it now (rights.h). */
/* What the page shows, and the seed, which the caller zeroes; made at the first call and kept. */
int invite_show(struct auth *a, const char *token, struct invite *ret,
    uint8_t totp[TOTP_SECRET_BYTES], struct err *e);
/* Drops all links of a user. Inside a transaction. */
int invite_drop(struct auth *a, const char *user, struct err *e);

/* What a security key is asked to make for the page of that origin; the ticket is of tickets.h. AUTH_E_INVALID: not there. */
int invite_begin_key(struct auth *a, const char *token, const char *origin,
    const struct ticket **ret, struct err *e);

struct invite_answer {
	const char *token, *password;
	const char *name; /* of the second factor; "": one is given */
	const char *
	    ticket; /* of invite_begin_key, with what the key answered; NULL: an app, with the code it shows */
	struct webauthn_answer key;
	const char *otp;
};
struct invite_result {
	const char *user;
	bool reset;
	const struct factor *factor; /* the one that he has now */
};
/* Checks the second factor, hashes the password in the pool, then calls done once, from the loop: rc 0 or
 * as above. Negative or AUTH_E_*: refused at once, done is not called. */
typedef void (*invite_fn)(int rc, const struct invite_result *result, struct err *e, void *arg);
int invite_complete(struct auth *a, const struct invite_answer *answer, invite_fn done, void *arg,
    struct err *e);

#endif
