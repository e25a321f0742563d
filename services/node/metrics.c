/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: see metrics.h. Reads what the parts have counted; changes nothing.
 */
#include "node/metrics.h"

#include "api/audit_metrics.h"
#include "node/channel.h"
#include "node/node.h"
#include "node/serve.h"
#include "node/tunnel.h"
#include "rpc/metrics.h"

static void
put_sessions(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct node *)arg)->n_sessions);
}

static void
put_connections(struct metric_out *out, const void *arg)
{
	const struct node *n = arg;
	unsigned count[2] = { 0, 0 };

	list_each (struct conn, c, &n->connections, link)
		count[c->signed_in]++;
	metric_put_label(out, "state", "signed_in", count[1]);
	metric_put_label(out, "state", "stranger", count[0]);
}

static void
put_channels(struct metric_out *out, const void *arg)
{
	const struct node *n = arg;
	size_t count = 0;

	list_each (struct conn, c, &n->connections, link)
		list_each (struct channel, ch, &c->channels, link)
			count++;
	metric_put(out, (double)count);
}

static void
put_denials(struct metric_out *out, const void *arg)
{
	static const char *const names[NODE_DENIALS] = { "stranger", "rights", "many", "monitor",
		"unproven" };
	const struct node *n = arg;

	for (int i = 0; i < NODE_DENIALS; i++)
		metric_put_label(out, "cause", names[i], (double)n->counts.denials[i]);
}

static void
put_refusals(struct metric_out *out, const void *arg)
{
	static const char *const names[NODE_REFUSALS] = { "stopping", "request", "many", "spool",
		"rights" };
	const struct node *n = arg;

	for (int i = 0; i < NODE_REFUSALS; i++)
		metric_put_label(out, "cause", names[i], (double)n->counts.refusals[i]);
}

static void
put_tunnel_up(struct metric_out *out, const void *arg)
{
	metric_put(out, tunnel_is_up(((const struct node *)arg)->tunnel));
}

static void
put_tunnels(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct node *)arg)->counts.tunnels);
}

static void
put_authd_connected(struct metric_out *out, const void *arg)
{
	metric_put(out, replica_is_connected(((const struct node *)arg)->replica));
}

static const struct metric rows[] = {
	{ "sallyport_sessions", METRIC_GAUGE, "Sessions that run.", put_sessions },
	{ "sallyport_connections", METRIC_GAUGE,
	    "SSH connections; stranger: that have not signed in yet.", put_connections },
	{ "sallyport_channels", METRIC_GAUGE, "Channels of them, sessions among them.",
	    put_channels },
	{ "sallyport_denials_total", METRIC_COUNTER,
	    "Who could not sign in, once a connection, by cause: stranger (no certificate of the cluster), rights, "
	    "many (connections), monitor (does not believe it), unproven (the monitor cannot say).",
	    put_denials },
	{ "sallyport_sessions_refused_total", METRIC_COUNTER,
	    "Sessions that were not started, by cause: stopping, request (nothing that can be run), many, spool "
	    "(full), rights.",
	    put_refusals },
	{ "sallyport_tunnel_up", METRIC_GAUGE, "1 while the tunnel to the proxy is up.",
	    put_tunnel_up },
	{ "sallyport_tunnel_ups_total", METRIC_COUNTER, "How often it came up.", put_tunnels },
	{ "sallyport_authd_connected", METRIC_GAUGE,
	    "1 while authd tells this daemon of changes; otherwise what it said last holds.",
	    put_authd_connected },
};

/* A node without a tunnel that listens is reached there. */
const char *
node_unready(const struct daemon_run *run)
{
	const struct node *n = run->state;

	if (!tunnel_is_up(n->tunnel) && !n->listener)
		return "no tunnel to the proxy";
	if (audit_log_is_full(n->audit))
		return "the spool is full, so that no session can be recorded";
	return NULL;
}

void
node_metrics(const struct daemon_run *run, struct metric_out *out)
{
	const struct node *n = run->state;
	struct rpc_ends ends = { 0 };

	/* Its parts are made before it has started, one after the other. */
	if (!n || !run->started)
		return;
	metric_table(out, rows, sizeof(rows) / sizeof(*rows), n);
	rpc_metrics_asked(out, n->rl);
	rpc_metrics_ends_of(&ends, join_rpc_identity(n->join));
	if (join_identity(n->join))
		ends.ssh_s = join_identity(n->join)->valid_until_s;
	rpc_metrics_ends(out, &ends);
	audit_metrics(out, n->audit, RPC_NODE);
}
