/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: see node.h. What one part of the worker learns and another must act on passes through here.
 */
#include "node/node.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/listen.h"
#include "node/session.h"
#include "node/serve.h"
#include "node/tunnel.h"

/* --- the monitor's words ----------------------------------------------------------------- */

void
node_exited(const struct mon_exited *exited, void *arg)
{
	struct node *n = arg;

	session_exited(n, exited);
}

/* As if the service manager had asked: the skeleton's own way to stop, which the signal's handler
 * knows. */
void
node_stop_asked(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

/* It cannot be dialled again: this socket was all that the worker had of it. */
void
node_monitor_lost(void *arg)
{
	struct node *n = arg;

	log_error("the monitor is gone", NULL);
	daemon_fail(n->run);
}

/* --- identity ------------------------------------------------------------------------------ */

/* 0: it cannot be read, so any cut-off cuts it. */
static int64_t
issued_ms(struct span host_cert)
{
	struct sshcert *cert = NULL;
	int64_t ms = 0;

	if (sshcert_parse(&cert, host_cert, NULL) == 0)
		ms = replica_issued_ms(cert);
	sshcert_free(cert);
	return ms;
}

/* Gives authorities to the monitor, and the host key to those who show it. */
int
node_take_identity(struct node *n, const struct join_identity *id, struct err *e)
{
	struct host *host = NULL;

	if (monitor_bundle(n->monitor, buf_span(&id->ca->packed), e))
		return err_prefix(e,
		    "the monitor does not accept this cluster (if it was made anew, remove "
		    "%s/monitor/ca-bundle)",
		    conf_state(n->config));
	if (host_new(&host, id->host_key, id->ssh_host_cert, e))
		return -1;
	/* Connections that stand keep the old one by their reference; new ones show the new
	 * certificate. */
	host_unref(n->host);
	n->host = host;
	n->issued_ms = issued_ms(id->ssh_host_cert);
	if (n->tunnel)
		tunnel_set_identity(n->tunnel, host);
	return 0;
}

void
node_joined(const struct join_identity *id, void *arg)
{
	(void)arg;
	log_info("this node is part of the cluster", "cluster", id->cluster, "uuid", id->uuid,
	    NULL);
}

void
node_identity_changed(const struct join_identity *id, void *arg)
{
	struct node *n = arg;
	struct err e = { "" };

	if (n->host && node_take_identity(n, id, &e))
		log_error("new certificates are not in use", "cause", e.text, NULL);
}

/* --- what the cluster says ------------------------------------------------------------------ */

static void
on_cutoffs_passed(bool ok, const char *text, int *fds, size_t n_fds, void *arg)
{
	(void)fds;
	(void)n_fds;
	(void)arg;
	if (!ok)
		log_error("the monitor does not take the list of cut-offs", "cause", text, NULL);
}

static void
pass_cutoffs(struct node *n)
{
	struct span list = replica_signed_cutoffs(n->replica);

	if (list.n > 0)
		monitor_cutoffs(n->monitor, list, on_cutoffs_passed, n);
}

/* Whatever it is, it may be what some connection was allowed by. */
void
node_cluster_changed(enum replica_kind kind, const char *key, void *arg)
{
	struct node *n = arg;

	(void)key;
	if (kind == REPLICA_SIGNED_CUTOFFS)
		pass_cutoffs(n);
	else if (kind != REPLICA_CA)
		review_again(&n->review);
	if (kind == REPLICA_HOST_CUTOFF && n->tunnel)
		tunnel_review(n->tunnel);
}

/* --- the port ------------------------------------------------------------------------------ */

void
node_accepted(int fd, const struct addr *peer, void *arg)
{
	struct node *n = arg;
	struct conn_address address = { .client_port = peer->port,
		.server_port = listen_port(n->listener) };
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	struct addr local = { "127.0.0.1", 0 };

	if (getsockname(fd, (struct sockaddr *)&sa, &size) == 0)
		addr_from_sockaddr(&local, (struct sockaddr *)&sa);
	str_copy(address.client, sizeof(address.client), peer->ip);
	str_copy(address.server, sizeof(address.server), local.ip);
	/* serve_fd owns the socket when it returns 0. */
	if (n->stopping || serve_fd(n, n->host, fd, &address))
		close(fd);
}
