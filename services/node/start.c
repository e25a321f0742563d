/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: puts the parts of noded's worker together, in the order in which they need each other, and
 * takes them apart again.
 *
 *	start:   folder, monitor, log -> joined -> authorities, live files -> authd, auditd, tunnel
 *	stop:    leave authd's list, end the sessions, upload what was recorded
 *
 * Security: unprivileged user, no new privileges, seccomp without execve: what a stranger breaks
 * here cannot become root and cannot start a program.
 */
#include "node/start.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/gcm.h"
#include "crypto/rand.h"
#include "net/listen.h"
#include "node/session.h"
#include "node/heartbeat.h"
#include "node/live.h"
#include "node/node.h"
#include "node/serve.h"
#include "node/share.h"
#include "node/tunnel.h"
#include "priv/priv.h"

/* Both together stay below what the skeleton waits before it ends the process (drain_s in
 * main.c). */
enum { STOP_SESSIONS_MS = 3000, STOP_LOOK_MS = 50, STOP_UPLOAD_MS = 3000 };

static void on_stop_look(void *arg);

int
node_confine(struct daemon_run *run, struct err *e)
{
	static const char *const *const lists[] = { priv_calls_base, priv_calls_server, NULL };

	(void)run;
	gcm_load();
	return priv_seccomp_lists(lists, e);
}

/* --- start ---------------------------------------------------------------------------------- */

/* The token is the monitor's to read (root alone may). A node that has an identity needs none, and asks all the same: one
 * that it did not join with is somebody's wish that it joins again. */
static int
start_joining(struct node *n, struct err *e)
{
	const struct conf *c = n->config;
	_cleanup_free_ char *token = NULL;
	char folder[NODE_PATH_MAX], certificate[NODE_PATH_MAX];

	if (!str_format(folder, sizeof(folder), "%s/identity", n->folder) ||
	    !str_format(certificate, sizeof(certificate), "%s/tls.crt", folder))
		return err_set(e, "state: the path is too long");
	if (monitor_host_key(n->monitor, &n->host_key, e) ||
	    (monitor_token(n->monitor, &token, e) && access(certificate, F_OK) != 0))
		return -1;
	static const struct join_events events = { .ready = node_joined,
		.changed = node_identity_changed };
	const struct join_config config = {
		.kind = "node",
		.state_dir = folder,
		.host_key = n->host_key,
		.name = conf_name(c),
		.proxy = c->proxy,
		.token = token,
		.ca_pin = c->ca_pin,
		.labels = c->labels,
		.n_labels = c->n_labels,
	};
	return join_new(&n->join, n->loop, n->rl, &config, &events, n, e);
}

static int
make_replica(struct node *n, struct err *e)
{
	static const struct replica_events events = { .changed = node_cluster_changed };
	char path[NODE_PATH_MAX];
	const struct replica_config config = { .loop = n->loop,
		.kinds = REPLICA_BASE | REPLICA_BIT(REPLICA_OWN_LABELS) |
		    REPLICA_BIT(REPLICA_SIGNED_CUTOFFS),
		.path = path };

	if (!str_format(path, sizeof(path), "%s/cluster", n->folder))
		return err_set(e, "state: the path is too long");
	if (replica_new(&n->replica, &config, &events, n))
		return err_memory(e);
	return 0;
}

static int
make_base(struct node *n, struct err *e)
{
	static const struct monitor_events events = { .exited = node_exited,
		.stop = node_stop_asked,
		.lost = node_monitor_lost };
	char spool[NODE_PATH_MAX];

	if (!str_format(n->folder, sizeof(n->folder), "%s/worker", conf_state(n->config)) ||
	    !str_format(spool, sizeof(spool), "%s/spool", n->folder))
		return err_set(e, "state: the path is too long");
	if (file_mkdir(n->folder, 0700, e))
		return -1;
	if (crypto_init() || rpc_loop_new(&n->rl, n->loop) ||
	    timer_init(&n->stop_look, n->loop, on_stop_look, n))
		return err_memory(e);
	if (monitor_client_new(&n->monitor, n->loop, MON_FD, &events, n, e))
		return -1;
	const struct audit_log_config config = { .loop = n->loop,
		.rl = n->rl,
		.dir = spool,
		.quota = n->config->spool_quota,
		.name = conf_name(n->config) };
	if (audit_log_open(&n->audit, &config, e))
		return -1;
	audit_log_on_watched(n->audit, session_watched, n);
	return make_replica(n, e);
}

static int
start_listening(struct node *n, struct err *e)
{
	int fd = listen_bind(n->config->listen, e);

	if (fd < 0)
		return -1;
	if (listen_new(&n->listener, n->loop, fd, node_accepted, n, e) == 0)
		return 0;
	close(fd);
	return -1;
}

/* Everything that needs the identity. */
static int
serve(struct node *n, struct err *e)
{
	const struct join_identity *id = join_identity(n->join);

	if (node_take_identity(n, id, e) || live_open(&n->live, n, e))
		return -1;
	const struct rpc_channel_config config = { .target = join_auth_target(n->join),
		.server_name = id->auth_server,
		.identity = join_rpc_identity(n->join),
		.keepalive = true };
	if (rpc_client_new(&n->auth, n->rl, &config, e) ||
	    replica_start(n->replica, n->auth, n->join, e) ||
	    audit_log_connect(n->audit, n->config->proxy, id->audit_server,
		join_rpc_identity(n->join), e) ||
	    tunnel_new(&n->tunnel, n, e))
		return -1;
	tunnel_set_identity(n->tunnel, n->host);
	if (n->config->listen && start_listening(n, e))
		return -1;
	return heartbeat_new(&n->heartbeat, n, e);
}

int
node_start(struct daemon_run *run, struct err *e)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return err_memory(e);
	run->state = n;
	n->run = run;
	n->loop = run->loop;
	n->config = run->conf;
	list_init(&n->sessions);
	if (serve_init(n) < 0)
		return err_memory(e);
	/* What is allocated is found by node_done also when this fails: run->state is set before. */
	if (make_base(n, e) || start_joining(n, e) || join_wait(n->join, &run->stopping, e))
		return -1;
	if (serve(n, e))
		return -1;
	/* Last: only now does the service manager hear that the node serves. */
	monitor_ready(n->monitor);
	return 0;
}

/* --- stop ------------------------------------------------------------------------------------ */

static void
on_flushed(void *arg)
{
	struct node *n = arg;

	daemon_stopped(n->run);
}

static void
on_stop_look(void *arg)
{
	struct node *n = arg;
	bool ended = list_empty(&n->sessions) && list_empty(&n->connections);

	if (n->flushing || !n->left || (!ended && loop_now_ms(n->loop) < n->stop_until_ms))
		return;
	n->flushing = true;
	timer_stop(&n->stop_look);
	/* The tunnel last: through it the ends of sessions went out. */
	tunnel_close(n->tunnel);
	audit_log_flush(n->audit, STOP_UPLOAD_MS, on_flushed, n);
}

/* Whether or not authd heard it. */
static void
on_left(void *arg)
{
	struct node *n = arg;

	n->left = true;
}

void
node_stop(struct daemon_run *run)
{
	struct node *n = run->state;

	n->stopping = true;
	/* No heartbeat: it did not come so far as to serve. */
	if (!n->heartbeat) {
		daemon_stopped(run);
		return;
	}
	listen_free(n->listener);
	n->listener = NULL;
	heartbeat_leave(n->heartbeat, on_left, n);
	serve_cut_all(n, "the node is stopping");
	n->stop_until_ms = loop_now_ms(n->loop) + STOP_SESSIONS_MS;
	timer_repeat(&n->stop_look, STOP_LOOK_MS);
}

/* Links end from the loop: it must turn until they have. */
static void
end_links(struct node *n)
{
	serve_cut_all(n, "the node is stopping");
	if (n->tunnel)
		tunnel_close(n->tunnel);
	for (int i = 0; i < 100 &&
	     (!list_empty(&n->connections) || (n->tunnel && !tunnel_is_closed(n->tunnel)));
	     i++)
		(void)loop_turn(n->loop, 20);
}

/* Backwards: what is freed first may still use what is freed after it. */
void
node_done(struct daemon_run *run)
{
	struct node *n = run->state;

	if (!n)
		return;
	listen_free(n->listener);
	end_links(n);
	session_end_all(n);
	tunnel_free(n->tunnel);
	heartbeat_free(n->heartbeat);
	replica_free(n->replica);
	rpc_client_free(n->auth);
	live_close(n->live);
	share_free_all(n);
	audit_log_close(n->audit);
	join_free(n->join);
	monitor_client_free(n->monitor);
	rpc_loop_free(n->rl);
	serve_done(n);
	host_unref(n->host);
	sshkey_free(n->host_key);
	timer_done(&n->stop_look);
	free(n);
	run->state = NULL;
}
