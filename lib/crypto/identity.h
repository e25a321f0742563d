/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: who a certificate speaks for, as the URI "sallyport://<cluster>/<kind>/<name>" in its
 * SAN.
 */
#ifndef CRYPTO_IDENTITY_H
#define CRYPTO_IDENTITY_H

#include "base/buf.h"

enum identity_kind { IDENTITY_USER, IDENTITY_NODE, IDENTITY_PROXY, IDENTITY_AUTH, IDENTITY_AUDIT };
enum { IDENTITY_PART_MAX = 255, IDENTITY_URI_MAX = 640 };

/* name: of the user, or the UUID of a daemon. */
struct identity {
	char cluster[IDENTITY_PART_MAX + 1];
	enum identity_kind kind;
	char name[IDENTITY_PART_MAX + 1];
};

/* "user", "node", "proxy", "auth", "audit" */
const char *identity_kind_name(enum identity_kind kind);
bool identity_kind_from(struct span name, enum identity_kind *ret);
/* Names of clusters, users and daemons: 1 to 255 of [A-Za-z0-9._@-], not only dots, no dash in
 * front. */
bool identity_name_ok(struct span name);
/* Fills the struct; false when a name is not allowed. */
bool
identity_set(struct identity *id, const char *cluster, enum identity_kind kind, const char *name);
/* The URI into dst of at least IDENTITY_URI_MAX bytes; false when a name is not allowed. */
bool identity_format(const struct identity *id, char *dst, size_t size);
/* The exact form only: no escapes, no port, no query. False when it is anything else. */
bool identity_parse(struct identity *ret, struct span uri);

#endif
