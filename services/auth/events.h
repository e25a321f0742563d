/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what authd writes down for auditd (api/event.h), with what only authd knows: who called, and from where.
 * Called by the wire faces; an event is on disk before the answer goes out.
 */
#ifndef AUTH_EVENTS_H
#define AUTH_EVENTS_H

#include <stdbool.h>

#include "api/event.h"
#include "base/err.h"

struct auth;
struct rpc_peer;

int events_open(struct auth *a, struct err *e);
void events_close(struct auth *a);
/* Where auditd is, with our certificate: once that is there. */
int events_connect(struct auth *a, struct err *e);
/* At the end: uploads what is there for a short while, then done(arg). */
void events_flush(struct auth *a, void (*done)(void *arg), void *arg);
/* The disk or the quota is nearly used up: nothing new should be changed. */
bool events_are_full(struct auth *a);
/* Adds to ev what is known of peer, the other side of the call (NULL: authd itself), and writes it. ev->user stays when
 * it is set; else it is the peer, when that is a person. Negative: it could not be written (logged); what must be
 * audited must not happen then. */
int events_write(struct auth *a, const struct rpc_peer *peer, struct audit_event *ev);

#endif
