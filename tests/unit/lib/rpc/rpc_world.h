/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_world: for the tests of lib/rpc: an Echo server on a thread of its own with real certificates, over loopback
 * and a Unix socket. The tests are the client.
 */
#ifndef TESTS_RPC_WORLD_H
#define TESTS_RPC_WORLD_H

#include <stdbool.h>

#include "rpc/rpc.h"
#include "rpc/tls.h"
#include "pki.h"
#include "tests/echo.server.h"

enum { WORLD_TIMEOUT_MS = 20000, WORLD_CALLS_OF_ONE = 64 };
/* Of the one web session that the server knows, of user anna. */
#define WORLD_TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct pki_ca *host_ca, *user_ca, *other_ca;
	struct pki_cert server_cert;
	struct rpc_identity *server_id;
	char target[64], socket[128];
	struct world_server *server; /* belongs to its thread until world_stop_wait */
	struct rpc_loop *rl;         /* the client's, without a loop */
};

void world_start(struct world *w);
void world_stop(struct world *w, int grace_ms); /* begins the drain */
bool world_stopped(struct world *w);
void world_end(struct world *w); /* stops when running, frees all */
/* What the server saw. */
int world_refusals(struct world *w, char *last_method, size_t size, enum rpc_who *ret_who);
int world_closed(struct world *w, enum rpc_code *ret_last); /* server calls ended */
int world_waiting(struct world *w);                         /* calls in Wait */

/* An identity that trusts the host CA; uri NULL: no certificate. */
struct rpc_identity *
world_identity(struct world *w, struct pki_ca *ca, const char *uri, int64_t from_s, int64_t to_s);
struct rpc_channel *world_channel(struct world *w, struct rpc_identity *id);
/* One blocking call; the code, text in e. reply may be NULL. */
enum rpc_code world_call(struct world *w, struct rpc_channel *ch, const char *method,
    const Echo__Msg *request, Echo__Msg **reply, struct err *e);

#endif
