/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what proxyd writes down for auditd (api/event.h). Called by ssh_server*.c, tunnel.c and relay.c.
 */
#ifndef PROXY_EVENTS_H
#define PROXY_EVENTS_H

#include "api/event.h"

/* On disk before it returns. log NULL: nothing (tests). */
void events_write(struct audit_log *log, const struct audit_event *ev);

#endif
