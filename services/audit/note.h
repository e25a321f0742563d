/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note: auditd's own events: who looked at recordings, who was refused. They take the way of everybody's events: a log
 * on disk, and a stream to auditd, which is this process.
 */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include "audit/conf.h"
#include "event/loop.h"
#include "rpc/rpc.h"

struct note;

int note_new(struct note **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct err *e);
/* The server takes calls. */
int note_connect(struct note *n, const char *cluster, struct rpc_identity *identity, struct err *e);
void note_free(struct note *n); /* NULL is fine; before the server */

/* Negative: it could not be written down, so it must not happen. */
int
note_playing(struct note *n, const struct rpc_peer *peer, const char *session, const char *owner);
/* At most 20 a minute are written, so that nobody can fill the log. */
void note_refused(struct note *n, const struct rpc_peer *peer, const char *method, const char *why);

#endif
