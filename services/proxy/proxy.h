/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: what proxyd is made of while it runs. One struct that owns the parts, made and taken apart
 * in start.c; and what the parts tell each other. No part includes this: start.c gives each what it
 * needs.
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "api/audit_log.h"
#include "api/join.h"
#include "daemon/daemon.h"
#include "proxy/conf.h"
#include "proxy/relay.h"
#include "proxy/rpc_leave.h"
#include "proxy/rpc_metrics.h"
#include "replica/replica.h"

struct ceiling;
struct rate;

struct proxy {
	struct daemon_run *run;
	const struct conf *conf;
	char state_dir[1024];
	int public_fd, ssh_fd; /* bound; front's once it is there */
	struct rpc_loop *rl;
	struct pool *pool;
	struct audit_log *audit;
	struct join *join;
	char cluster[256];
	struct ceiling *all, *strangers;
	struct ceiling *passing; /* on to authd and auditd, maybe strangers' */
	struct ceiling *people;  /* connections of one user */
	struct ceiling *relays_of_user, *relays_to_node; /* of one user; of one user to one node */
	struct rate *relay_failures;                     /* of one user, that are written down */
	struct replica *replica;
	struct tunnels *tunnels;
	struct relays relays;
	struct ssh_server *ssh_server;
	struct rpc_client *auth, *audit_search,
	    *audit_plays; /* both of auditd NULL: none is known */
	struct leave leave;
	struct metrics_show show;
	struct origins *origins;
	struct web *web;
	struct front *front;
	struct timer status, drain_step, drain_end;
	int64_t
	    web_end_s; /* of the certificate of tls.certificate, seconds since 1970; 0: there is none */
	bool leaving;
};

/* A file of the state folder: dst, or "" when it does not fit. */
const char *proxy_path(const struct proxy *p, const char *name, char *dst, size_t size);
/* Gives certificates and authorities to those who show or check them. */
int proxy_take_identity(struct proxy *p, const struct join_identity *id, struct err *e);

/* Callbacks of the parts; arg: struct proxy. */
void proxy_joined(const struct join_identity *id, void *arg);
void proxy_identity_changed(const struct join_identity *id, void *arg);
void proxy_refused(const char *why, void *arg); /* by authd, for good: the daemon ends */
void proxy_cluster_changed(enum replica_kind kind, const char *key, void *arg);
void proxy_authd_there(void *arg);
void proxy_web_arrived(const struct addr *peer, void *arg);
void proxy_web_reloaded(void *arg);
void proxy_web_closed(const struct addr *peer, void *arg);
void proxy_status(void *arg); /* a line for the service manager */
/* SIGHUP: only the web certificate, the packages and the web app can change without a restart. */
void proxy_reload(struct daemon_run *run, const void *fresh);

#endif
