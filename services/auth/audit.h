/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: what authd writes down for auditd. Types, codes and fields: docs/EVENTS.md.
 * Called by the wire faces; an event is on disk before the answer goes out.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include <stdbool.h>

#include "base/err.h"

struct auth;
struct rpc_peer;

enum { AUDIT_FIELDS_MAX = 8 };

struct auth_event {
	const char *type, *code;
	bool failed;
	const char *user; /* who did it; NULL: the peer */
	const char *node; /* uuid of the node concerned */
	const char *node_name;
	const char *login;
	const char *message; /* cause of a failure */
	/* key, value, ...; a NULL value leaves its key out */
	const char *fields[2 * AUDIT_FIELDS_MAX];
};

int audit_open(struct auth *a, struct err *e);
void audit_close(struct auth *a);
/* Where auditd is, with our certificate: once that is there. */
int audit_connect(struct auth *a, struct err *e);
/* At the end: uploads what is there for a short while, then done(a). */
void audit_flush(struct auth *a, void (*done)(void *arg), void *arg);
/* The disk or the quota is nearly used up: nothing new should be changed. */
bool audit_is_full(struct auth *a);
/* peer: who is on the other side; NULL: authd itself. Negative: it could not be written
 * (logged); what must be audited must not happen then. */
int audit_write(struct auth *a, const struct rpc_peer *peer, const struct auth_event *event);

#endif
