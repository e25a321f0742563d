/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approval: a login of tsh's that its user approves in a browser, where he is signed in. In memory: whoever meets a restart
 * begins again. Called by rpc_approval.c (begin, look, approve, refuse) and login.c (take).
 *
 *	tsh: begin (name, SHA-256 of a secret)  ->  browser: approve, gives the grant  ->  tsh: take (secret and grant)
 *
 * Security: whoever begins a login in another's name, and gets him to approve it, has nothing: the grant goes to whoever
 * approved, on his own machine, and what began it never hears of it by itself. The grant without the secret is worth nothing
 * either. Nobody but the user that it was begun for sees it, and what was approved outlives no change of who he is, nor the
 * session in which that was done.
 */
#ifndef AUTH_APPROVAL_H
#define AUTH_APPROVAL_H

#include <stdint.h>

#include "auth/cutoff.h"
#include "auth/origin.h"
#include "auth/values.h"
#include "auth/web_session.h"
#include "base/list.h"
#include "crypto/password.h"
#include "crypto/sha256.h"

struct user;

enum {
	APPROVAL_ID_SIZE = 33, /* 32 hexadecimal digits */
	APPROVAL_SECRET_BYTES = 32,
	APPROVAL_CODE_LEN = 4, /* of 20 letters: enough for five tries */
	APPROVAL_GRANT_LEN = 8,
	APPROVAL_TOOL_SIZE = 65,
	APPROVAL_PORT_MIN = 1024, /* below are services */
	APPROVAL_LIFE_MS = 5 * 60 * 1000,
	APPROVAL_TYPING_MS = 2 * 60 * 1000, /* at least, from the approval on */
	/* Wrong codes, or wrong grants, until it is gone. */
	APPROVAL_TRIES = 5,
	/* A web session that is older shows anew who it is. */
	APPROVAL_FRESH_MS = 10 * 60 * 1000,
	/* One address, or one proxy's people with one name, that begins more again and again loses its oldest. */
	APPROVALS_ONE = 16,
	/* Of these, some are strangers': not approved, and begun where that user never logged in from. Of one network (of IPv6
	 * a /48, of IPv4 a /16) and in all; then their oldest go. */
	APPROVALS_NET = 256,
	APPROVALS_STRANGERS = 2048,
	APPROVALS_MAX = 4096,
};

struct approval {
	struct list link;
	char id[APPROVAL_ID_SIZE];
	char code[APPROVAL_CODE_LEN + 1];   /* with a port: tsh shows it */
	char grant[APPROVAL_GRANT_LEN + 1]; /* "": not approved yet */
	char user[NAME_LEN_MAX + 1];
	char tool[APPROVAL_TOOL_SIZE];
	uint8_t secret_hash[SHA256_BYTES];
	uint16_t port; /* of the loopback address, where tsh waits; 0: the grant is typed in */
	struct origin origin;
	char payer[ADDR_TEXT_SIZE + NAME_LEN_MAX], net[ADDR_TEXT_SIZE];
	bool known; /* he has logged in from there before */
	int64_t begun_ms, expires_ms;
	unsigned wrong;
	/* Who approved: */
	char web[WEB_SESSION_KEY_SIZE], address[ADDR_TEXT_SIZE];
	char password[PASSWORD_HASH_SIZE];
	struct cutoff_mark mark;
};

struct approvals {
	struct list list; /* oldest first */
	size_t n;
};

void approvals_init(struct approvals *all);
void approvals_done(struct approvals *all);
/* Drops what is too old. */
void approvals_sweep(struct auth *a);

struct approval_spec {
	const char *user, *tool;
	struct span secret_hash;
	uint32_t port;
	const struct origin *origin;
};
/* AUTH_E_INVALID, or AUTH_E_BUSY: too many logins from there. *ret stays ours. */
int approval_begin(struct auth *a, const struct approval_spec *spec, const struct approval **ret,
    struct err *e);
/* AUTH_E_NOT_FOUND: there is none of that id for this user (any more). *ret is lent until the next turn of the loop. */
int approval_find(struct auth *a, const char *id, const char *user, struct approval **ret,
    struct err *e);
/* It waits for an approval, and with a port that is the code which tsh shows: AUTH_E_STATE, AUTH_E_INVALID; after
 * APPROVAL_TRIES wrong ones it is gone. Blanks, hyphens and case do not matter. */
int approval_check(struct auth *a, struct approval *ap, const char *code, struct err *e);
/* By its user, in that web session; after approval_check. Makes the grant. */
void approval_give(struct auth *a, struct approval *ap, const struct user *u,
    const struct web_session *s, const struct origin *from);
void approval_drop(struct auth *a, struct approval *ap);

struct approval_answer {
	const char *user, *id, *grant;
	struct span secret;
	const struct origin *origin;
};
/* Once. The user is as he is now, and still who approved; user_done in any case. AUTH_E_UNAUTHENTICATED, AUTH_E_BUSY, or
 * AUTH_E_STATE: he was changed meanwhile, or signed out where he approved. */
int approval_take(struct auth *a, const struct approval_answer *q, struct approval *ret,
    struct user *u, struct err *e);

#endif
