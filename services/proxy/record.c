/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: see record.h. Called by ssh_server.c, tunnel.c and relay.c.
 *
 * proxyd goes on when an event cannot be written: what must not happen unrecorded happens at the
 * node, which refuses by itself.
 */
#include "proxy/record.h"

#include "api/audit_log.h"
#include "base/log.h"

void
record_write(struct audit_log *log, const struct record *record)
{
	struct api_label fields[4];
	struct audit_event event = { .type = record->type,
		.code = record->code,
		.ok = record->ok,
		.user = record->user,
		.node = record->node,
		.node_name = record->node_name,
		.connection = record->connection,
		.remote_addr = record->remote_addr,
		.message = record->message,
		.fields = fields };

	if (!log)
		return;
	if (record->target)
		fields[event.n_fields++] = (struct api_label){ "target", record->target };
	if (record->kind)
		fields[event.n_fields++] = (struct api_label){ "kind", record->kind };
	if (record->method)
		fields[event.n_fields++] = (struct api_label){ "method", record->method };
	if (record->message)
		fields[event.n_fields++] = (struct api_label){ "reason", record->message };
	if (audit_event(log, &event) < 0)
		log_error("cannot write an audit event: the disk or its quota is full", "type",
		    record->type, NULL);
}
