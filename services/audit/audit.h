/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: what auditd is made of while it runs. One struct that owns the parts, made and taken apart in
 * start.c, known to the wire faces; and what the parts tell each other.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/access.h"
#include "audit/conf.h"
#include "daemon/daemon.h"
#include "audit/ingest.h"
#include "audit/note.h"
#include "rpc/rpc.h"
#include "audit/store.h"
#include "audit/trust.h"

struct audit {
	struct daemon_run *run;
	const struct conf *conf;
	struct rpc_loop *rl;
	struct rpc_server *server;
	bool started; /* the server takes calls */
	struct trust *trust;
	struct access *access;
	struct store *store;
	struct ingest *ingest;
	struct note *note;
	struct timer status;
};

/* The rows of the service, context struct audit (rpc_search.c). */
int audit_serve(struct audit *a, struct rpc_server *server);

/* Callbacks of the parts; arg: struct audit. */
void audit_store_ready(void *arg);
void audit_store_lost(void *arg);
void audit_store_broken(const char *why, void *arg); /* for good: the daemon ends */
void
audit_refused_call(const struct rpc_peer *peer, const char *method, void *arg); /* by its row */
/* There is an identity: the server can listen. */
void audit_trusted(const char *cluster, struct rpc_identity *identity, void *arg);
void audit_status(void *arg); /* a line for the service manager */

#endif
