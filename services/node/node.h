/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: what the nouns of noded's worker share: one struct that owns them all.
 *
 * Security: the worker runs as an unprivileged user without new privileges and with seccomp;
 * everything that comes from the network is parsed here, and nothing here can start a process.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "api/audit_log.h"
#include "api/auth_client.h"
#include "api/join.h"
#include "base/list.h"
#include "daemon/daemon.h"
#include "event/loop.h"
#include "node/conf.h"
#include "node/monitor_client.h"

struct heartbeat;
struct listener;
struct live;
struct rights;
struct rights_feed;
struct tunnel;

enum { NODE_FOLDER_MAX = 512 };

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
	struct auth_client *auth;
	struct rights *rights; /* roles, cut-offs, own labels as authd gave them */
	struct rights_feed *rights_feed;
	struct heartbeat *heartbeat;
	struct tunnel *tunnel;
	struct listener *listener;
	struct list connections; /* struct conn, serve.h */
	struct list sessions;    /* struct session that was started, session.h */
	size_t n_sessions;
	size_t n_strangers; /* connections that have not signed in yet */
	uint32_t next_id;   /* numbers for the monitor */
	bool stopping;
};

/* A number the monitor does not know yet. */
static inline uint32_t
node_next_id(struct node *n)
{
	return ++n->next_id;
}

#endif
