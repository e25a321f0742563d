/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxyd: the public end of a cluster. One process, one loop: SSH for people and for the tunnels of
 * nodes, HTTPS, and TLS passed through to authd and auditd, all on one port.
 *
 * What it is made of: conf.c (proxyd.yaml); start.c (the order of things) and proxy.c (what the parts
 * tell each other); front.c, the two ports, which finds out what a connection speaks; ssh_server.c
 * (SSH of people and nodes), resolve.c (which node is meant), relay.c and relay_tcp.c (client to
 * node), tunnel.c (the reverse tunnels); web*.c and asset.c (pages); lib/replica (the cluster as
 * authd says it); rpc_hello.c (tells authd where people find it), rpc_origin.c (whose connection it
 * passes on); record.c (what is written down).
 *
 * Security: runs as `sallyport`; touches sockets and its own state folder. Holds its host key and
 * no others: what passes between people and nodes is SSH that ends at them, and what passes to
 * authd and auditd is TLS that ends there.
 */
#include "proxy/conf.h"
#include "proxy/metrics.h"
#include "proxy/proxy.h"
#include "proxy/start.h"

enum { DRAIN_LONGEST_S = 24 * 3600 }; /* `drain` in the configuration is the limit */

static const struct daemon proxyd = {
	.name = "proxyd",
	.summary = "the public end of a cluster: SSH, HTTPS and the tunnels of nodes on one port",
	.conf_schema = &conf_schema,
	.conf_path = "/etc/sallyport/proxyd.yaml",
	.check = conf_check,
	.user = conf_user,
	.flags = DAEMON_SECRETS,
	.drain_s = DRAIN_LONGEST_S,
	.prepare = proxy_prepare,
	.confine = proxy_confine,
	.start = proxy_start,
	.reload = proxy_reload,
	.stop = proxy_stop,
	.diag_addr = conf_diag,
	.unready = proxy_unready,
	.metrics = proxy_metrics,
	.done = proxy_done,
};

int
main(int argc, char **argv)
{
	return daemon_main(&proxyd, argc, argv);
}
