/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log: how noded, proxyd and authd write down what happens. A record is in the kernel's hands when the function
 * returns (lib/rec's log on disk); an uploader brings it to auditd in compressed batches, resumes exactly where
 * auditd stands, and deletes what auditd has committed. While auditd is away the log grows up to its quota.
 *
 * The connection is opened when there is something to send and closed after 60 s without (an idle one costs auditd
 * 110 KB).
 */
#ifndef API_AUDIT_LOG_H
#define API_AUDIT_LOG_H

#include <stdbool.h>

#include "api/label.h"
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

/* Opens the log. Events can be written from now on; they wait until audit_log_connect. */
int audit_log_open(struct audit_log **ret, const struct audit_log_config *config, struct err *e);
/* Where auditd is: HOST:PORT of auditd or of a proxy's public port; server_name "auditd.<cluster>". Again at any
 * time with another address. */
int audit_log_connect(struct audit_log *log, const char *target, const char *server_name,
    struct rpc_identity *identity, struct err *e);
/* Uploads what is there, for at most timeout_ms; then done(arg), once. Nothing is lost when it is not enough. */
void audit_log_flush(struct audit_log *log, int timeout_ms, void (*done)(void *arg), void *arg);
void audit_log_close(struct audit_log *log); /* NULL is fine */

/* One thing that happened. NULL texts are left out. id and time are put in here. */
struct audit_event {
	const char *type; /* "session.start": docs/EVENTS.md */
	const char *code; /* "T2000I" */
	bool ok;
	const char *user, *login;
	const char *node, *node_name; /* uuid, name */
	const char *session;          /* UUID */
	const char *connection;       /* UUID of the client's connection to a node */
	const char *remote_addr;
	const char *message;            /* cause of a failure, for people */
	const struct api_label *fields; /* what only this type has */
	size_t n_fields;
	const struct api_label *labels; /* of the node */
	size_t n_labels;
};

/* 0: it is written. Negative: disk or quota full, nothing was written; what must be audited must not happen then. */
int audit_event(struct audit_log *log, const struct audit_event *event);
/* Whole frames (rec/frame.h) of a session's recording, in order, at most 128 KiB at once. Same result. */
int audit_frames(struct audit_log *log, const char *session, struct span frames);
/* No new session should begin: less than a tenth of the quota is left. */
bool audit_log_is_full(const struct audit_log *log);
/* Records not yet committed by auditd, for metrics and tests. */
uint64_t audit_log_pending(const struct audit_log *log);
bool audit_log_is_connected(const struct audit_log *log);

#endif
