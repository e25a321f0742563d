/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: see metrics.h. Reads what the parts have counted; changes nothing.
 */
#include "proxy/metrics.h"

#include "api/audit_metrics.h"
#include "net/ceiling.h"
#include "proxy/proxy.h"
#include "proxy/ssh_server.h"
#include "proxy/web.h"
#include "rpc/metrics.h"

static void
put_connections(struct metric_out *out, const void *arg)
{
	const struct proxy *p = arg;
	unsigned all = ceiling_count(p->all), strangers = ceiling_count(p->strangers);

	metric_put_label(out, "state", "signed_in", all > strangers ? all - strangers : 0);
	metric_put_label(out, "state", "stranger", strangers);
}

static void
put_limit(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct proxy *)arg)->conf->limits.connections);
}

static void
put_people(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ssh_server_count_users(((const struct proxy *)arg)->ssh_server));
}

static void
put_tunnels(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)tunnels_count(((const struct proxy *)arg)->tunnels));
}

static void
put_relays(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct proxy *)arg)->relays.count);
}

static void
put_passing(struct metric_out *out, const void *arg)
{
	metric_put(out, ceiling_count(((const struct proxy *)arg)->passing));
}

static void
put_outcomes(struct metric_out *out, const void *arg)
{
	static const char *const names[RELAY_OUTCOMES] = { "ok", "refused", "many", "unreachable" };
	const struct proxy *p = arg;

	for (int i = 0; i < RELAY_OUTCOMES; i++)
		metric_put_label(out, "result", names[i], (double)p->relays.outcomes[i]);
}

static void
put_denials(struct metric_out *out, const void *arg)
{
	static const char *const names[SSH_DENIALS] = { "stranger", "rights", "node", "many" };
	const struct proxy *p = arg;

	for (int i = 0; i < SSH_DENIALS; i++)
		metric_put_label(out, "cause", names[i],
		    (double)ssh_server_denials(p->ssh_server, (enum ssh_denial)i));
}

static void
put_sockets(struct metric_out *out, const void *arg)
{
	metric_put(out, http_server_sockets(((const struct proxy *)arg)->web->http));
}

static void
put_authd_connected(struct metric_out *out, const void *arg)
{
	metric_put(out, replica_is_connected(((const struct proxy *)arg)->replica));
}

static const struct metric rows[] = {
	{ "sallyport_connections", METRIC_GAUGE,
	    "Connections; stranger: that have not shown yet whose they are.", put_connections },
	{ "sallyport_connections_limit", METRIC_GAUGE,
	    "How many there may be (limits.connections).", put_limit },
	{ "sallyport_people", METRIC_GAUGE, "SSH connections of people.", put_people },
	{ "sallyport_tunnels", METRIC_GAUGE, "Nodes whose tunnel is up.", put_tunnels },
	{ "sallyport_channels", METRIC_GAUGE, "Ways of people to nodes that are open.",
	    put_relays },
	{ "sallyport_connects_total", METRIC_COUNTER,
	    "Wishes to reach a node, by result: ok, refused (no such node, or not for this user), many (too many at the "
	    "same time), unreachable.",
	    put_outcomes },
	{ "sallyport_passing", METRIC_GAUGE,
	    "Connections passed on to authd and auditd whose owner is not known.", put_passing },
	{ "sallyport_denials_total", METRIC_COUNTER,
	    "SSH connections that were not let in, by cause: stranger (no certificate of the cluster), rights (of a "
	    "person), node, many (of one person).",
	    put_denials },
	{ "sallyport_web_sockets", METRIC_GAUGE,
	    "WebSockets of people who are logged in in a browser.", put_sockets },
	{ "sallyport_authd_connected", METRIC_GAUGE,
	    "1 while authd tells this daemon of changes; otherwise what it said last holds.",
	    put_authd_connected },
};

/* Without authd it goes on with what it knows. */
const char *
proxy_unready(const struct daemon_run *run)
{
	const struct proxy *p = run->state;

	return replica_is_known(p->replica) ? NULL : "authd has not told about the cluster yet";
}

void
proxy_metrics(const struct daemon_run *run, struct metric_out *out)
{
	const struct proxy *p = run->state;
	struct rpc_ends ends = { 0 };

	/* Its parts are made before it has started, one after the other. */
	if (!p || !run->started)
		return;
	metric_table(out, rows, sizeof(rows) / sizeof(*rows), p);
	rpc_metrics_asked(out, p->rl);
	rpc_metrics_ends_of(&ends, join_rpc_identity(p->join));
	if (join_identity(p->join))
		ends.ssh_s = join_identity(p->join)->valid_until_s;
	ends.web_s = p->web_end_s;
	rpc_metrics_ends(out, &ends);
	audit_metrics(out, p->audit, RPC_PROXY);
}
