/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_csv: events of the audit trail as CSV (RFC 4180), the same as the web app's (web/app/eventfile.mjs). Called by
 * `tctl audit export`; pure.
 *
 * Security: what users typed and named is opened with spreadsheets, and shown by terminals. What one would take for a formula, at
 * the beginning of a cell or behind a comma or semicolon in it, has an apostrophe before it; what a terminal might obey has
 * its readable form (base/readable.h).
 */
#ifndef VIEW_EVENT_CSV_H
#define VIEW_EVENT_CSV_H

#include "base/buf.h"
#include "proto/audit.pb-c.h"

/* Append a line, of the columns' names and of one event. False: no memory, or over the buffer's ceiling. */
bool event_csv_head(struct buf *b);
bool event_csv_row(struct buf *b, const Audit__FoundEvent *hit);

#endif
