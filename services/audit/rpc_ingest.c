/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_ingest: hello, batches in, committed places out; see rpc_ingest.h.
 *
 * Security: bytes of producers, compressed. What a batch says about its size is checked before memory is taken.
 */
#include "audit/rpc_ingest.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/rpc_play.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/audit.server.h"
#include "rec/batch.h"
#include "audit/record.h"

enum { INGEST_BATCH_RECORDS = 65536 };

struct stream {
	struct review_item review; /* audit.streams */
	struct rpc_call *call;
	struct ingest_source *source; /* NULL: before hello, or ended */
	uint64_t committed;
	bool greeted; /* the hello is answered */
	bool unsaid; /* committed moved and was not told: the last reply is still on its way */
};

/* At the first message: a call that says nothing costs nothing here. */
static struct stream *
stream_new(struct rpc_call *call)
{
	struct stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->call = call;
	rpc_set_data(call, st);
	return st;
}

/* --- what ingest tells ---------------------------------------------------------------------- */

static void
tell(struct stream *st)
{
	Audit__IngestReply reply = AUDIT__INGEST_REPLY__INIT;
	const char *watched[RPC_PLAY_WATCHES];

	/* A slow reader gets the newest place only. */
	if (rpc_queued(st->call)) {
		st->unsaid = true;
		return;
	}
	st->unsaid = false;
	reply.committed_seq = st->committed;
	reply.n_watched = rpc_play_watched(rpc_context(st->call), rpc_peer(st->call)->name, watched);
	reply.watched = watched;
	audit_ingest_push(st->call, &reply);
}

static void
on_committed(void *stream, uint64_t seq)
{
	struct stream *st = stream;

	st->committed = seq;
	st->greeted = true;
	tell(st);
}

/* Flow control: what is not read here waits in the producer's own log. */
static void
on_pause(void *stream, bool paused)
{
	struct stream *st = stream;

	if (paused)
		rpc_pause(st->call);
	else
		rpc_resume(st->call);
}

static void
on_end(void *stream, enum rpc_code code, const char *why)
{
	struct stream *st = stream;

	st->source = NULL;
	rpc_finish(st->call, code, "%s", why);
}

void
rpc_ingest_remind(struct audit *d, const char *producer)
{
	list_each (struct review_item, item, &d->streams.items, link) {
		struct stream *st = container_of(item, struct stream, review);

		/* Before the first word from here nothing else may be. */
		if (st->source && st->greeted && strcmp(rpc_peer(st->call)->name, producer) == 0)
			tell(st);
	}
}

const struct ingest_events rpc_ingest_callbacks = { on_committed, audit_recorded, on_pause,
	on_end };

/* --- what the producer sends ---------------------------------------------------------------------- */

/* The producer will come again: nothing that it has not been told is lost. */
static void
finish(struct stream *st, enum rpc_code code, const char *why)
{
	const struct rpc_peer *peer = rpc_peer(st->call);

	log_warn("a producer's stream is ended", "source", peer->name, "address", peer->address,
	    "cause", why, NULL);
	ingest_close(st->source);
	st->source = NULL;
	rpc_finish(st->call, code, "%s", why);
}

/* Its records are judged by what the registry says of it, and nodes' proofs by the authorities: without them honest
 * records were set aside. */
static bool
is_registered(const struct replica *r, const struct rpc_peer *peer)
{
	const struct replica_host *host = replica_host(r, peer->name);

	if (!host)
		return false;
	switch (peer->who) {
	case RPC_NODE:
		return strcmp(host->kind, "node") == 0 && replica_bundle(r);
	case RPC_PROXY:
		return strcmp(host->kind, "proxy") == 0;
	default:
		return false;
	}
}

enum rpc_code
rpc_ingest_admit(const struct audit *d, const struct rpc_peer *peer, struct err *why)
{
	int64_t issued_ms = peer->issued_s < INT64_MAX / 1000 ? peer->issued_s * 1000 : INT64_MAX;
	int rc;

	if (peer->who == RPC_AUTH) /* in no registry: it is the registry */
		return RPC_OK;
	rc = replica_check_host(d->replica, peer->name, NULL, issued_ms, why);
	/* An auditd with certificates from files never joined. */
	if (rc == 0 && peer->who != RPC_AUDIT && !is_registered(d->replica, peer)) {
		rc = REPLICA_E_UNKNOWN;
		err_set(why,
		    "this host is not in the registry: it was removed, or authd has not said yet");
	}
	if (rc == 0)
		return RPC_OK;
	return replica_host_is_cut(d->replica, peer->name, issued_ms) ? RPC_UNAUTHENTICATED
								      : RPC_UNAVAILABLE;
}

/* False: the stream was ended. */
static bool
may_send(struct stream *st)
{
	struct err e = { "" };
	enum rpc_code code = rpc_ingest_admit(rpc_context(st->call), rpc_peer(st->call), &e);

	if (code != RPC_OK)
		finish(st, code, e.text);
	return code == RPC_OK;
}

void
rpc_ingest_review(struct review_item *item, void *arg)
{
	struct stream *st = container_of(item, struct stream, review);

	(void)arg;
	if (st->source)
		(void)may_send(st);
}

static void
take_hello(struct stream *st, const Audit__IngestHello *hello)
{
	struct audit *d = rpc_context(st->call);
	const struct rpc_peer *peer = rpc_peer(st->call);
	char host[256], log_id[37];
	uint8_t uuid[16];

	if (st->source) {
		finish(st, RPC_INVALID_ARGUMENT, "a second hello");
		return;
	}
	if (!record_uuid_read(hello->log_id, uuid)) {
		finish(st, RPC_INVALID_ARGUMENT, "the id of the log is no UUID");
		return;
	}
	if (!may_send(st))
		return;
	/* One way to write it, or one log could come as two. */
	record_uuid_text(uuid, log_id);
	str_clean(host, sizeof(host), hello->name, span_str(hello->name).n);
	st->source = ingest_open(d->ingest, peer->who, peer->name, log_id, host, st);
	if (!st->source) {
		finish(st, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	review_remove(&st->review);
	review_add(&d->streams, &st->review);
	log_debug("a producer sends", "source", peer->name, "log", log_id, NULL);
}

static void
take_batch(struct stream *st, const Audit__IngestBatch *batch)
{
	struct span z = { batch->data.data, batch->data.len };
	struct buf raw;
	int done;

	if (!st->source) {
		finish(st, RPC_FAILED_PRECONDITION, "a batch before hello");
		return;
	}
	if (batch->count > INGEST_BATCH_RECORDS) {
		finish(st, RPC_INVALID_ARGUMENT, "too many records in a batch");
		return;
	}
	/* The claim is bounded before anything is expanded: a few bytes may stand for gigabytes. */
	buf_init(&raw, BATCH_RAW_MAX);
	if (batch_expand(z, batch->raw_len, &raw) < 0) {
		buf_done(&raw);
		finish(st, RPC_INVALID_ARGUMENT,
		    "a batch that does not expand to what it says, or to more than 1 MiB");
		return;
	}
	/* Takes the bytes when it takes the records; raw is empty then. */
	done = ingest_add(st->source, batch->first_seq, batch->count, batch->lost, &raw);
	buf_done(&raw);
	if (done == INGEST_E_ORDER)
		finish(st, RPC_OUT_OF_RANGE,
		    "not the records that come next; go on from the place that the next stream tells");
	else if (done == INGEST_E_MALFORMED)
		finish(st, RPC_INVALID_ARGUMENT, "a batch that does not hold the records it says");
	else if (done < 0)
		finish(st, RPC_RESOURCE_EXHAUSTED, "out of memory");
}

void
rpc_ingest_message(struct rpc_call *call, const Audit__IngestRequest *q)
{
	struct stream *st = rpc_data(call);

	if (!st) {
		st = stream_new(call);
		if (!st) {
			rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
			return;
		}
	}
	if (!q) {
		/* No more to come: the producer has all its answers, or does not want them. */
		ingest_close(st->source);
		st->source = NULL;
		rpc_finish(call, RPC_OK, "%s", "");
		return;
	}
	switch (q->what_case) {
	case AUDIT__INGEST_REQUEST__WHAT_HELLO:
		take_hello(st, q->hello);
		break;
	case AUDIT__INGEST_REQUEST__WHAT_BATCH:
		take_batch(st, q->batch);
		break;
	default:
		finish(st, RPC_INVALID_ARGUMENT, "a request that this version does not know");
	}
}

void
rpc_ingest_writable(struct rpc_call *call)
{
	struct stream *st = rpc_data(call);

	if (st && st->unsaid && st->source)
		tell(st);
}

/* Comes for every call, also for those that were finished here. */
void
rpc_ingest_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct stream *st = rpc_data(call);

	(void)status;
	if (!st)
		return;
	review_remove(&st->review);
	ingest_close(st->source);
	free(st);
}
