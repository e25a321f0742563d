/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: what proxyd knows of the cluster: nodes, roles, users and nodes whose certificates were
 * cut off. Filled by rpc_watch.c from authd's stream or from the copy on disk; asked by ssh_server.c
 * and resolve.c.
 *
 * Every entry keeps the message it was made from, so that the copy on disk is those messages one
 * after the other.
 */
#ifndef PROXY_ROSTER_H
#define PROXY_ROSTER_H

#include "base/buf.h"
#include "event/loop.h"
#include "policy/policy.h"

struct roster;

struct roster_node {
	const char *uuid;
	const char *name;
	const char *address; /* HOST:PORT where it listens; "" when it keeps a tunnel */
	struct policy_labels labels;
};

struct roster_events {
	/* Certificates of the user, or of the node, from before the moment (ms since 1970) are
	 * worth nothing. */
	void (*user_cut)(const char *user, int64_t issued_before_ms, void *arg);
	void (*node_cut)(const char *uuid, int64_t issued_before_ms, void *arg);
	/* Something is different from what was saved. */
	void (*changed)(void *arg);
};

int
roster_new(struct roster **ret, struct loop *loop, const struct roster_events *events, void *arg);
void roster_free(struct roster *r); /* NULL is fine */

/* A snapshot follows: what it does not name until roster_complete is gone then; nodes a minute
 * later, since an authd that has just started has not heard of them yet. */
void roster_begin(struct roster *r);
void roster_complete(struct roster *r);
/* A whole snapshot has come from authd in this run (the copy on disk does not count). */
bool roster_is_synced(const struct roster *r);

/* All copy what they are given; packed is the message. Negative: no memory or too many. */
int roster_put_node(struct roster *r, const struct roster_node *node, struct span packed);
/* It has stopped, or is silent: nobody finds it any more; its tunnel, if there is one, stays. */
void roster_remove_node(struct roster *r, const char *uuid);
int roster_put_role(struct roster *r, const struct policy_role *role, struct span packed);
void roster_remove_role(struct roster *r, const char *name);
int
roster_put_cutoff(struct roster *r, const char *user, int64_t issued_before_ms, struct span packed);
int roster_put_node_cutoff(struct roster *r, const char *uuid, int64_t issued_before_ms,
    struct span packed);

const struct roster_node *roster_node(const struct roster *r, const char *uuid);
bool roster_next_node(const struct roster *r, size_t *pos, const struct roster_node **ret);
const struct policy_role *roster_role(const struct roster *r, const char *name);
/* 0: never cut off. */
int64_t roster_cutoff_ms(const struct roster *r, const char *user);
int64_t roster_node_cutoff_ms(const struct roster *r, const char *uuid);

/* Every message. */
void
roster_each_packed(const struct roster *r, void (*fn)(struct span packed, void *arg), void *arg);

#endif
