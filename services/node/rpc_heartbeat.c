/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_heartbeat: Heartbeat and Leave. Called by start.c and from the loop.
 */
#include <stdlib.h>

#include "api/label.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "crypto/rand.h"
#include "node/heartbeat.h"
#include "proto/auth.async.h"

enum {
	/* Jittered, so that the nodes of a cluster do not ask in step after authd was away. */
	EVERY_MS = 30000,
	JITTER_MS = 4000,
	RETRY_MS = 1000,
	RETRY_JITTER_MS = 1000,
	ARENA_MAX = 64 * 1024
};

struct heartbeat {
	struct node *node;
	struct timer timer;
	bool leaving, complained, told_old;
	void (*left)(void *arg);
	void *left_arg;
};

/* Once a start: whoever reads the log of a node sees what it needs. */
static void
say_if_too_old(struct heartbeat *h, const char *cluster)
{
	if (!h->told_old && version_too_old(SALLYPORT_VERSION, cluster))
		log_warn(
		    "this version is more than one major version behind the cluster, upgrade it: run install.sh of the proxy again",
		    "version", SALLYPORT_VERSION, "cluster", cluster, NULL);
	h->told_old = version_too_old(SALLYPORT_VERSION, cluster);
}

/* The labels of the reply come with the watch too. */
static void
on_done(enum rpc_code code, const char *why, const Auth__HeartbeatReply *reply, void *arg)
{
	struct heartbeat *h = arg;

	/* Once for an outage. */
	if (code != RPC_OK && !h->complained)
		log_warn("authd does not take heartbeats", "cause", why, NULL);
	else if (code == RPC_OK && h->complained)
		log_info("authd takes heartbeats again", NULL);
	h->complained = code != RPC_OK;
	if (code == RPC_OK)
		say_if_too_old(h, reply->version);
	if (h->leaving)
		return;
	int64_t ms = code == RPC_OK ? EVERY_MS + rand_below(JITTER_MS)
				    : RETRY_MS + rand_below(RETRY_JITTER_MS);
	timer_start(&h->timer, ms);
}

/* Configured labels only: those of the server side come from there. */
static void
send_heartbeat(struct heartbeat *h)
{
	const struct conf *c = h->node->config;
	struct arena arena;
	Auth__HeartbeatRequest q = AUTH__HEARTBEAT_REQUEST__INIT;

	arena_init(&arena, ARENA_MAX);
	q.name = conf_name(c);
	/* Empty: the node is reached through its tunnel alone. */
	q.address = !c->listen ? "" : c->advertise ? c->advertise : c->listen;
	q.labels = api_labels(&arena, (struct policy_labels){ c->labels, c->n_labels });
	q.n_labels = c->n_labels;
	q.version = SALLYPORT_VERSION;
	/* Without its labels a node might be one that no rule denies. */
	if (q.labels)
		auth_heartbeat(h->node->auth, &q, on_done, h);
	else
		timer_start(&h->timer, RETRY_MS);
	arena_done(&arena);
}

static void
on_timer(void *arg)
{
	struct heartbeat *h = arg;

	if (!h->leaving)
		send_heartbeat(h);
}

int
heartbeat_new(struct heartbeat **ret, struct node *n, struct err *e)
{
	struct heartbeat *h = calloc(1, sizeof(*h));

	if (!h)
		return err_memory(e);
	h->node = n;
	/* Set before what can fail: the caller frees it in any case. */
	*ret = h;
	if (timer_init(&h->timer, n->loop, on_timer, h))
		return err_memory(e);
	timer_start(&h->timer, 0);
	return 0;
}

void
heartbeat_free(struct heartbeat *h)
{
	if (!h)
		return;
	timer_done(&h->timer);
	free(h);
}

/* Told or not, the node stops: authd also sees that heartbeats end. */
static void
on_left(enum rpc_code code, const char *why, const Auth__Empty *reply, void *arg)
{
	struct heartbeat *h = arg;

	(void)reply;
	if (code != RPC_OK)
		log_warn("authd was not told that this node leaves", "cause", why, NULL);
	h->left(h->left_arg);
}

void
heartbeat_leave(struct heartbeat *h, void (*done)(void *arg), void *arg)
{
	Auth__Empty q = AUTH__EMPTY__INIT;

	/* A heartbeat that is under way must not start the timer again. */
	h->leaving = true;
	h->left = done;
	h->left_arg = arg;
	timer_stop(&h->timer);
	auth_leave(h->node->auth, &q, on_left, h);
}
