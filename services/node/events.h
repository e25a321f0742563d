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

/* user: only claimed. */
void events_denied(const struct conn *c, const char *user, const char *login, const char *why);
void events_disconnected(const struct conn *c, const char *why);
/* As in api/session_event.h. */
int events_session_start(struct node *n, const struct session_info *s);
int events_session_end(struct node *n, const struct session_info *s,
    const struct session_outcome *outcome);
void events_session_reject(struct node *n, const struct session_info *s, const char *why);

#endif
