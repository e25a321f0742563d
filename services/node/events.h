/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the node writes down for auditd (api/event.h), with what only the node knows: itself, its connections and
 * sessions.
 */
#ifndef NODE_EVENTS_H
#define NODE_EVENTS_H

#include "api/session_event.h"
#include "node/node.h"

struct conn;
struct session;

/* user: only claimed. */
void events_denied(const struct conn *c, const char *user, const char *login, const char *why);
/* What proves who signed in, before any event of his: auditd believes none without it. What the log does not take now
 * is tried again before the next event of the connection, which is not written without. Negative: no memory. */
int events_signed_in(struct conn *c, struct span signed_data, struct span signature);
void events_disconnected(struct conn *c, const char *why);
/* Something that happened within a session, which pays for it (share_add): what it has of the session and the user is
 * filled in. 0: it is on disk. */
int events_of_session(struct session *s, struct audit_event *ev);
/* As in api/session_event.h. c NULL: the connection is one of a worker before this. */
int events_session_start(const struct session *s, const struct session_info *what);
int events_session_end(struct node *n, struct conn *c, const struct session_info *s,
    const struct session_outcome *outcome);
void events_session_reject(struct conn *c, const struct session_info *s, struct span command,
    const char *why);

#endif
