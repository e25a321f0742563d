/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the events this node writes, with the fields of docs/EVENTS.md.
 */
#ifndef NODE_AUDIT_H
#define NODE_AUDIT_H

#include "node/node.h"

struct session;
struct conn;
struct live_session;

void audit_denied(const struct conn *c, const char *user, const char *login, const char *why);
void audit_disconnected(const struct conn *c, const char *why);
/* Negative: it could not be written, so the session must not begin. */
int audit_session_start(const struct session *s);
int audit_session_end(const struct session *s); /* and exec or subsystem; negative: not written */
void audit_session_rejected(const struct session *s, const char *why);
/* The end of a session that died with the worker that served it. Negative: not written. */
int audit_session_died(struct node *n, const struct live_session *s);

#endif
