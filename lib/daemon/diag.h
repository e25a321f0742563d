/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag: what a daemon answers to those who watch it, over plain HTTP on `diag_addr`:
 *
 *	/healthz	200 while the loop turns
 *	/readyz		200 while work is taken, otherwise 503 and why not
 *	/metrics	Prometheus' text format (lib/metric): the process, the loop, and the daemon's own tables
 *
 * Made by the skeleton (daemon.c) before the daemon's start, freed before its parts.
 *
 * Security: everybody who reaches the address reads all of it; there are no secrets and no names of people in it. GET
 * and HEAD only, no request body, nothing is done or changed by asking. Requests have few places and little time, and
 * the text is made at most twice a second, however often it is asked for. On a loopback address only requests that name an
 * address or "localhost" are answered, so that no web page reads it under a name of its own (DNS rebinding).
 */
#ifndef DAEMON_DIAG_H
#define DAEMON_DIAG_H

#include "daemon/daemon.h"

struct diag;

/* What /metrics has, also where nothing is served. Negative: it does not fit into text, or no memory. */
int diag_text(const struct daemon_run *run, struct buf *text);

/* address: HOST:PORT, HOST an IP address or "localhost". That the port is taken is no failure: anybody on the machine
 * could take it, and a daemon that does not start for it would be theirs to stop. It is logged, and tried again. */
int diag_new(struct diag **ret, const struct daemon_run *run, const char *address, struct err *e);
void diag_free(struct diag *d); /* NULL is fine */

#endif
