/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: auditd's own events: who looked at recordings, who was refused. They take the way of everybody's events: a log
 * on disk, and a stream to auditd, which is this process.
 */
#ifndef AUDIT_EVENTS_H
#define AUDIT_EVENTS_H

#include "audit/conf.h"
#include "event/loop.h"
#include "rpc/rpc.h"

struct audit_log;
struct events;

int events_new(struct events **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct err *e);
/* The server takes calls. */
int
events_connect(struct events *n, const char *cluster, struct rpc_identity *identity, struct err *e);
void events_free(struct events *n); /* NULL is fine; before the server */

const struct audit_log *events_log(const struct events *n); /* for those who watch */

/* live: the session runs, and is watched. Negative: it could not be written down, so it must not happen. */
int events_playing(struct events *n, const struct rpc_peer *peer, const char *session,
    const char *owner, bool live);
/* At most 20 a minute are written, so that nobody can fill the log. */
void
events_refused(struct events *n, const struct rpc_peer *peer, const char *method, const char *why);

#endif
