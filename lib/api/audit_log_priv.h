/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log_priv: what audit_log.c, event.c and audit_upload.c share.
 */
#ifndef API_AUDIT_LOG_PRIV_H
#define API_AUDIT_LOG_PRIV_H

#include "api/audit_age.h"
#include "api/audit_log.h"
#include "api/event.h"
#include "proto/audit.pb-c.h"
#include "rec/log.h"

struct audit_log;

/* The uploader: at most one stream to auditd. */
/* Batches on their way to auditd: more than it writes in one transaction, so that it has the next one when the answer to
 * the last one is under way. */
enum { AUDIT_MARKS = 12 };

struct audit_upload {
	struct audit_log *log;
	char target[300], server_name[300];
	struct rpc_identity *identity;
	bool configured;
	struct rpc_client *client;
	struct rpc_call *call; /* NULL: no stream */
	bool greeted;          /* auditd answered the hello: committed is what it says */
	bool leaving;          /* half-closed by us: nothing was to be sent for a while */
	bool broken_log;
	uint64_t committed; /* by auditd, as far as we know */
	uint64_t sent;      /* last record handed to the stream */
	/* Behind the first the log had nothing when the second was its last number. */
	uint64_t empty_from, empty_to;
	uint64_t marks
	    [AUDIT_MARKS]; /* last record of each batch that is not committed yet; oldest first */
	unsigned n_marks;
	unsigned failures;
	struct timer timer; /* gather, retry, idle: whatever comes next */
	enum { UPLOAD_IDLE, UPLOAD_GATHER, UPLOAD_RETRY, UPLOAD_LINGER, UPLOAD_LEAVE } waiting;
	struct batch_out batch;

	void (*watched)(const char *session, void *arg); /* NULL: nobody wants to know */
	void *watched_arg;
	struct timer flush_timer;
	void (*flushed)(void *arg);
	void *flushed_arg;
};

/* Who waits until the log is on the disk. */
struct audit_sync {
	struct audit_log *log;
	struct pool *pool;                /* NULL until it is needed */
	struct list waiting, running_for; /* for the next round, for the one that runs */
	bool running, closing;
};

struct audit_log {
	struct loop *loop;
	struct rpc_loop *rl;
	struct rec_log *rec;
	struct audit_upload up;
	struct audit_sync sync;
	char name[256];
	struct buf packed;
	bool failing; /* the last append did not go through */
	struct audit_age age;
	uint64_t events[EVENT_N][2]; /* written in this run; failed or refused ones second */
	uint64_t unwritten;          /* events that the log did not take */
};

/* One record more in the log. Negative: disk or quota full, which is logged once. */
int audit_log_append(struct audit_log *log, const Audit__Record *record);
/* auditd has everything up to seq. */
void audit_log_committed(struct audit_log *log, uint64_t seq);
/* What was looked for behind what was sent is not there. */
void audit_log_emptied(struct audit_log *log);
void audit_sync_init(struct audit_sync *s, struct audit_log *log);
/* Nobody is answered any more. Waits for what runs. */
void audit_sync_done(struct audit_sync *s);
int audit_upload_init(struct audit_upload *up, struct audit_log *log);
void audit_upload_done(struct audit_upload *up);
/* Whether it is known that the log has no record behind `at`, whatever its last number is. */
bool audit_upload_is_empty_from(const struct audit_upload *up, uint64_t at);
/* Something was appended. */
void audit_upload_wake(struct audit_upload *up);

#endif
