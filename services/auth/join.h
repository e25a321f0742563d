/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: a daemon proves with a token that it may belong to the cluster and gets its certificates;
 * later it renews them with those it has.
 *
 *	checks, token looked at  ->  signer, two or three times  ->  one transaction: token used, row written  ->  done
 *
 * Nothing is spent when signing fails. Called by rpc_join.c; touches the store and the signer.
 */
#ifndef AUTH_JOIN_H
#define AUTH_JOIN_H

#include <stdint.h>

#include "auth/host.h"
#include "auth/token.h"
#include "base/buf.h"

struct auth;
struct joining;

enum { JOIN_PER_MIN = 60, JOIN_BURST = 200, JOIN_PROXY_FACTOR = 20, HOST_TTL_S = 7 * 86400 };

struct join_request {
	const char *token; /* NULL: a renewal by `uuid` */
	const char *kind, *name, *uuid;
	struct span ssh_key;     /* ssh-ed25519 public key blob */
	struct span tls_key;     /* P-256 SubjectPublicKeyInfo */
	struct labels *labels;   /* taken over */
	struct names *addresses; /* taken over */
	const char *version;
};

struct join_result {
	const struct host *node;   /* NULL unless rc is 0 */
	const struct token *token; /* as far as it is known */
	int64_t valid_until_s;
	struct span tls_pem, ssh_host_cert, ssh_tunnel_cert;
};

/* Once, from the loop; everything is gone afterwards. */
typedef void (*join_fn)(int rc, const struct join_result *result, const struct err *e, void *arg);

/* 0: done will come, and *ret is valid until then. Otherwise refused at once; token (emptied by
 * token_done) is filled as far as it is known. */
int join_start(struct joining **ret, struct auth *a, const struct join_request *q, join_fn done,
    void *arg, struct token *token, struct err *e);
/* Nobody waits any more: done does not come, and nothing is written. */
void join_abandon(struct joining *j);

#endif
