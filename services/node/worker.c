/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: puts the nouns together, and takes them apart again at a clean stop: leave the list, end
 * the sessions, upload what was recorded.
 *
 * Security: unprivileged user, no new privileges, seccomp without execve: what a stranger breaks
 * here cannot become root and cannot start a program.
 */
#include "node/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/sshkey.h"
#include "net/listen.h"
#include "node/session.h"
#include "node/heartbeat.h"
#include "node/live.h"
#include "node/rights.h"
#include "node/rpc_rights.h"
#include "node/serve.h"
#include "node/tunnel.h"
#include "priv/priv.h"

enum {
	STOP_SESSIONS_MS = 3000,
	STOP_LOOK_MS = 50,
	STOP_UPLOAD_MS = 3000,
	KEY_PATH_MAX = NODE_FOLDER_MAX + 32
};

/* What node.h does not need to know. */
struct worker {
	struct node node;
	struct host *host;
	struct timer look; /* while stopping */
	int64_t sessions_until_ms;
	bool left; /* authd was told */
	bool flushing;
	bool refused;
	char why[256];
};

int
worker_confine(struct daemon_run *run, struct err *e)
{
	static const char *const *const lists[] = { priv_calls_base, priv_calls_server, NULL };

	(void)run;
	return priv_seccomp_lists(lists, e);
}

/* --- the monitor's words ----------------------------------------------------------------- */

static void
on_exited(const struct mon_exited *exited, void *arg)
{
	struct worker *w = arg;

	session_exited(&w->node, exited);
}

static void
on_stop(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static void
on_lost(void *arg)
{
	struct worker *w = arg;

	log_error("the monitor is gone", NULL);
	daemon_fail(w->node.run);
}

static const struct monitor_events monitor_events = { .exited = on_exited,
	.stop = on_stop,
	.lost = on_lost };

/* --- identity ------------------------------------------------------------------------------ */

/* Gives authorities to the monitor, and the host key to those who show it. */
static int
take_identity(struct worker *w, const struct join_identity *id, struct err *e)
{
	struct node *n = &w->node;
	struct host *host = NULL;
	char path[KEY_PATH_MAX];

	if (monitor_bundle(n->monitor, buf_span(&id->ca->packed), e))
		return err_prefix(e,
		    "the monitor does not accept this cluster (if it was made anew, remove "
		    "%s/monitor/ca-bundle)",
		    conf_state(n->config));
	if (!str_format(path, sizeof(path), "%s/identity/ssh_host_key", n->folder) ||
	    host_load(&host, path, id->ssh_host_cert, e))
		return -1;
	host_unref(w->host);
	w->host = host;
	if (n->tunnel)
		tunnel_set_identity(n->tunnel, host);
	return 0;
}

static void
on_joined(const struct join_identity *id, void *arg)
{
	(void)arg;
	log_info("this node is part of the cluster", "cluster", id->cluster, "uuid", id->uuid,
	    NULL);
}

static void
on_changed(const struct join_identity *id, void *arg)
{
	struct worker *w = arg;
	struct err e = { "" };

	if (w->host && take_identity(w, id, &e))
		log_error("new certificates are not in use", "cause", e.text, NULL);
}

static void
on_refused(const char *why, void *arg)
{
	struct worker *w = arg;

	w->refused = true;
	str_copy(w->why, sizeof(w->why), why);
}

static const struct join_events join_events = { .ready = on_joined,
	.changed = on_changed,
	.refused = on_refused };

/* The token is the monitor's to read (root alone may), and only asked for by a node that has no
 * identity yet. */
static int
start_joining(struct worker *w, struct err *e)
{
	struct node *n = &w->node;
	const struct conf *c = n->config;
	_cleanup_free_ char *token = NULL;
	struct api_label labels[NODE_LABELS_MAX];
	char folder[KEY_PATH_MAX], certificate[KEY_PATH_MAX];

	if (!str_format(folder, sizeof(folder), "%s/identity", n->folder) ||
	    !str_format(certificate, sizeof(certificate), "%s/tls.crt", folder))
		return err_set(e, "state: the path is too long");
	if (access(certificate, F_OK) != 0 && monitor_token(n->monitor, &token, e))
		return -1;
	for (size_t i = 0; i < c->n_labels; i++)
		labels[i] = (struct api_label){ c->labels[i].key, c->labels[i].value };
	const struct join_config config = {
		.kind = "node",
		.state_dir = folder,
		.name = conf_name(c),
		.proxy = c->proxy,
		.token = token,
		.ca_pin = c->ca_pin,
		.labels = labels,
		.n_labels = c->n_labels,
	};
	return join_new(&n->join, n->loop, n->rl, &config, &join_events, w, e);
}

/* --- start ---------------------------------------------------------------------------------- */

static int
prepare(struct worker *w, struct err *e)
{
	struct node *n = &w->node;
	char spool[KEY_PATH_MAX];

	if (!str_format(n->folder, sizeof(n->folder), "%s/worker", conf_state(n->config)) ||
	    !str_format(spool, sizeof(spool), "%s/spool", n->folder))
		return err_set(e, "state: the path is too long");
	if (file_mkdir(n->folder, 0700, e))
		return -1;
	if (crypto_init() || rpc_loop_new(&n->rl, n->loop) || rights_new(&n->rights) ||
	    timer_init(&w->look, n->loop, NULL, NULL))
		return err_set(e, "out of memory");
	if (monitor_client_new(&n->monitor, n->loop, MON_FD, &monitor_events, w, e))
		return -1;
	const struct audit_log_config config = { .loop = n->loop,
		.rl = n->rl,
		.dir = spool,
		.quota = n->config->spool_quota,
		.name = conf_name(n->config) };
	if (audit_log_open(&n->audit, &config, e))
		return -1;
	return rights_feed_new(&n->rights_feed, n, e);
}

static void
on_accept(int fd, const struct addr *peer, void *arg)
{
	struct worker *w = arg;
	struct conn_address address = { .client_port = peer->port,
		.server_port = listen_port(w->node.listener) };
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	struct addr local = { "127.0.0.1", 0 };

	if (getsockname(fd, (struct sockaddr *)&sa, &size) == 0)
		addr_from_sockaddr(&local, (struct sockaddr *)&sa);
	str_copy(address.client, sizeof(address.client), peer->ip);
	str_copy(address.server, sizeof(address.server), local.ip);
	if (w->node.stopping || serve_fd(&w->node, w->host, fd, &address))
		close(fd);
}

static int
start_listening(struct worker *w, struct err *e)
{
	int fd = listen_bind(w->node.config->listen, e);

	if (fd < 0)
		return -1;
	if (listen_new(&w->node.listener, w->node.loop, fd, on_accept, w, e) == 0)
		return 0;
	close(fd);
	return -1;
}

/* Everything that needs the identity. */
static int
serve(struct worker *w, struct err *e)
{
	struct node *n = &w->node;
	const struct join_identity *id = join_identity(n->join);

	if (take_identity(w, id, e) || live_open(&n->live, n, e))
		return -1;
	const struct auth_client_config config = { .loop = n->loop,
		.rl = n->rl,
		.target = join_auth_target(n->join),
		.server_name = id->auth_server,
		.identity = join_rpc_identity(n->join) };
	if (auth_client_new(&n->auth, &config, e) || rights_feed_start(n->rights_feed, e) ||
	    audit_log_connect(n->audit, n->config->proxy, id->audit_server,
		join_rpc_identity(n->join), e) ||
	    tunnel_new(&n->tunnel, n, e))
		return -1;
	tunnel_set_identity(n->tunnel, w->host);
	if (n->config->listen && start_listening(w, e))
		return -1;
	return heartbeat_new(&n->heartbeat, n, e);
}

int
worker_start(struct daemon_run *run, struct err *e)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, "out of memory");
	run->state = w;
	w->node.run = run;
	w->node.loop = run->loop;
	w->node.config = run->conf;
	list_init(&w->node.connections);
	list_init(&w->node.sessions);
	if (prepare(w, e) || start_joining(w, e) || join_wait(w->node.join, &run->stopping, e))
		return -1;
	if (serve(w, e))
		return -1;
	monitor_ready(w->node.monitor);
	return 0;
}

/* --- stop
 * --------------------------------------------------------------------------------------- */

static void
on_flushed(void *arg)
{
	struct worker *w = arg;

	daemon_stopped(w->node.run);
}

static void
on_look(void *arg)
{
	struct worker *w = arg;
	struct node *n = &w->node;
	bool ended = list_empty(&n->sessions) && list_empty(&n->connections);

	if (w->flushing || !w->left || (!ended && loop_now_ms(n->loop) < w->sessions_until_ms))
		return;
	w->flushing = true;
	timer_stop(&w->look);
	tunnel_close(n->tunnel);
	audit_log_flush(n->audit, STOP_UPLOAD_MS, on_flushed, w);
}

static void
on_left(void *arg)
{
	struct worker *w = arg;

	w->left = true;
}

void
worker_stop(struct daemon_run *run)
{
	struct worker *w = run->state;
	struct node *n = &w->node;

	n->stopping = true;
	if (!n->heartbeat) {
		daemon_stopped(run);
		return;
	}
	listen_free(n->listener);
	n->listener = NULL;
	heartbeat_leave(n->heartbeat, on_left, w);
	serve_cut_all(n, "the node is stopping");
	w->sessions_until_ms = loop_now_ms(n->loop) + STOP_SESSIONS_MS;
	w->look.fn = on_look;
	w->look.arg = w;
	timer_repeat(&w->look, STOP_LOOK_MS);
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

void
worker_done(struct daemon_run *run)
{
	struct worker *w = run->state;

	if (!w)
		return;
	struct node *n = &w->node;
	listen_free(n->listener);
	end_links(n);
	session_end_all(n);
	tunnel_free(n->tunnel);
	heartbeat_free(n->heartbeat);
	rights_feed_free(n->rights_feed);
	auth_client_free(n->auth);
	live_close(n->live);
	audit_log_close(n->audit);
	join_free(n->join);
	monitor_client_free(n->monitor);
	rpc_loop_free(n->rl);
	rights_free(n->rights);
	host_unref(w->host);
	timer_done(&w->look);
	free(w);
	run->state = NULL;
}
