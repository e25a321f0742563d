/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: what authd is made of while it runs. One struct that owns the parts, made and taken apart in
 * start.c, known to every noun and wire face; and what the parts tell each other.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdint.h>

#include "auth/approval.h"
#include "auth/lockout.h"
#include "auth/host.h"
#include "auth/origin.h"
#include "auth/resource.h"
#include "auth/role.h"
#include "auth/signer_client.h"
#include "auth/ticket.h"
#include "auth/watchers.h"
#include "event/loop.h"
#include "store/store.h"

struct conf;
struct audit_log;
struct ceiling;
struct cutoff_list;
struct daemon_run;
struct rate;
struct rpc_loop;
struct rpc_peer;
struct rpc_server;
struct self;

/* Since the start, for those who watch (metrics.c). */
enum login_outcome {
	LOGIN_OK,
	LOGIN_WRONG,  /* name, password or code */
	LOGIN_CLOSED, /* too many wrong ones before */
	LOGIN_DENIED, /* locked, or without a right to anything */
	LOGIN_BUSY,   /* too many at the same time */
	LOGIN_INVALID,
	LOGIN_FAILED, /* ours: the store, the signer, the audit log */
	LOGIN_OUTCOMES
};
enum denial {
	DENIAL_CALLER, /* this kind of caller may not call it, or its certificate was not believed */
	DENIAL_GONE,   /* the user or host is gone, or its certificate was withdrawn */
	DENIAL_LOCK,
	DENIAL_ROLE,
	DENIALS
};
struct auth_counts {
	uint64_t logins[LOGIN_OUTCOMES];
	uint64_t denials[DENIALS];
	uint64_t user_certs, host_certs; /* sent: one for SSH and one for TLS each time */
	uint64_t join_failures;
};

struct auth {
	struct daemon_run *run;
	const struct conf *conf;
	char cluster[256];
	struct loop *loop;
	struct store *store;
	struct pool *pool;    /* Argon2id */
	unsigned hash_passes; /* what it costs (hashing.h) */
	struct signer_child child;
	struct signer_client *signer;
	struct secret *seed_key; /* seed.h */
	struct rpc_loop *rpc;
	struct rpc_server *server;
	struct self *self; /* authd's own certificate */
	struct audit_log *audit;
	struct resources resources;
	struct watchers watchers;
	struct list backups;                    /* backup.h; those under way */
	int64_t last_backup_ms;                 /* that was fetched whole; 0: none ever was */
	struct cutoff_list *cutoff_list;        /* signed, for the monitors of nodes */
	struct rate *logins, *joins, *refusals; /* by address; of refusals: events written */
	struct ceiling *verifying;              /* logins that wait for Argon2id, by address */
	struct origins origins;
	struct tickets tickets;     /* second steps that are waited for */
	struct approvals approvals; /* logins of tsh's that wait for a browser */
	struct timer janitor;
	struct auth_counts counts;
	struct list shown;       /* metrics of proxies, struct shown of rpc_metrics.c */
	int64_t (*now_ms)(void); /* wall clock */
};

/* Callbacks of the parts; arg: struct auth. */
void auth_signer_died(void *arg); /* authd cannot go on: it drains and ends */
void auth_janitor(void *arg); /* every few seconds: forgets what is over, renews its certificate */
void auth_refused_call(const struct rpc_peer *peer, const char *method, void *arg); /* by its row */
/* SIGHUP: nothing can change while running; says so when something would have. */
void auth_reload(struct daemon_run *run, const void *fresh);

#endif
