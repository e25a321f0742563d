/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log: see audit_log.h. Writing is here and, for events, in event.c; audit_upload.c brings the records to auditd.
 */
#include "api/audit_log_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "rec/segment.h"
#include "rpc/bytes.h"

enum {
	FRAMES_MAX = 128 * 1024,
	/* From here on a record is compressed by itself, once, before it is written: events hardly ever, recordings of more
	 * than a few words. */
	PACK_MIN = 4096,
	COUNT = 4,
};
#define QUOTA_DEFAULT (UINT64_C(1) << 30)

int
audit_log_open(struct audit_log **ret, const struct audit_log_config *config, struct err *e)
{
	struct audit_log *log = calloc(1, sizeof *log);

	if (!log || crypto_init() < 0) {
		free(log);
		return err_memory(e);
	}
	log->loop = config->loop;
	log->rl = config->rl;
	(void)str_copy(log->name, sizeof log->name, config->name ? config->name : "");
	buf_init(&log->packed, COUNT + REC_LOG_RECORD_MAX);
	if (rec_log_open(&log->rec, config->dir, config->quota ? config->quota : QUOTA_DEFAULT, e) <
	    0) {
		free(log);
		return -1;
	}
	audit_sync_init(&log->sync, log);
	if (audit_upload_init(&log->up, log) < 0) {
		audit_log_close(log);
		return err_memory(e);
	}
	/* What was found may all be with auditd: it says so when it is reached. */
	if (audit_log_pending(log) > 0)
		audit_age_wrote(&log->age, rec_log_committed(log->rec) + 1,
		    rec_log_oldest_ms(log->rec));
	*ret = log;
	return 0;
}

void
audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	audit_sync_done(&log->sync);
	audit_upload_done(&log->up);
	rec_log_close(log->rec);
	buf_done(&log->packed);
	free(log);
}

/* --- writing ------------------------------------------------------------------------------------ */

/* counted: a record with its length in front. */
static int
append(struct rec_log *rec, struct span counted)
{
	if (counted.n >= PACK_MIN)
		return rec_log_append_packed(rec, counted, NULL);
	return rec_log_append(rec, (struct span){ counted.p + COUNT, counted.n - COUNT }, NULL);
}

int
audit_log_append(struct audit_log *log, const Audit__Record *record)
{
	size_t n = protobuf_c_message_get_packed_size(&record->base);
	uint8_t *p;

	if (n > REC_LOG_RECORD_MAX)
		return -1;
	buf_reset(&log->packed);
	wire_put_u32(&log->packed, (uint32_t)n);
	p = buf_reserve(&log->packed, n);
	if (!p)
		return -1;
	buf_commit(&log->packed, protobuf_c_message_pack(&record->base, p));
	if (append(log->rec, buf_span(&log->packed)) < 0) {
		/* Said once, not for every record of a full disk. */
		if (!log->failing)
			log_error("the audit log cannot be written: disk or quota is full", NULL);
		log->failing = true;
		return -1;
	}
	if (log->failing)
		log_info("the audit log can be written again", NULL);
	log->failing = false;
	audit_age_wrote(&log->age, rec_log_last(log->rec), clock_wall_ms());
	/* The record is the kernel's by now: it survives us, and its upload may take its time. */
	audit_upload_wake(&log->up);
	return 0;
}

int
audit_frames(struct audit_log *log, const char *session, struct span before, struct span frames)
{
	Audit__Record record = AUDIT__RECORD__INIT;
	Audit__Frames m = AUDIT__FRAMES__INIT;

	if (frames.n > FRAMES_MAX)
		return -1;
	m.session = session;
	m.data = bytes_of(frames);
	m.before = bytes_of(before);
	record.what_case = AUDIT__RECORD__WHAT_FRAMES;
	record.frames = &m;
	return audit_log_append(log, &record);
}

int
audit_proof(struct audit_log *log, const char *connection, struct span signed_data,
    struct span signature)
{
	Audit__Record record = AUDIT__RECORD__INIT;
	Audit__Proof m = AUDIT__PROOF__INIT;

	m.connection = connection;
	m.time_us = clock_wall_ms() * 1000;
	m.signed_data = bytes_of(signed_data);
	m.signature = bytes_of(signature);
	record.what_case = AUDIT__RECORD__WHAT_PROOF;
	record.proof = &m;
	return audit_log_append(log, &record);
}

/* Where something was deleted there is room again; the next append would tell, but nobody appends to a log
 * that is said to be full. */
void
audit_log_committed(struct audit_log *log, uint64_t seq)
{
	uint64_t before = rec_log_bytes(log->rec);

	rec_log_commit(log->rec, seq);
	audit_age_committed(&log->age, seq, rec_log_last(log->rec));
	if (rec_log_bytes(log->rec) < before)
		log->failing = false;
}

void
audit_log_emptied(struct audit_log *log)
{
	const uint64_t last = rec_log_last(log->rec);

	if (audit_log_pending(log) == 0)
		audit_age_committed(&log->age, last, last);
}

/* Others may have filled the disk, and have made room: then somebody must try, or nobody ever would. */
static bool
is_failing(const struct audit_log *log)
{
	return log->failing && !rec_log_disk_has_room(log->rec);
}

bool
audit_log_is_full(const struct audit_log *log)
{
	return is_failing(log) || rec_log_is_nearly_full(log->rec);
}

uint64_t
audit_log_last(const struct audit_log *log)
{
	return rec_log_last(log->rec);
}

uint64_t
audit_log_found(const struct audit_log *log)
{
	return rec_log_found(log->rec);
}

uint64_t
audit_log_committed_seq(const struct audit_log *log)
{
	return rec_log_committed(log->rec);
}

uint64_t
audit_log_room(const struct audit_log *log)
{
	return is_failing(log) ? 0 : rec_log_room(log->rec);
}

uint64_t
audit_log_pending(const struct audit_log *log)
{
	const uint64_t last = rec_log_last(log->rec), committed = log->up.committed;
	/* Numbers jump, and where auditd stands is not known before it has said so: there are no more than the disk has. */
	const uint64_t most = rec_log_bytes(log->rec) / SEGMENT_RECORD_HEADER;

	if (last <= committed || audit_upload_is_empty_from(&log->up, committed))
		return 0;
	return last - committed < most ? last - committed : most;
}

bool
audit_log_is_connected(const struct audit_log *log)
{
	return log->up.greeted;
}
