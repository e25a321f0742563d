/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch a daemon see of the calls it serves and makes, and of its certificates. Called by the
 * metrics.c of each daemon; each may be given NULL, for what is not there yet.
 */
#ifndef RPC_METRICS_H
#define RPC_METRICS_H

#include "metric/metric.h"

struct rpc_identity;
struct rpc_loop;
struct rpc_server;

void rpc_metrics_server(struct metric_out *out, const struct rpc_server *server);
/* What it asks of others. */
void rpc_metrics_asked(struct metric_out *out, const struct rpc_loop *rl);

/* When certificates end, seconds since 1970; 0: there is none. */
struct rpc_ends {
	int64_t tls_s;
	int64_t ssh_s; /* a host certificate of SSH */
	int64_t web_s; /* shown to browsers, where it is another one */
	int64_t host_ca_s, user_ca_s;
};
/* Of an identity tls_s and those of the authorities. */
void rpc_metrics_ends_of(struct rpc_ends *ret, struct rpc_identity *id);
void rpc_metrics_ends(struct metric_out *out, const struct rpc_ends *ends);

#endif
