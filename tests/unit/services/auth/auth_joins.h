/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_joins: what tests of joins ask for and what comes of it, over auth_world.
 */
#ifndef TESTS_AUTH_JOINS_H
#define TESTS_AUTH_JOINS_H

#include "auth/join.h"
#include "auth_world.h"

extern const char joins_uuid_a[], joins_uuid_b[];

/* What came of a join. */
struct joins_outcome {
	int rc;
	bool done;
	char error[512];
	struct sshcert *host, *tunnel;
	struct x509_cert *tls;
	int64_t valid_until_s;
	char name[HOST_NAME_SIZE];
};

void joins_outcome_done(struct joins_outcome *o);
/* A token for the kind, with the label env=token. */
void
joins_token(struct auth_world *w, const char *kind, uint32_t uses, char value[TOKEN_TEXT_SIZE]);
/* For web-1 with the world's keys; the other one has the second UUID and the other TLS key. */
struct join_request
joins_request(struct auth_world *w, const char *token, const char *kind, const char *uuid);
struct join_request joins_other_request(struct auth_world *w, const char *token, const char *name);
/* address: one, or NULL; the request owns what it takes over. */
int joins_begin(struct auth_world *w, struct join_request *q, const char *address,
    struct joins_outcome *o, struct joining **ret);
/* To its end. */
struct joins_outcome joins_at(struct auth_world *w, struct join_request q, const char *address);
struct joins_outcome
joins_plain(struct auth_world *w, const char *token, const char *kind, const char *uuid);
/* Checks what came of it, and frees it. */
void joins_refused(struct joins_outcome o, int rc, const char *why);
void joins_joined(struct joins_outcome o);

#endif
