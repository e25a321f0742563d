/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_world: for the tests of lib/api/join: a server that issues certificates like authd, and the host that joins.
 */
#ifndef TESTS_JOIN_WORLD_H
#define TESTS_JOIN_WORLD_H

#include "api/join.h"
#include "base/buf.h"
#include "crypto/capin.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"
#include "proto/auth.server.h"
#include "rpc/rpc.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

struct join_world {
	struct loop *loop;
	struct rpc_loop *rl;
	/* the cluster */
	struct x509_key *host_key, *user_key;
	struct x509_cert *host_ca;
	struct buf host_pem, user_pem;
	struct sshkey *ssh_host_ca, *ssh_user_ca;
	char pin[CAPIN_SIZE];
	struct rpc_identity *server_id;
	struct rpc_server *server;
	char target[64];
	int64_t ttl_s;
	const char *address; /* that the host is configured with; NULL: n1.example */
	int joins, renewals, fetches;
	enum rpc_code refuse_with; /* RPC_OK: does not */
	bool refuse_joins;         /* is busy for them alone */
	uint64_t generation;
	bool watching;
	struct rpc_call *watch;
	/* the host */
	char dir[64];
	struct join *join;
	int ready, changed, refused;
	char why[512], uuid[40];
	bool server_down;
};

/* Of cmocka. */
int join_world_setup(void **state);
int join_world_teardown(void **state);
/* "127.0.0.1:0" chooses a port; the address is in `target` then. */
void join_world_serve(struct join_world *f, const char *address);
void join_world_stop(struct join_world *f);
/* The authorities of now, packed, and their signature. */
void join_world_bundle(struct join_world *f, struct buf *set, struct buf *sig);
/* Lends both. */
void join_world_fill_bundle(Auth__CaBundle *b, struct buf *set, struct buf *sig);

#endif
