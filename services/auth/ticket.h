/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket: something that somebody began and that waits for its second step: a login by a security key, a new second factor
 * of somebody who is signed in, or of an invitation. In memory: whoever meets a restart begins again. Called by
 * rpc_factors.c and signin.c (logins), own_factor.c and invite.c.
 *
 * Security: a ticket is good once, for one use, for one person, and not for long. Its challenge is random; what it was
 * begun with (a password, a link) must still be the same when it is used, so that it outlives no change of password.
 */
#ifndef AUTH_TICKET_H
#define AUTH_TICKET_H

#include <stdint.h>

#include "auth/factor.h"
#include "auth/values.h"
#include "base/list.h"
#include "crypto/password.h"

struct auth;

enum {
	TICKET_ID_SIZE = 33, /* 32 hexadecimal digits */
	TICKET_LIFE_MS = 5 * 60 * 1000,
	/* Whoever has more of them than one has in the hand began again and again: the oldest go. */
	TICKETS_ONE = 8,
	TICKETS_MAX = 4096,
};

enum ticket_use { TICKET_LOGIN, TICKET_NEW_FACTOR, TICKET_INVITE };

struct ticket {
	struct list link;
	char id[TICKET_ID_SIZE];
	enum ticket_use use;
	char user[NAME_LEN_MAX + 1];
	char bound
	    [PASSWORD_HASH_SIZE]; /* the hash of the password that was shown; the key of the invite */
	int64_t expires_ms;
	enum factor_kind kind;
	/* FACTOR_WEBAUTHN */
	struct webauthn_site site;
	uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES];
	/* FACTOR_TOTP: a new one's, sealed */
	uint8_t seed[SEED_SEALED_BYTES];
};

struct tickets {
	struct list list; /* oldest first */
	size_t n;
};

void tickets_init(struct tickets *t);
void tickets_done(struct tickets *t);
/* Drops what is too old. */
void tickets_sweep(struct auth *a);

/* A new one with its id and challenge; the caller fills in what its kind needs. It stays ours. NULL without memory. */
struct ticket *ticket_new(struct auth *a, enum ticket_use use, const char *user, const char *bound);
/* A copy, and it is gone, for whatever it was. False: there is none of that id, for this use and user. */
bool ticket_take(struct auth *a, const char *id, enum ticket_use use, const char *user,
    struct ticket *ret);

/* The site of the cluster's that a page of that origin ("https://HOST:PORT", as browsers write it) belongs to: proxies are
 * called by their public addresses. AUTH_E_INVALID with a line for the person. */
int ticket_site(struct auth *a, const char *origin, struct webauthn_site *ret, struct err *e);

#endif
