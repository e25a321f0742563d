/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the node writes down for auditd (api/event.h), with what only the node knows: itself, its connections and
 * sessions.
 */
#ifndef NODE_EVENTS_H
#define NODE_EVENTS_H

#include "node/node.h"

struct conn;
struct live_session;
struct session;

/* user: only claimed. */
void events_denied(const struct conn *c, const char *user, const char *login, const char *why);
/* What proves who signed in, before any event of his: auditd believes none without it. What the log does not take now
 * is tried again before the next event of the connection, which is not written without. Negative: no memory. */
int events_signed_in(struct conn *c, struct span signed_data, struct span signature);
void events_disconnected(struct conn *c, const char *why);
/* Negative: it could not be written, so the session must not begin. */
int events_session_start(const struct session *s);
int events_session_end(const struct session *s); /* and exec or subsystem; negative: not written */
/* What was asked for is not run. */
void
events_session_reject(const struct session *s, unsigned kind, struct span command, const char *why);
/* The end of a session that died with the worker that served it. Negative: not written. */
int events_session_died(struct node *n, const struct live_session *s);

#endif
