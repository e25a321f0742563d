/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log: see audit_log.h. Writing is here; audit_upload.c brings the records to auditd.
 */
#include "api/audit_log_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"

enum { FIELDS_MAX = 128, FRAMES_MAX = 128 * 1024 };
#define QUOTA_DEFAULT (UINT64_C(1) << 30)

int
audit_log_open(struct audit_log **ret, const struct audit_log_config *config, struct err *e)
{
	struct audit_log *log = calloc(1, sizeof *log);

	if (!log || crypto_init() < 0) {
		free(log);
		return err_set(e, "out of memory");
	}
	log->loop = config->loop;
	log->rl = config->rl;
	(void)str_copy(log->name, sizeof log->name, config->name ? config->name : "");
	buf_init(&log->packed, REC_LOG_RECORD_MAX);
	if (rec_log_open(&log->rec, config->dir, config->quota ? config->quota : QUOTA_DEFAULT, e) <
	    0) {
		free(log);
		return -1;
	}
	if (audit_upload_init(&log->up, log) < 0) {
		audit_log_close(log);
		return err_set(e, "out of memory");
	}
	*ret = log;
	return 0;
}

void
audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	audit_upload_done(&log->up);
	rec_log_close(log->rec);
	buf_done(&log->packed);
	free(log);
}

/* --- writing ------------------------------------------------------------------------------------ */

static int
append(struct audit_log *log, const Audit__Record *record)
{
	size_t n = protobuf_c_message_get_packed_size(&record->base);
	uint64_t seq;
	uint8_t *p;

	buf_reset(&log->packed);
	p = buf_reserve(&log->packed, n);
	if (!p)
		return -1;
	buf_commit(&log->packed, protobuf_c_message_pack(&record->base, p));
	if (rec_log_append(log->rec, buf_span(&log->packed), &seq) < 0) {
		if (!log->failing)
			log_error("the audit log cannot be written: disk or quota is full", NULL);
		log->failing = true;
		return -1;
	}
	if (log->failing)
		log_info("the audit log can be written again", NULL);
	log->failing = false;
	audit_upload_wake(&log->up);
	return 0;
}

static const char *
or_empty(const char *text)
{
	return text ? text : "";
}

/* Two map types of the same shape. */
#define PUT_MAP(type, init, src, n_src, entries, list)         \
	for (size_t i = 0; i < (n_src); i++) {                 \
		(entries)[i] = (type)init;                     \
		(entries)[i].key = or_empty((src)[i].key);     \
		(entries)[i].value = or_empty((src)[i].value); \
		(list)[i] = &(entries)[i];                     \
	}

int
audit_event(struct audit_log *log, const struct audit_event *event)
{
	Common__Label fields[FIELDS_MAX], *field_list[FIELDS_MAX];
	Common__Label labels[FIELDS_MAX], *label_list[FIELDS_MAX];
	Audit__Record record = AUDIT__RECORD__INIT;
	Audit__Event m = AUDIT__EVENT__INIT;
	char id[RAND_UUID_SIZE];

	m.n_fields = event->n_fields < FIELDS_MAX ? event->n_fields : FIELDS_MAX;
	m.n_labels = event->n_labels < FIELDS_MAX ? event->n_labels : FIELDS_MAX;
	PUT_MAP(Common__Label, COMMON__LABEL__INIT, event->fields, m.n_fields, fields, field_list)
	PUT_MAP(Common__Label, COMMON__LABEL__INIT, event->labels, m.n_labels, labels, label_list)
	m.fields = field_list;
	m.labels = label_list;
	rand_uuid(id);
	m.id = id;
	m.time_us = clock_wall_ms() * 1000;
	m.type = or_empty(event->type);
	m.code = or_empty(event->code);
	m.ok = event->ok;
	m.user = or_empty(event->user);
	m.login = or_empty(event->login);
	m.node = or_empty(event->node);
	m.node_name = or_empty(event->node_name);
	m.session = or_empty(event->session);
	m.connection = or_empty(event->connection);
	m.remote_addr = or_empty(event->remote_addr);
	m.message = or_empty(event->message);
	record.what_case = AUDIT__RECORD__WHAT_EVENT;
	record.event = &m;
	return append(log, &record);
}

int
audit_frames(struct audit_log *log, const char *session, struct span frames)
{
	Audit__Record record = AUDIT__RECORD__INIT;
	Audit__Frames m = AUDIT__FRAMES__INIT;

	if (frames.n > FRAMES_MAX)
		return -1;
	m.session = session;
	m.data = (ProtobufCBinaryData){ frames.n, (uint8_t *)(uintptr_t)frames.p };
	record.what_case = AUDIT__RECORD__WHAT_FRAMES;
	record.frames = &m;
	return append(log, &record);
}

bool
audit_log_is_full(const struct audit_log *log)
{
	return log->failing || rec_log_is_nearly_full(log->rec);
}

uint64_t
audit_log_pending(const struct audit_log *log)
{
	uint64_t last = rec_log_last(log->rec), committed = log->up.committed;

	return last > committed ? last - committed : 0;
}

bool
audit_log_is_connected(const struct audit_log *log)
{
	return log->up.greeted;
}
