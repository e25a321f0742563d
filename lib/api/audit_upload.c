/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_upload: brings the records of an audit log to auditd. See audit_log.h.
 *
 *	no stream --something to send--> hello --answer: committed--> sending <--> all committed
 *	    ^                                                            |              | 60 s
 *	    +---- back-off 0.5 s to 30 s, jittered <--- any failure -----+              v
 *	    +------------------------------------------------------------------- half-closed
 *
 * At most twelve batches are on their way; each is a quarter MiB, compressed, or what has gathered in 50 ms. What is sent but not
 * committed when a stream ends is sent again from where the next hello's answer stands.
 */
#include <stdlib.h>
#include <string.h>

#include "api/audit_log_priv.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "proto/audit.async.h"
#include "rec/batch.h"
#include "rpc/bytes.h"

enum {
	GATHER_MS = 50,
	LINGER_MS = 60000,
	LEAVE_MS = 5000,
	RETRY_MIN_MS = 500,
	RETRY_MAX_MS = 30000,
	/* Expanded. Of the batch as it is sent the log bounds the size: also what does not compress fits into a message. */
	BATCH_MAX = 768 * 1024,
};

static void on_timer(void *arg);
static void pump(struct audit_upload *up);
static void open_stream(struct audit_upload *up);

/* Is there something in the log that was not sent on this stream, or, without one, not
 * committed? */
static bool
has_more(const struct audit_upload *up)
{
	const uint64_t at = up->greeted ? up->sent : up->committed;

	return rec_log_last(up->log->rec) > at && !audit_upload_is_empty_from(up, at);
}

bool
audit_upload_is_empty_from(const struct audit_upload *up, uint64_t at)
{
	return at == up->empty_from && rec_log_last(up->log->rec) == up->empty_to;
}

/* There is one timer: what it is for is `what`, and the last one to ask has it. */
static void
wait_in(struct audit_upload *up, int what, int64_t ms)
{
	up->waiting = what;
	timer_start(&up->timer, ms);
}

/* Tells whoever waits in audit_log_flush, once: everything is committed, or his time is over. */
static void
settle_flush(struct audit_upload *up)
{
	void (*flushed)(void *arg) = up->flushed;

	up->flushed = NULL;
	timer_stop(&up->flush_timer);
	if (flushed)
		flushed(up->flushed_arg);
}

/* --- the stream ------------------------------------------------------------------------------ */

/* What was sent and not committed is sent again on the next one. */
static void
drop_stream(struct audit_upload *up)
{
	/* The call lives on with gRPC until it is cancelled there; it must not find us any more. */
	if (up->call) {
		rpc_set_data(up->call, NULL);
		rpc_cancel(up->call);
	}
	up->call = NULL;
	up->greeted = false;
	up->leaving = false;
	up->n_marks = 0;
	rpc_client_free(up->client);
	up->client = NULL;
}

static void
retry_later(struct audit_upload *up, const char *why)
{
	int64_t ms = (int64_t)RETRY_MIN_MS << (up->failures < 6 ? up->failures : 6);

	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	if (up->failures++ == 0)
		log_warn("auditd cannot be reached: events and recordings wait on disk", "cause",
		    why, NULL);
	/* Half of it at random: a thousand nodes that lost the same auditd must not come back in
	 * one instant. */
	wait_in(up, UPLOAD_RETRY, ms / 2 + rand_below((uint32_t)ms / 2 + 1));
}

/* auditd has everything up to seq. */
static void
take_committed(struct audit_upload *up, uint64_t seq)
{
	unsigned n = 0;

	if (seq > up->committed)
		up->committed = seq;
	/* Only now may the disk forget: auditd has committed it. */
	audit_log_committed(up->log, seq);
	while (n < up->n_marks && up->marks[n] <= seq)
		n++;
	up->n_marks -= n;
	memmove(up->marks, up->marks + n, up->n_marks * sizeof *up->marks);
}

/* The first answer: where auditd stands. It may have more than we remember, when this folder is an old copy. */
static int
begin_at(struct audit_upload *up, uint64_t seq)
{
	/* Numbers that auditd has seen are never given again: it would take new records for old
	 * ones and drop them. */
	if (seq > rec_log_last(up->log->rec) && rec_log_advance(up->log->rec, seq) < 0)
		return -1;
	up->sent = up->committed = seq;
	audit_log_committed(up->log, seq);
	up->greeted = true;
	if (up->failures > 0)
		log_info("auditd is reached again", NULL);
	up->failures = 0;
	return 0;
}

static void
tell_watched(const struct audit_upload *up, const Audit__IngestReply *m)
{
	for (size_t i = 0; up->watched && i < m->n_watched; i++)
		up->watched(m->watched[i], up->watched_arg);
}

static void
on_reply(struct rpc_call *call, const Audit__IngestReply *m)
{
	struct audit_upload *up = rpc_data(call);

	if (!up)
		return;
	/* A reminder that crossed the half-close is no answer to a hello: everything was committed before. */
	if (up->leaving) {
		tell_watched(up, m);
		return;
	}
	if (up->greeted) {
		take_committed(up, m->committed_seq);
	} else if (begin_at(up, m->committed_seq) < 0) {
		drop_stream(up);
		retry_later(up, "the log on disk cannot be read");
		return;
	}
	tell_watched(up, m);
	pump(up);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct audit_upload *up = rpc_data(call);
	bool leaving;

	if (!up)
		return;
	leaving = up->leaving;
	up->call = NULL;
	drop_stream(up);
	up->waiting = UPLOAD_IDLE;
	timer_stop(&up->timer);
	if (!has_more(up))
		return;
	/* We had asked for the end, and something came meanwhile: that is no failure and needs no
	 * pause. */
	if (leaving)
		open_stream(up);
	else
		retry_later(up, status->message[0] ? status->message : "auditd ended the stream");
}

static void
on_writable(struct rpc_call *call)
{
	struct audit_upload *up = rpc_data(call);

	if (up)
		pump(up);
}

static void
open_stream(struct audit_upload *up)
{
	static const struct audit_ingest_on on = { .message = on_reply,
		.writable = on_writable,
		.closed = on_closed };
	struct rpc_channel_config config = { .target = up->target,
		.identity = up->identity,
		.keepalive = true,
		.server_name = up->server_name[0] ? up->server_name : NULL };
	Audit__IngestRequest q = AUDIT__INGEST_REQUEST__INIT;
	Audit__IngestHello hello = AUDIT__INGEST_HELLO__INIT;
	struct err e = { "" };

	if (!up->client && rpc_client_new(&up->client, up->log->rl, &config, &e) < 0) {
		retry_later(up, e.text);
		return;
	}
	up->waiting = UPLOAD_IDLE;
	up->leaving = false;
	timer_stop(&up->timer);
	up->call = audit_ingest_open(up->client, &on, up);
	hello.log_id = rec_log_id(up->log->rec);
	hello.name = up->log->name;
	q.what_case = AUDIT__INGEST_REQUEST__WHAT_HELLO;
	q.hello = &hello;
	audit_ingest_send(up->call, &q);
}

/* --- batches ----------------------------------------------------------------------------------- */

/* False: there is nothing to send, or the log cannot be read. */
static bool
send_batch(struct audit_upload *up)
{
	Audit__IngestRequest q = AUDIT__INGEST_REQUEST__INIT;
	Audit__IngestBatch batch = AUDIT__INGEST_BATCH__INIT;
	uint64_t seq = up->sent + 1;

	batch_out_reset(&up->batch);
	if (rec_log_read(up->log->rec, &seq, BATCH_MAX, &up->batch) < 0) {
		up->broken_log = true;
		return false;
	}
	if (up->batch.count == 0) {
		/* After a power failure numbers jump: of those in between there are no records. What was sent stays where
		 * it is, so that the next record names them as lost. */
		up->empty_from = up->sent;
		up->empty_to = rec_log_last(up->log->rec);
		audit_log_emptied(up->log);
		return false;
	}
	batch.first_seq = seq;
	/* Numbers that the log could not read any more are named as lost, so that the gap is in the trail. */
	batch.lost = seq - (up->sent + 1);
	batch.count = up->batch.count;
	batch.raw_len = (uint32_t)up->batch.raw_len;
	batch.data = bytes_of(buf_span(&up->batch.data));
	q.what_case = AUDIT__INGEST_REQUEST__WHAT_BATCH;
	q.batch = &batch;
	up->sent = seq + up->batch.count - 1;
	up->marks[up->n_marks++] = up->sent;
	audit_ingest_send(up->call, &q);
	return true;
}

/* Sends what may be sent, and says what happens next. */
static void
pump(struct audit_upload *up)
{
	if (!up->greeted)
		return;
	/* The bound of what lies in memory: the rest stays on disk until auditd has committed
	 * something. */
	while (
	    up->n_marks < AUDIT_MARKS && rpc_queued(up->call) < 2 && has_more(up) && send_batch(up))
		;
	if (!up->broken_log && (up->n_marks > 0 || has_more(up)))
		return;
	if (up->broken_log) {
		up->broken_log = false;
		drop_stream(up);
		retry_later(up, "the log on disk cannot be read");
		return;
	}
	batch_out_done(&up->batch); /* an idle daemon is small */
	if (up->waiting != UPLOAD_LINGER)
		wait_in(up, UPLOAD_LINGER, LINGER_MS);
	settle_flush(up); /* last: its owner may close the log */
}

static void
on_timer(void *arg)
{
	struct audit_upload *up = arg;
	int was = up->waiting;

	up->waiting = UPLOAD_IDLE;
	switch (was) {
	case UPLOAD_GATHER:
	case UPLOAD_RETRY:
		if (!up->call && has_more(up))
			open_stream(up);
		else
			pump(up);
		break;
	case UPLOAD_LINGER:
		up->leaving = true;
		/* Nothing is sent behind the half-close; audit_upload_wake waits for on_closed. */
		up->greeted = false;
		rpc_half_close(up->call);
		wait_in(up, UPLOAD_LEAVE, LEAVE_MS);
		break;
	default: /* auditd does not end the stream: we do */
		drop_stream(up);
		if (has_more(up))
			open_stream(up);
		break;
	}
}

void
audit_upload_wake(struct audit_upload *up)
{
	if (!up->configured || up->waiting == UPLOAD_GATHER || up->waiting == UPLOAD_RETRY ||
	    up->leaving)
		return;
	if (up->call && !up->greeted)
		return; /* the answer to the hello pumps */
	if (up->greeted && up->n_marks == AUDIT_MARKS)
		return; /* the next commit pumps */
	wait_in(up, UPLOAD_GATHER, GATHER_MS);
}

/* --- life -------------------------------------------------------------------------------------- */

int
audit_upload_init(struct audit_upload *up, struct audit_log *log)
{
	up->log = log;
	up->committed = rec_log_committed(log->rec);
	batch_out_init(&up->batch, BATCH_MAX);
	return timer_init(&up->timer, log->loop, on_timer, up);
}

void
audit_upload_done(struct audit_upload *up)
{
	drop_stream(up);
	timer_done(&up->timer);
	timer_done(&up->flush_timer);
	batch_out_done(&up->batch);
}

int
audit_log_connect(struct audit_log *log, const char *target, const char *server_name,
    struct rpc_identity *identity, struct err *e)
{
	struct audit_upload *up = &log->up;

	if (!str_copy(up->target, sizeof up->target, target) ||
	    !str_copy(up->server_name, sizeof up->server_name, server_name ? server_name : ""))
		return err_set(e, "the address of auditd is too long");
	drop_stream(up);
	up->identity = identity;
	up->configured = true;
	up->failures = 0;
	up->leaving = false;
	up->waiting = UPLOAD_IDLE;
	audit_upload_wake(up);
	return 0;
}

void
audit_log_on_watched(struct audit_log *log, void (*watched)(const char *session, void *arg),
    void *arg)
{
	log->up.watched = watched;
	log->up.watched_arg = arg;
}

static void
on_flush_timeout(void *arg)
{
	settle_flush(arg);
}

void
audit_log_flush(struct audit_log *log, int timeout_ms, void (*done)(void *arg), void *arg)
{
	struct audit_upload *up = &log->up;

	up->flushed = done;
	up->flushed_arg = arg;
	if (!up->flush_timer.ev &&
	    timer_init(&up->flush_timer, log->loop, on_flush_timeout, up) < 0) {
		settle_flush(up);
		return;
	}
	/* Never from inside this function, not even when there is nothing to do. */
	timer_start(&up->flush_timer,
	    up->configured && (has_more(up) || up->n_marks > 0) ? timeout_ms : 0);
	if (up->configured && !up->call && has_more(up))
		wait_in(up, UPLOAD_RETRY, 0);
}
