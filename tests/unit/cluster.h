/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster: a replica filled by a test, in the messages of authd.
 */
#ifndef TESTS_CLUSTER_H
#define TESTS_CLUSTER_H

#include "replica/replica_priv.h"

/* Every kind but own labels, no file; known, and empty. changed may be NULL. */
struct replica *cluster_new(struct loop *loop,
    void (*changed)(enum replica_kind kind, const char *key, void *arg), void *arg);
/* A snapshot without anything: what is there is gone, hosts a minute later. */
void cluster_know(struct replica *r);
void cluster_role(struct replica *r, const struct policy_role *role);
void cluster_host(struct replica *r, const struct replica_host *host);
void cluster_user(struct replica *r, const char *name, const char *const *roles, size_t n);
/* kind: REPLICA_CUTOFF or REPLICA_HOST_CUTOFF. */
void
cluster_cutoff(struct replica *r, enum replica_kind kind, const char *key, int64_t issued_before);
void cluster_web_session(struct replica *r, const char *key, const char *user,
    int64_t valid_after_s, int64_t expires_ms);
/* user and node: "": not of one. */
void cluster_lock(struct replica *r, const char *name, const char *user, const char *node);
/* Bytes that are no message. */
void cluster_garbage(struct replica *r, enum replica_kind kind, const char *key);
/* The message as it is packed; caller frees with buf_done. */
void cluster_pack(struct buf *b, const ProtobufCMessage *m);
void cluster_pack_role(struct buf *b, const struct policy_role *role);

#endif
