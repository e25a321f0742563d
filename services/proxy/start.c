/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: puts the parts of proxyd together, in the order in which they need each other, and takes
 * them apart.
 *
 *	prepare (old rights): state folder's name, both ports bound
 *	start:   loops and log -> joined -> replica, tunnels, SSH -> authd, auditd, web, watch -> ports
 *	stop:    ports closed, connections drained (`drain` at most), authd told, the log flushed
 */
#include "proxy/start.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/gcm.h"
#include "crypto/rand.h"
#include "net/ceiling.h"
#include "net/listen.h"
#include "net/rate.h"
#include "priv/priv.h"
#include "proxy/conf.h"
#include "proxy/front.h"
#include "proxy/proxy.h"
#include "proxy/ssh_server.h"
#include "proxy/rpc_origin.h"
#include "proxy/web.h"

enum {
	POOL_THREADS = 2,
	POOL_QUEUE = 256,
	DIAL_MS = 10 * 1000,
	DRAIN_STEP_MS = 500,
	STATUS_MS = 10 * 1000,
	/* What auditd has not taken by then stays on disk and is sent after the next start. */
	FLUSH_MS = 2000,
	CONNECTIONS_OF_USER = 1000,
	FAILURES_PER_MIN = 60, /* of one user to reach a node, written down */
	FAILURES_BURST = 1000, /* at once: a fan-out while the nodes are away */
	RELAYS_TO_NODE = 192,  /* of one user to one node, not yet grown */
	PLAY_WINDOW = 256 *
	    1024, /* of a recording that a browser does not take; each is one (web_play.c) */
	AUDIT_ANSWER_MAX = 4 * 1024 *
	    1024, /* auditd's have 3 MiB, and a row more (audit/search.h) */
};

/* --- joining ----------------------------------------------------------------------- */

static int
join_cluster(struct proxy *p, struct err *e)
{
	static const struct join_events events = { .ready = proxy_joined,
		.changed = proxy_identity_changed,
		.refused = proxy_refused };
	char host[256] = "proxy", ssh_host[256];
	const char *addresses[2] = { p->conf->public_host };
	struct join_config config = { .kind = "proxy",
		.state_dir = p->state_dir,
		.name = host,
		.authd = p->conf->authd_addr,
		.token_file = p->conf->token_file,
		.ca_pin = p->conf->ca_pin,
		.addresses = addresses,
		.n_addresses = 1 };
	uint16_t port;

	/* A name for people. If it cannot be had, "proxy" will do: the identity is the UUID. */
	(void)gethostname(host, sizeof(host) - 1);
	if (p->conf->ssh_addr[0] &&
	    str_host_port(p->conf->ssh_addr, 3023, ssh_host, sizeof(ssh_host), &port) &&
	    strcmp(ssh_host, p->conf->public_host) != 0)
		addresses[config.n_addresses++] = ssh_host;
	if (join_new(&p->join, p->run->loop, p->rl, &config, &events, p, e) < 0 ||
	    join_wait(p->join, &p->run->stopping, e) < 0)
		return -1;
	(void)str_copy(p->cluster, sizeof(p->cluster), join_identity(p->join)->cluster);
	return 0;
}

/* --- making the parts ------------------------------------------------------------ */

static int
make_base(struct proxy *p, struct err *e)
{
	struct loop *loop = p->run->loop;
	char dir[1100];
	struct audit_log_config log = { .loop = loop,
		.dir = proxy_path(p, "audit", dir, sizeof(dir)),
		.quota = p->conf->audit_quota_bytes,
		.name = p->conf->public_host };
	const struct conf_limits *limits = &p->conf->limits;
	unsigned passing = (unsigned)limits->connections / 2;

	if (crypto_init() < 0)
		return err_set(e, "no randomness, or a processor that cannot do the cryptography");
	if (rpc_loop_new(&p->rl, loop) < 0 ||
	    pool_new(&p->pool, loop, POOL_THREADS, POOL_QUEUE) < 0 ||
	    ceiling_new(&p->all, (unsigned)limits->connections, (unsigned)limits->connections) <
		0 ||
	    ceiling_new(&p->strangers, (unsigned)limits->unauthenticated,
		(unsigned)limits->unauthenticated_per_address) < 0 ||
	    ceiling_new(&p->passing, passing, (unsigned)limits->unauthenticated_per_address) < 0 ||
	    ceiling_new(&p->relays_of_user, UINT_MAX, (unsigned)limits->relays_per_user) < 0 ||
	    ceiling_new(&p->relays_to_node, UINT_MAX, RELAYS_TO_NODE) < 0 ||
	    rate_new(&p->relay_failures, FAILURES_PER_MIN, FAILURES_BURST) < 0 ||
	    ceiling_new(&p->people, UINT_MAX, CONNECTIONS_OF_USER) < 0)
		return err_memory(e);
	ceiling_early(p->strangers, (unsigned)limits->unauthenticated / 2);
	ceiling_early(p->passing, passing / 2);
	log.rl = p->rl;
	return audit_log_open(&p->audit, &log, e);
}

static int
make_ssh(struct proxy *p, struct err *e)
{
	static const struct replica_events events = { .changed = proxy_cluster_changed,
		.begun = proxy_authd_there };
	struct loop *loop = p->run->loop;
	char path[1100];
	const struct replica_config replica = { .loop = loop,
		.kinds = REPLICA_BASE | REPLICA_BIT(REPLICA_HOST) | REPLICA_BIT(REPLICA_USER) |
		    REPLICA_BIT(REPLICA_WEB_SESSION),
		.path = proxy_path(p, "cluster", path, sizeof(path)) };

	if (replica_new(&p->replica, &replica, &events, p) < 0 ||
	    tunnels_new(&p->tunnels, p->replica, p->audit) < 0)
		return err_memory(e);
	p->relays = (struct relays){ .loop = loop,
		.pool = p->pool,
		.replica = p->replica,
		.tunnels = p->tunnels,
		.audit = p->audit,
		.cluster = p->cluster,
		.of_user = p->relays_of_user,
		.to_node = p->relays_to_node,
		.failures = p->relay_failures,
		.dial_timeout_ms = DIAL_MS };
	struct ssh_server_config ssh_server = { .loop = loop,
		.replica = p->replica,
		.tunnels = p->tunnels,
		.relays = &p->relays,
		.audit = p->audit,
		.strangers = p->strangers,
		.passing = p->passing,
		.all = p->all,
		.people = p->people,
		.cluster = p->cluster,
		.login_grace_ms = (uint32_t)(p->conf->limits.login_grace_s * 1000),
		.keepalive_ms = (uint32_t)(p->conf->limits.keepalive_s * 1000) };
	return ssh_server_new(&p->ssh_server, &ssh_server) < 0 ? err_memory(e) : 0;
}

static int
make_clients(struct proxy *p, struct err *e)
{
	const struct join_identity *id = join_identity(p->join);
	struct rpc_channel_config auth = { .target = p->conf->authd_addr,
		.server_name = id->auth_server,
		.identity = join_rpc_identity(p->join),
		.keepalive = true };

	struct rpc_channel_config audit = { .target = p->conf->auditd_addr,
		.server_name = id->audit_server,
		.identity = join_rpc_identity(p->join),
		.max_message = AUDIT_ANSWER_MAX,
		.keepalive = true };
	struct rpc_channel_config plays = audit;

	if (rpc_client_new(&p->auth, p->rl, &auth, e) < 0)
		return -1;
	/* For what people ask in a browser, and for what they play; the log of events has a channel of its own. */
	plays.stream_window = PLAY_WINDOW;
	if (p->conf->auditd_addr &&
	    (rpc_client_new(&p->audit_search, p->rl, &audit, e) < 0 ||
		rpc_client_new(&p->audit_plays, p->rl, &plays, e) < 0))
		return -1;
	if (origins_new(&p->origins, p->auth) < 0)
		return err_memory(e);
	if (p->conf->auditd_addr &&
	    audit_log_connect(p->audit, p->conf->auditd_addr, id->audit_server,
		join_rpc_identity(p->join), e) < 0)
		return -1;
	struct web_config web = { .loop = p->run->loop,
		.pool = p->pool,
		.conf = p->conf,
		.auth = p->auth,
		.audit = p->audit_search,
		.plays = p->audit_plays,
		.replica = p->replica,
		.ssh_server = p->ssh_server,
		.strangers = p->strangers,
		.all = p->all,
		.cluster = p->cluster,
		.arrived = proxy_web_arrived,
		.closed = proxy_web_closed,
		.reloaded = proxy_web_reloaded,
		.arg = p };
	if (web_new(&p->web, &web, e) < 0 || proxy_take_identity(p, id, e) < 0)
		return -1;
	if (metrics_show_init(&p->show, p->run, p->auth) < 0)
		return err_memory(e);
	return replica_start(p->replica, p->auth, p->join, e);
}

static int
make_front(struct proxy *p, struct err *e)
{
	struct front_config front = { .loop = p->run->loop,
		.pool = p->pool,
		.ssh_server = p->ssh_server,
		.web = p->web->http,
		.strangers = p->strangers,
		.passing = p->passing,
		.all = p->all,
		.origins = p->origins,
		.cluster = p->cluster,
		.public_fd = p->public_fd,
		.ssh_fd = p->ssh_fd,
		.authd_addr = p->conf->authd_addr,
		.auditd_addr = p->conf->auditd_addr,
		.balancers = p->conf->balancers,
		.n_balancers = p->conf->n_balancers };

	p->public_fd = p->ssh_fd = -1;
	if (front_new(&p->front, &front, e) < 0)
		return -1;
	if (timer_init(&p->status, p->run->loop, proxy_status, p) < 0)
		return err_memory(e);
	timer_repeat(&p->status, STATUS_MS);
	return 0;
}

/* --- the hooks ------------------------------------------------------------------- */

/* Ports are bound while the daemon still has the rights for those below 1024. */
int
proxy_prepare(struct daemon_run *run, struct err *e)
{
	struct proxy *p = calloc(1, sizeof(*p));
	const struct conf *conf = run->conf;

	if (!p)
		return err_memory(e);
	p->run = run;
	p->conf = conf;
	p->public_fd = p->ssh_fd = -1;
	run->state = p;
	if (!str_copy(p->state_dir, sizeof(p->state_dir),
		conf_text(conf->state_dir, "/var/lib/sallyport/proxyd")))
		return err_set(e, "state_dir is too long");
	p->public_fd = listen_bind(conf_text(conf->listen, ":3080"), e);
	if (p->public_fd < 0)
		return -1;
	if (conf->ssh_addr[0] == '\0')
		return 0;
	p->ssh_fd = listen_bind(conf_text(conf->ssh_listen, ":3023"), e);
	return p->ssh_fd < 0 ? -1 : 0;
}

int
proxy_confine(struct daemon_run *run, struct err *e)
{
	(void)run;
	gcm_load();
	return priv_seccomp_lists((const char *const *const[]){ priv_calls_base, priv_calls_server,
				      NULL },
	    e);
}

int
proxy_start(struct daemon_run *run, struct err *e)
{
	struct proxy *p = run->state;

	if (make_base(p, e) < 0 || join_cluster(p, e) < 0 || make_ssh(p, e) < 0 ||
	    make_clients(p, e) < 0 || make_front(p, e) < 0)
		return -1;
	log_info("serving", "cluster", p->cluster, "public", p->conf->public_addr, "ssh",
	    p->conf->ssh_addr, NULL);
	return 0;
}

static void
on_flushed(void *arg)
{
	struct proxy *p = arg;

	daemon_stopped(p->run);
}

static void
on_left(void *arg)
{
	struct proxy *p = arg;

	audit_log_flush(p->audit, FLUSH_MS, on_flushed, p);
}

/* Nobody is served any more, or the time is over: tell authd, write out the log. */
static void
on_drained(void *arg)
{
	struct proxy *p = arg;

	if (p->leaving)
		return;
	p->leaving = true;
	timer_stop(&p->drain_step);
	timer_stop(&p->drain_end);
	p->leave = (struct leave){ .done = on_left, .arg = p };
	leave_send(&p->leave, p->auth);
}

static void
on_drain_step(void *arg)
{
	struct proxy *p = arg;

	ssh_server_drain(p->ssh_server, on_drained, p);
}

/* The ports first, so that a successor, or another proxy behind the same balancer, gets the new
 * ones; those who are here may finish. */
void
proxy_stop(struct daemon_run *run)
{
	struct proxy *p = run->state;

	front_close(p->front);
	http_server_drain(p->web->http);
	if (timer_init(&p->drain_step, run->loop, on_drain_step, p) < 0 ||
	    timer_init(&p->drain_end, run->loop, on_drained, p) < 0) {
		daemon_stopped(run);
		return;
	}
	timer_repeat(&p->drain_step, DRAIN_STEP_MS);
	timer_start(&p->drain_end, p->conf->drain_s * 1000);
	on_drain_step(p);
}

void
proxy_done(struct daemon_run *run)
{
	struct proxy *p = run->state;

	if (!p)
		return;
	timer_done(&p->status);
	timer_done(&p->drain_step);
	timer_done(&p->drain_end);
	/* From the outside in: first who brings connections, then who has them, then what they look
	 * things up in. */
	front_free(p->front);
	ssh_server_free(p->ssh_server);
	web_free(p->web);
	/* Its watch ends before the client does; tunnels still look hosts up until they end. */
	replica_free(p->replica);
	metrics_show_done(&p->show);
	rpc_client_free(p->auth);
	rpc_client_free(p->audit_search);
	rpc_client_free(p->audit_plays);
	origins_free(p->origins);
	tunnels_free(p->tunnels);
	audit_log_close(p->audit);
	join_free(p->join);
	pool_free(p->pool);
	ceiling_free(p->strangers);
	ceiling_free(p->passing);
	ceiling_free(p->all);
	ceiling_free(p->relays_of_user);
	ceiling_free(p->relays_to_node);
	rate_free(p->relay_failures);
	ceiling_free(p->people);
	if (p->rl)
		rpc_loop_free(p->rl);
	mem_closep(&p->public_fd);
	mem_closep(&p->ssh_fd);
	free(p);
	run->state = NULL;
}
