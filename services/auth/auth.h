/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: what authd is made of at run time. One struct, made in start.c, known to every noun and
 * wire face.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdint.h>

#include "auth/lockout.h"
#include "auth/host.h"
#include "auth/origin.h"
#include "auth/role.h"
#include "auth/signer_client.h"
#include "auth/watchers.h"
#include "event/loop.h"
#include "store/store.h"

struct conf;
struct audit_log;
struct daemon_run;
struct rpc_loop;
struct rpc_server;
struct self;

struct auth {
	struct daemon_run *run;
	const struct conf *conf;
	char cluster[256];
	struct loop *loop;
	struct store *store;
	struct pool *pool; /* Argon2id */
	struct signer_child child;
	struct signer_client *signer;
	struct rpc_loop *rpc;
	struct rpc_server *server;
	struct self *self; /* authd's own certificate */
	struct audit_log *audit;
	struct roles roles;
	struct hosts hosts;
	struct watchers watchers;
	struct rate logins, joins, refusals; /* by address; of refusals: events written */
	struct origins origins;
	struct timer janitor;
	int64_t (*now_ms)(void); /* wall clock */
};

#endif
