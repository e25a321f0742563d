/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: what noded's worker is made of while it runs. One struct that owns the parts, made and taken
 * apart in start.c, known to every noun; and what the parts tell each other.
 *
 * Security: the worker runs as an unprivileged user without new privileges and with seccomp;
 * everything that comes from the network is parsed here, and nothing here can start a process.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "api/audit_log.h"
#include "api/join.h"
#include "base/list.h"
#include "daemon/daemon.h"
#include "event/loop.h"
#include "event/review.h"
#include "node/conf.h"
#include "node/monitor_client.h"
#include "replica/replica.h"

struct addr;
struct ceiling;
struct rate;
struct heartbeat;
struct host;
struct listener;
struct live;
struct tunnel;

enum { NODE_FOLDER_MAX = 512, NODE_PATH_MAX = NODE_FOLDER_MAX + 32 };

/* Since the start, for those who watch (metrics.c). Who was not let in, once a connection. */
enum node_denial {
	NODE_DENIAL_STRANGER, /* no certificate of ours */
	NODE_DENIAL_RIGHTS,   /* one that is not valid, not allowed, or was withdrawn */
	NODE_DENIAL_MANY,     /* too many connections of the user */
	NODE_DENIAL_MONITOR,  /* the monitor does not believe the sign-in */
	NODE_DENIAL_UNPROVEN, /* it cannot say: MON_UNPROVEN */
	NODE_DENIALS
};
/* Which session was not started. */
enum node_refusal {
	NODE_REFUSAL_STOPPING,
	NODE_REFUSAL_REQUEST, /* nothing that can be run */
	NODE_REFUSAL_MANY,    /* sessions of all, or of the user */
	NODE_REFUSAL_SPOOL,   /* full, or the user's share of it is */
	NODE_REFUSAL_RIGHTS,
	NODE_REFUSALS
};
struct node_counts {
	uint64_t denials[NODE_DENIALS];
	uint64_t refusals[NODE_REFUSALS];
	uint64_t tunnels; /* how often it came up */
};

struct node {
	struct daemon_run *run;
	struct loop *loop;
	struct rpc_loop *rl;
	const struct conf *config;
	char folder[NODE_FOLDER_MAX]; /* the worker's own part of the state */
	struct monitor_client *monitor;
	struct join *join;
	struct audit_log *audit;
	struct live *live; /* files of running sessions */
	struct rpc_client *auth;
	struct replica *replica; /* roles, cut-offs, own labels as authd gave them */
	struct review review;    /* connections, when one of these changed */
	int64_t issued_ms;       /* of the host certificate */
	struct heartbeat *heartbeat;
	struct tunnel *tunnel;
	struct listener *listener;
	struct sshkey *host_key; /* its public half; the monitor has the key */
	struct host *host;       /* key and certificate that connections answer with; serve.h */
	struct list connections; /* struct conn, serve.h */
	struct list sessions;    /* struct session that was started, session.h */
	struct list shares;      /* of users in the spool, share.c */
	size_t n_sessions;
	struct ceiling *strangers;         /* connections that have not signed in yet, by address */
	struct ceiling *strangers_by_user; /* the same by whom the proxy says they are for */
	struct rate *denials, *denials_of_one; /* that are written down */
	struct ssh_allowances *allowances;     /* of those who signed in */
	uint32_t next_id;                      /* numbers for the monitor */
	struct node_counts counts;
	bool stopping;
	/* While stopping: looks whether the sessions have ended, until then. */
	struct timer stop_look;
	int64_t stop_until_ms;
	bool left;     /* authd was told */
	bool flushing; /* the log's last upload */
};

/* A number the monitor does not know yet. */
static inline uint32_t
node_next_id(struct node *n)
{
	return ++n->next_id;
}

/* Gives authorities to the monitor, and the host key to those who show it. */
int node_take_identity(struct node *n, const struct join_identity *id, struct err *e);

/* Callbacks of the parts; arg: struct node. */
void node_exited(const struct mon_exited *exited, void *arg);
void node_stop_asked(void *arg);   /* by the monitor */
void node_monitor_lost(void *arg); /* nothing can go on: the daemon ends */
void node_joined(const struct join_identity *id, void *arg);
void node_identity_changed(const struct join_identity *id, void *arg);
void node_cluster_changed(enum replica_kind kind, const char *key, void *arg);
void node_accepted(int fd, const struct addr *peer, void *arg);

#endif
