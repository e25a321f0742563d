/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auditd: what the files of this service share: the daemon's parts, each made in main.c.
 */
#ifndef AUDIT_AUDITD_H
#define AUDIT_AUDITD_H

#include "audit/access.h"
#include "audit/conf.h"
#include "daemon/daemon.h"
#include "audit/ingest.h"
#include "audit/note.h"
#include "rpc/rpc.h"
#include "audit/store.h"
#include "audit/trust.h"

struct auditd {
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

/* The rows of the service, context struct auditd (rpc_search.c). */
int auditd_serve(struct auditd *d, struct rpc_server *server);

#endif
