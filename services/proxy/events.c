/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: see events.h.
 *
 * proxyd goes on when an event cannot be written (event_write says so in the log): what must not happen unrecorded
 * happens at the node, which refuses by itself.
 */
#include "proxy/events.h"

void
events_write(struct audit_log *log, const struct audit_event *ev)
{
	if (log)
		(void)event_write(log, ev);
}
