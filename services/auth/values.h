/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values: lists of names, sets of labels, and which names there may be. Used by every noun of
 * authd.
 */
#ifndef AUTH_VALUES_H
#define AUTH_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/wire.h"
#include "policy/policy.h"

enum {
	NAMES_MAX = 128,
	NAME_LEN_MAX = 64,
	LABELS_MAX = 64,
	LABEL_KEY_MAX = 64,
	LABEL_VALUE_MAX = 256,
	BROUGHT_KEY_MAX = 512
};

/* What a noun answers besides 0 (done) and negative (the store or the signer failed). The struct
 * err is filled. */
enum auth_result {
	AUTH_E_INVALID = 1, /* what was asked makes no sense */
	AUTH_E_NOT_FOUND,
	AUTH_E_EXISTS,
	AUTH_E_DENIED, /* the caller may not */
	AUTH_E_STATE,  /* not now, or not in this state */
	AUTH_E_BUSY,   /* later */
	AUTH_E_UNAUTHENTICATED,
};

/* --- lists of names: owned copies ------------------------------------------------------- */
struct names {
	char **v;
	size_t n;
};
/* Negative without memory or over NAMES_MAX; duplicates are dropped. */
int names_add(struct names *l, const char *name);
int names_copy(struct names *dst, char *const *v, size_t n);
void names_done(struct names *l);
bool names_have(const struct names *l, const char *name);
bool names_equal(const struct names *a, const struct names *b); /* as sets */
static inline struct policy_names
names_view(const struct names *l)
{
	return (struct policy_names){ (const char *const *)(const void *)l->v, l->n };
}
/* "a, b, c" into dst. */
void names_text(const struct names *l, char *dst, size_t size);

/* --- labels: sorted by key, owned copies --------------------------------------------------- */
struct labels {
	struct policy_label *v;
	size_t n;
};
static inline struct policy_labels
labels_view(const struct labels *l)
{
	return (struct policy_labels){ l->v, l->n };
}
int labels_set(struct labels *l, const char *key, const char *value);
void labels_remove(struct labels *l, const char *key);
int labels_merge(struct labels *dst, const struct labels *over); /* over wins */
void labels_done(struct labels *l);
const char *labels_get(const struct labels *l, const char *key);
bool labels_equal(const struct labels *a, const struct labels *b);
/* 0 or AUTH_E_INVALID. */
int label_check(const char *key, const char *value, struct err *e);

/* --- names: 0 or AUTH_E_INVALID -------------------------------------------------------------- */
/* Letters, digits and . _ @ + - (not first), at most NAME_LEN_MAX. what: "user name", "role
 * name", ... */
int name_check(const char *name, const char *what, struct err *e);
/* Unix logins, as certificate principals. */
int login_check(const char *login, struct err *e);
/* Host names and addresses, for certificates. */
int host_check(const char *name, struct err *e);
/* A UUID of version 4, lower case. */
bool uuid_is_good(const char *uuid);

/* --- public keys that a caller wants certified: 0 or AUTH_E_INVALID -------------------------- */
/* Each at most BROUGHT_KEY_MAX bytes. An SSH key (wire form) is Ed25519; a person's, who may have it from a browser that
 * makes no other, also ECDSA P-256. A daemon's signs exchanges of keys, which only Ed25519 does here. */
enum key_owner { KEY_OF_PERSON, KEY_OF_DAEMON };
int values_check_ssh_key(struct span key, enum key_owner owner, struct err *e);
/* And a TLS key, which is P-256 (SubjectPublicKeyInfo). */
int
values_check_keys(struct span ssh_key, struct span tls_key, enum key_owner owner, struct err *e);

#endif
