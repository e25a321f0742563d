/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_changes: tells pages what has changed, over a WebSocket (GET /v1/webapi/changes): which kind of thing, and they ask anew.
 * Called by web.c and, of sessions, web_turns.c.
 *
 * What is told is no more than that: the answers are authd's, for that person, by the API. So nothing need be kept for whoever
 * comes back: what happened before a WebSocket was open he sees when he asks after it is; and whoever reads slowly holds one bit
 * a kind, not a queue.
 */
#ifndef PROXY_WEB_CHANGES_H
#define PROXY_WEB_CHANGES_H

#include "http/server.h"
#include "replica/replica.h"

struct web;
struct web_changes;

/* Negative: no memory. */
int web_changes_new(struct web_changes **ret, struct web *w);
void web_changes_free(struct web_changes *c); /* after the WebSockets; NULL is fine */
/* The replica says so: replica_events. It is told a moment later, with what comes meanwhile. */
void web_changes_note(struct web_changes *c, enum replica_kind kind, const char *key);
/* Sessions of that user have begun or ended; NULL: of somebody. */
void web_changes_note_session(struct web_changes *c, const char *user);
/* The handler; arg: struct web. */
void web_changes_open(struct http_request *r, void *arg);

#endif
