/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log: how noded, proxyd and authd write down what happens. A record is in the kernel's hands when the function
 * returns (lib/rec's log on disk); an uploader (audit_upload.c) brings it to auditd in compressed batches, resumes exactly where
 * auditd stands, and deletes what auditd has committed. While auditd is away the log grows up to its quota. audit_sync.c brings
 * the log onto the disk where the kernel is not enough.
 *
 * The connection is opened when there is something to send and closed after 60 s without (an idle one costs auditd
 * 110 KB).
 */
#ifndef API_AUDIT_LOG_H
#define API_AUDIT_LOG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/loop.h"
#include "rpc/rpc.h"

struct audit_log;

struct audit_log_config {
	struct loop *loop;
	struct rpc_loop *rl;
	const char *dir;  /* of the log; created when it is not there */
	uint64_t quota;   /* bytes on disk; 0: 1 GiB */
	const char *name; /* host name, for people */
};

/* Opens the log. Events (api/event.h) can be written from now on; they wait until audit_log_connect. */
int audit_log_open(struct audit_log **ret, const struct audit_log_config *config, struct err *e);
/* Where auditd is: HOST:PORT of auditd or of a proxy's public port; server_name "auditd.<cluster>". Again at any
 * time with another address. */
int audit_log_connect(struct audit_log *log, const char *target, const char *server_name,
    struct rpc_identity *identity, struct err *e);
/* watched(session, arg): somebody looks at that session of ours for the next half minute, perhaps: what is recorded of it is
 * wanted at once. From the loop, as often as auditd says so. */
void audit_log_on_watched(struct audit_log *log, void (*watched)(const char *session, void *arg),
    void *arg);
/* Uploads what is there, for at most timeout_ms; then done(arg), once. Nothing is lost when it is not enough. */
void audit_log_flush(struct audit_log *log, int timeout_ms, void (*done)(void *arg), void *arg);
void audit_log_close(struct audit_log *log); /* NULL is fine */

/* Whole frames (rec/frame.h) of a session's recording, in order, at most 128 KiB at once. before: as in rec/shown.h.
 * 0: they are written. Negative: disk or quota full, nothing was written; what must be audited must not happen then. */
int
audit_frames(struct audit_log *log, const char *session, struct span before, struct span frames);
/* What shows who signed in on a connection (UUID): before its first event. signed_data as in RFC 4252 section 7.
 * Same result. */
int audit_proof(struct audit_log *log, const char *connection, struct span signed_data,
    struct span signature);
/* done(true, arg) when everything written before is on the disk and survives a power cut, from the loop; false: the disk
 * does not take it. Negative: no memory or descriptor for it, and done is not called. */
int audit_log_sync(struct audit_log *log, void (*done)(bool ok, void *arg), void *arg);
/* Nobody is there any more for answers to arg. */
void audit_log_sync_cancel(struct audit_log *log, const void *arg);
/* No new session should begin: less than a tenth of the quota is left, or nothing of the disk. */
bool audit_log_is_full(const struct audit_log *log);
/* The number of the last record that was written; the next one's is one more. */
uint64_t audit_log_last(const struct audit_log *log);
/* What that was when this run began: the last record of those before. */
uint64_t audit_log_found(const struct audit_log *log);
/* The number up to which auditd has them, as far as this run knows. */
uint64_t audit_log_committed_seq(const struct audit_log *log);
/* Bytes that recordings may still fill; the last tenth of the quota is for events and ends. */
uint64_t audit_log_room(const struct audit_log *log);
/* Records not yet committed by auditd, for metrics and tests. */
uint64_t audit_log_pending(const struct audit_log *log);
bool audit_log_is_connected(const struct audit_log *log);

#endif
