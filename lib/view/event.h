/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: an event of the audit trail in one line for people. Called by `tctl audit ls`.
 */
#ifndef VIEW_EVENT_H
#define VIEW_EVENT_H

#include <stddef.h>

#include "proto/audit.pb-c.h"

/* What it is about: the command that ran, whom a change or a lock meets, why a client left. "" when the type says all. */
void event_detail(const Audit__Event *ev, char *dst, size_t size);

#endif
