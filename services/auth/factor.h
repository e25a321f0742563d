/* SPDX-License-Identifier: Apache-2.0 */
/*
 * factor: what a person has besides the password, several of them: authenticator apps (one-time codes) and security keys.
 * A list that is part of the user's record. Called by signin.c, own_factor.c and invite.c, which save it, and by the wire
 * faces that show it; touches memory, and the key that opens seeds.
 */
#ifndef AUTH_FACTOR_H
#define AUTH_FACTOR_H

#include <stdint.h>

#include "auth/seed.h"
#include "crypto/webauthn.h"

struct audit_event;
struct auth;

enum { FACTORS_MAX = 10, FACTOR_ID_SIZE = 17, FACTOR_NAME_SIZE = 65 };

enum factor_kind { FACTOR_TOTP, FACTOR_WEBAUTHN, FACTOR_KINDS };
/* "totp", "webauthn": in the store, events and answers. */
const char *factor_kind_name(enum factor_kind kind);
/* False: there is no such kind. */
bool factor_kind_of(const char *name, enum factor_kind *ret);

struct factor {
	char id[FACTOR_ID_SIZE];     /* for the user and the audit trail; 16 hexadecimal digits */
	char name[FACTOR_NAME_SIZE]; /* that the user gave */
	enum factor_kind kind;
	int64_t created_ms, used_ms; /* used_ms 0: never */
	/* FACTOR_TOTP */
	uint8_t seed[SEED_SEALED_BYTES]; /* sealed */
	int64_t last_step; /* the newest that was used; older ones and itself are refused */
	/* FACTOR_WEBAUTHN */
	char rp_id[WEBAUTHN_RP_ID_SIZE]; /* whose site it is for */
	struct webauthn_credential key;
};

/* Which one it is, for the audit trail. */
struct factor_mark {
	char id[FACTOR_ID_SIZE], name[FACTOR_NAME_SIZE];
	enum factor_kind kind;
};
struct factor_mark factor_mark_of(const struct factor *f);
void factor_put_event(const struct factor_mark *m, struct audit_event *ev);

struct factor_list {
	struct factor *v;
	size_t n;
};

/* Zeroes and frees. */
void factor_list_done(struct factor_list *l);
/* A copy at the end. NULL: there are FACTORS_MAX, or no memory. */
struct factor *factor_list_add(struct factor_list *l, const struct factor *f);
struct factor *factor_list_find(const struct factor_list *l, const char *id);
void factor_list_drop(struct factor_list *l, struct factor *f);
/* The kinds that are there, each once, for lists; how many. */
size_t factor_list_kinds(const struct factor_list *l, const char *ret[FACTOR_KINDS]);

/* A new one with its id and the time; the caller fills in the rest. */
void factor_init(struct auth *a, struct factor *ret, enum factor_kind kind, const char *name);

/* The app of the user whose code that is, noted as used in its list (the caller saves, under the revision that was read,
 * so that a code is good once); NULL: nobody's. Negative: a seed does not open, which is no verdict on the code. */
int factor_take_code(struct auth *a, const char *user, struct factor_list *l, const char *code,
    struct factor **ret, struct err *e);

/* A security key's answer to a challenge at a site. */
struct factor_answer {
	const struct webauthn_site *site;
	const uint8_t *challenge; /* WEBAUTHN_CHALLENGE_BYTES */
	struct span credential;   /* of a signature: the id of whose it is */
	struct webauthn_answer answer;
};
/* The key that made the signature, noted as used in the list (the caller saves). AUTH_E_UNAUTHENTICATED: nobody's, and e is
 * for the log. *ret with AUTH_E_DENIED: it is that key's, whose counter shows that there is a copy of it. */
int factor_take_signature(struct auth *a, struct factor_list *l, const struct factor_answer *q,
    struct factor **ret, struct err *e);
/* A new key of that name, into the list. AUTH_E_INVALID: it is none; AUTH_E_EXISTS: it is there already; AUTH_E_STATE: there
 * are FACTORS_MAX. */
int factor_add_key(struct auth *a, struct factor_list *l, const struct factor_answer *q,
    const char *name, struct err *e);
/* The same for an app with that seed, shown by a code of it. AUTH_E_DENIED: it is another's. */
int factor_add_app(struct auth *a, const char *user, struct factor_list *l,
    const uint8_t seed[SEED_SEALED_BYTES], const char *code, const char *name, struct err *e);
/* Whether the list may have one more: AUTH_E_STATE; one of that name: AUTH_E_INVALID, AUTH_E_EXISTS. */
int factor_list_has_room(const struct factor_list *l, struct err *e);
int factor_name_check(const struct factor_list *l, const char *name, struct err *e);

#endif
