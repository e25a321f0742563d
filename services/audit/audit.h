/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: what auditd is made of while it runs. One struct that owns the parts, made and taken apart in
 * start.c, known to the wire faces; and what the parts tell each other.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/conf.h"
#include "daemon/daemon.h"
#include "audit/ingest.h"
#include "audit/events.h"
#include "event/review.h"
#include "replica/replica.h"
#include "rpc/rpc.h"
#include "audit/store.h"
#include "audit/trust.h"

/* Calls that were refused since the start, for those who watch (metrics.c). */
enum audit_denial { AUDIT_DENIAL_CALLER, AUDIT_DENIAL_ROLE, AUDIT_DENIALS };

struct audit {
	struct daemon_run *run;
	const struct conf *conf;
	struct rpc_loop *rl;
	struct rpc_server *server;
	bool started; /* the server takes calls */
	struct trust *trust;
	struct replica *replica; /* roles, users, hosts, cut-offs, authorities */
	struct review streams;   /* of producers (rpc_ingest.c), when the cluster changes */
	struct review asks;      /* searches and plays (rpc_ask.h), too */
	struct list counts;      /* searches that count: one of a person at a time */
	struct list watches;     /* of sessions that run (rpc_play.c) */
	struct ceiling *watchers, *plays;
	struct review turns; /* proxies that hear of sessions (rpc_turns.c) */
	struct store *store;
	struct ingest *ingest;
	struct events *events;
	struct timer status;
	uint64_t denials[AUDIT_DENIALS];
};

/* The rows of the service, context struct audit (rpc_search.c); what is called is in the other rpc_*.c, too. */
int audit_serve(struct audit *a, struct rpc_server *server);
/* Judges one of a->asks (rpc_ask.c). */
void audit_review_ask(struct review_item *item, void *arg);

/* Callbacks of the parts; arg: struct audit. */
void audit_store_ready(void *arg);
void audit_store_lost(void *arg);
void audit_store_broken(const char *why, void *arg); /* for good: the daemon ends */
/* There is an identity: the server can listen. */
void audit_trusted(const char *cluster, struct rpc_identity *identity, void *arg);
/* What the cluster's change means to streams that are open. */
void audit_cluster_changed(enum replica_kind kind, const char *key, void *arg);
/* Something of a session is in the database now. */
void audit_recorded(const struct batch_news *news, void *arg);
void audit_status(void *arg); /* a line for the service manager */

#endif
