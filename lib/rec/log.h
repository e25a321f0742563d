/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: an append-only, write-through log of records on disk: the spool in which noded, proxyd and authd keep
 * what auditd has not yet committed. Format: docs/PROTOCOL.md "The record log".
 *
 * A record gets the next sequence number (1, 2, ...) and is in the kernel's hands (write(2)) before rec_log_append
 * returns: a killed process loses nothing. Segments of a few MiB; those that are committed whole are deleted. A torn
 * tail (the process died inside write) is cut at opening; every record carries a CRC-32C.
 *
 * A machine that loses power may lose records which auditd already has. So that their numbers are never given
 * to others, a log that was not closed before the machine started again goes on in a new epoch: the number jumps
 * to the next multiple of REC_LOG_EPOCH, plus 1. Readers see the jump (rec_log_read) and tell auditd.
 */
#ifndef REC_LOG_H
#define REC_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rec/batch.h"

struct rec_log;

enum {
	REC_LOG_RECORD_MAX = 256 * 1024,
	REC_LOG_READ_MAX = 256 * 1024,
	REC_LOG_ID_SIZE = 37,
};
#define REC_LOG_EPOCH (UINT64_C(1) << 40)

/* Opens or creates the log in its own folder (0700); one process at a time (flock): negative otherwise. quota: bytes
 * on disk after which rec_log_append fails. */
int rec_log_open(struct rec_log **ret, const char *dir, uint64_t quota, struct err *e);
/* Syncs to disk and closes; NULL is fine. */
void rec_log_close(struct rec_log *log);
/* UUID made when the folder was created: a new folder is a new source. */
const char *rec_log_id(const struct rec_log *log);

/* 0 and the sequence number, or negative: disk or quota full, I/O error; nothing was appended then. */
int rec_log_append(struct rec_log *log, struct span record, uint64_t *ret_seq);
/* The same of a record with its u32 length in front, as batch_put writes it: on the disk, and on its way from there, it
 * is compressed by itself. Worth it from a few KiB on; smaller ones are compressed together when they are read. */
int rec_log_append_packed(struct rec_log *log, struct span counted, uint64_t *ret_seq);
/* A descriptor of the file that is written, the caller's: fdatasync of it brings everything appended so far onto the disk
 * (older files are there). -1 with errno. */
int rec_log_dup(const struct rec_log *log);
uint64_t rec_log_last(const struct rec_log *log);  /* 0: nothing was ever appended */
uint64_t rec_log_found(const struct rec_log *log); /* the last that was there when it was opened */
uint64_t rec_log_committed(const struct rec_log *log); /* as of rec_log_commit in this run */
uint64_t rec_log_bytes(const struct rec_log *log);     /* on disk */
uint64_t rec_log_quota(const struct rec_log *log);     /* bytes it may take */
/* When something was last written to its oldest file, milliseconds since 1970; 0: not known. */
int64_t rec_log_oldest_ms(const struct rec_log *log);
uint64_t rec_log_room(const struct rec_log *log); /* bytes until it is nearly full */
bool
rec_log_is_nearly_full(const struct rec_log *log); /* over 90 % of the quota: start nothing new */
/* The disk has a mebibyte and more: what it did not take before it may take now. */
bool rec_log_disk_has_room(const struct rec_log *log);

/* Reads consecutive records from *seq on into b, which is empty, until they would expand to more than max bytes, b has
 * REC_LOG_READ_MAX of what it is made of, the log ends or the numbers jump (at least one record when there is one).
 * b->count is 0 at the end of the log.
 * When *seq is not there any more (deleted, damaged on disk, lost with the power) reading starts at the next one that
 * is, and *seq is set to it: the difference is what IngestBatch.lost declares. Negative: I/O error. */
int rec_log_read(struct rec_log *log, uint64_t *seq, size_t max, struct batch_out *b);
/* Everything up to seq is safe elsewhere; whole segments below are deleted. */
void rec_log_commit(struct rec_log *log, uint64_t seq);
/* auditd has more than rec_log_last (this folder is an old copy): goes on in an epoch after that of seq, so
 * that new records get numbers of their own. Negative: I/O error. */
int rec_log_advance(struct rec_log *log, uint64_t seq);

#endif
