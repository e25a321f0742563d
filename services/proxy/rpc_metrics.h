/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_metrics: shows authd how this proxy does, whenever somebody there asks (tctl top). A stream that is kept up; nothing
 * passes while nobody asks. Called by start.c.
 */
#ifndef PROXY_RPC_METRICS_H
#define PROXY_RPC_METRICS_H

#include "daemon/daemon.h"
#include "rpc/rpc.h"

/* The caller's; zeroed to begin with. */
struct metrics_show {
	const struct daemon_run *run;
	struct rpc_client *auth;
	struct rpc_call *call; /* NULL: no stream */
	struct timer again;
};

/* Opens the stream now, and again whenever it was lost. Negative: no memory. */
int
metrics_show_init(struct metrics_show *m, const struct daemon_run *run, struct rpc_client *auth);
/* Before the client is freed; also on a zeroed struct. */
void metrics_show_done(struct metrics_show *m);

#endif
