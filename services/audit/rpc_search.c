/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_search: the wire face of searching and playing: SearchEvents, ListRecordings, Play, GetAuditStatus, and the rows
 * that say who may call what.
 *
 * A call and its query end in any order: struct ask belongs to both and goes with the later one.
 *
 * Security: what a caller may see is decided by access.c before the query, and is part of the query.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/auditd.h"
#include "audit/record.h"
#include "audit/rpc_ingest.h"
#include "base/str.h"
#include "base/version.h"
#include "proto/audit.pb-c.h"
#include "rec/batch.h"

enum {
	SEARCH_LIMIT = 50,
	SEARCH_LIMIT_MAX = 10000,
	SEARCH_TYPES_MAX = 64,
	SEARCH_REPLY_BYTES = 8 * 1024 * 1024, /* clients take 16 MiB */
	SESSION_PREFIX_MIN = 8,
	PLAY_CHUNKS = 8,      /* a query */
	PLAY_QUEUE = 4,       /* messages not yet taken by the transport */
	PLAY_PREFIX_ROWS = 2, /* enough to see that a prefix is not unique */
};

/* --- a call that waits for the database ------------------------------------------------------- */

struct ask {
	struct rpc_call *call; /* NULL: gone */
	bool querying;

	/* Play only */
	char sid[37];
	int32_t source;
	int64_t after; /* number of the last chunk that was sent */
	int64_t from_us, at_us;
	bool ended; /* no more chunks */
};

static struct ask *
ask_new(struct rpc_call *call)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory; try again");
		return NULL;
	}
	a->call = call;
	rpc_set_data(call, a);
	return a;
}

/* The query is over. False: so is the call, and a is freed. */
static bool
ask_answered(struct ask *a)
{
	a->querying = false;
	if (a->call)
		return true;
	free(a);
	return false;
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct ask *a = rpc_data(call);

	(void)status;
	if (!a)
		return;
	a->call = NULL;
	if (!a->querying)
		free(a);
}

static void
fail(struct ask *a, const struct db_reply *r)
{
	if (db_reply_code(r) == DB_E_REFUSED)
		rpc_finish(a->call, RPC_INTERNAL, "the database refused the query: %s",
		    db_reply_text(r));
	else
		rpc_finish(a->call, RPC_UNAVAILABLE,
		    "the audit database cannot be reached (%s); try again later", db_reply_text(r));
}

/* False: the call was ended, nothing may be shown. */
static bool
may_see(struct rpc_call *call, enum access_sight sight, const char *what)
{
	struct auditd *d = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);

	if (peer->who == RPC_USER && !access_is_known(d->access)) {
		rpc_finish(call, RPC_UNAVAILABLE,
		    "auditd does not know the users and roles yet; try again in a moment");
		return false;
	}
	if (sight == ACCESS_NOTHING) {
		note_refused(d->note, peer, rpc_method_name(call), "no role allows it");
		rpc_finish(call, RPC_PERMISSION_DENIED, "%s may not see %s: no role allows it",
		    *peer->name ? peer->name : "this caller", what);
		return false;
	}
	if (!store_is_ready(d->store)) {
		rpc_finish(call, RPC_UNAVAILABLE,
		    "the audit database cannot be used (%s); try again later",
		    store_trouble(d->store));
		return false;
	}
	return true;
}

static uint32_t
limit_of(uint32_t asked)
{
	if (!asked)
		return SEARCH_LIMIT;
	return asked < SEARCH_LIMIT_MAX ? asked : SEARCH_LIMIT_MAX;
}

/* --- SearchEvents ---------------------------------------------------------------------- */

/* The event of a row, or NULL. The node is filled in where the producer left it out. */
static Audit__Record *
event_of_row(const struct db_reply *r, int row)
{
	struct span canon = db_bytes(r, row, 0);
	Audit__Record *record = (Audit__Record *)
	    protobuf_c_message_unpack(&audit__record__descriptor, NULL, canon.n, canon.p);

	if (!record)
		return NULL;
	if (record->what_case != AUDIT__RECORD__WHAT_EVENT) {
		protobuf_c_message_free_unpacked(&record->base, NULL);
		return NULL;
	}
	return record;
}

static void
send_events(struct ask *a, const struct db_reply *r)
{
	Audit__EventList list = AUDIT__EVENT_LIST__INIT;
	size_t rows = (size_t)db_rows(r), n = 0, bytes = 0;
	Audit__Record **records = calloc(rows + 1, sizeof(*records));
	Audit__Event **events = calloc(rows + 1, sizeof(*events));
	char **nodes = calloc(rows + 1, sizeof(*nodes));

	for (size_t i = 0; records && events && nodes && i < rows && bytes < SEARCH_REPLY_BYTES;
	     i++) {
		Audit__Record *record = event_of_row(r, (int)i);

		if (!record)
			continue;
		bytes += db_bytes(r, (int)i, 0).n;
		records[n] = record;
		events[n] = record->event;
		if (!*record->event->node) {
			/* The message's own empty text is a constant of protobuf-c: nothing is leaked. */
			nodes[n] = span_dup(db_bytes(r, (int)i, 1));
			record->event->node = nodes[n] ? nodes[n] : "";
		}
		n++;
	}
	list.n_events = n;
	list.events = events;
	if (records && events && nodes)
		rpc_reply(a->call, &list);
	else
		rpc_finish(a->call, RPC_RESOURCE_EXHAUSTED, "out of memory; ask for less");
	for (size_t i = 0; i < n; i++) {
		if (nodes[i]) {
			records[i]->event->node = protobuf_c_empty_string;
			free(nodes[i]);
		}
		protobuf_c_message_free_unpacked(&records[i]->base, NULL);
	}
	free(records);
	free(events);
	free(nodes);
}

static void
on_found(const struct db_reply *r, void *arg)
{
	struct ask *a = arg;

	if (!ask_answered(a))
		return;
	if (db_reply_code(r) == DB_OK)
		send_events(a, r);
	else
		fail(a, r);
}

static void
on_search(struct rpc_call *call, const void *message)
{
	const Audit__SearchRequest *q = message;
	struct auditd *d = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	enum access_sight sight;
	struct store_search search;
	uint8_t uuid[16];
	struct ask *a;

	if (!q)
		return;
	sight = access_events(d->access, peer);
	if (!may_see(call, sight, "events"))
		return;
	if (*q->session && !record_uuid(q->session, uuid)) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "\"%s\" is no session id (a UUID)",
		    q->session);
		return;
	}
	if (q->n_types > SEARCH_TYPES_MAX) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "at most %d types at once",
		    SEARCH_TYPES_MAX);
		return;
	}
	a = ask_new(call);
	if (!a)
		return;
	search = (struct store_search){
		.from_us = q->from_us,
		.to_us = q->to_us,
		.types = q->types,
		.n_types = q->n_types,
		.user = q->user,
		.node = q->node,
		.session = q->session,
		.only_user = sight == ACCESS_ALL ? NULL : peer->name,
		.failed_only = q->failed_only,
		.limit = limit_of(q->limit),
	};
	a->querying = true;
	store_search(d->store, &search, on_found, a);
}

/* --- recordings ---------------------------------------------------------------------- */

static void
recording_of_row(const struct db_reply *r, int row, Audit__Recording *ret)
{
	audit__recording__init(ret);
	ret->session = db_text(r, row, REC_SID);
	ret->kind = db_text(r, row, REC_KIND);
	ret->user = db_text(r, row, REC_ACTOR);
	ret->login = db_text(r, row, REC_LOGIN);
	ret->node = db_text(r, row, REC_NODE);
	ret->node_name = db_text(r, row, REC_NODE_NAME);
	ret->started_us = db_i64(r, row, REC_STARTED_US);
	ret->ended_us = db_i64(r, row, REC_ENDED_US);
	ret->command = db_text(r, row, REC_COMMAND);
	ret->bytes = db_i64(r, row, REC_BYTES);
	ret->exit_status = (int32_t)db_i64(r, row, REC_EXIT_STATUS);
	ret->interactive = db_i64(r, row, REC_INTERACTIVE) != 0;
	ret->cols = (uint32_t)db_i64(r, row, REC_COLS);
	ret->rows = (uint32_t)db_i64(r, row, REC_ROWS);
}

static void
send_recordings(struct ask *a, const struct db_reply *r)
{
	Audit__RecordingList list = AUDIT__RECORDING_LIST__INIT;
	size_t n = (size_t)db_rows(r);
	Audit__Recording *rows = calloc(n + 1, sizeof(*rows));
	Audit__Recording **pointers = calloc(n + 1, sizeof(*pointers));

	if (rows && pointers) {
		for (size_t i = 0; i < n; i++) {
			recording_of_row(r, (int)i, &rows[i]);
			pointers[i] = &rows[i];
		}
		list.n_recordings = n;
		list.recordings = pointers;
		rpc_reply(a->call, &list);
	} else {
		rpc_finish(a->call, RPC_RESOURCE_EXHAUSTED, "out of memory; ask for less");
	}
	free(rows);
	free(pointers);
}

static void
on_listed(const struct db_reply *r, void *arg)
{
	struct ask *a = arg;

	if (!ask_answered(a))
		return;
	if (db_reply_code(r) == DB_OK)
		send_recordings(a, r);
	else
		fail(a, r);
}

static void
on_list(struct rpc_call *call, const void *message)
{
	const Audit__ListRecordingsRequest *q = message;
	struct auditd *d = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	enum access_sight sight;
	struct store_recordings list;
	struct ask *a;

	if (!q)
		return;
	sight = access_recordings(d->access, peer, "list");
	if (!may_see(call, sight, "recordings"))
		return;
	a = ask_new(call);
	if (!a)
		return;
	list = (struct store_recordings){
		.from_us = q->from_us,
		.to_us = q->to_us,
		.user = q->user,
		.node = q->node,
		.only_user = sight == ACCESS_ALL ? NULL : peer->name,
		.limit = limit_of(q->limit),
	};
	a->querying = true;
	store_recordings(d->store, &list, on_listed, a);
}

/* --- Play ---------------------------------------------------------------------- */

static void on_chunks(const struct db_reply *r, void *arg);

static void
ask_chunks(struct ask *a)
{
	struct auditd *d = rpc_context(a->call);

	a->querying = true;
	store_chunks(d->store, a->sid, a->source, a->after, PLAY_CHUNKS, on_chunks, a);
}

/* False: the call was ended. */
static bool
send_chunk(struct ask *a, const struct db_reply *r, int row)
{
	Audit__PlayPart part = AUDIT__PLAY_PART__INIT;
	int64_t span_us = db_i64(r, row, 1), raw_len = db_i64(r, row, 2);
	struct buf raw;

	a->after = db_i64(r, row, 0);
	a->at_us += span_us;
	/* What ends before the asked moment is left out; the player skips within the first one. */
	if (a->at_us < a->from_us)
		return true;
	buf_init(&raw, BATCH_RAW_MAX);
	if (raw_len < 0 || batch_expand(db_bytes(r, row, 3), (size_t)raw_len, &raw) < 0) {
		buf_done(&raw);
		rpc_finish(a->call, RPC_DATA_LOSS,
		    "a part of the recording is damaged in the database");
		return false;
	}
	part.frames = (ProtobufCBinaryData){ raw.len, buf_head(&raw) };
	rpc_send(a->call, &part);
	buf_done(&raw);
	return true;
}

static void
on_chunks(const struct db_reply *r, void *arg)
{
	struct ask *a = arg;

	if (!ask_answered(a))
		return;
	if (db_reply_code(r) != DB_OK) {
		fail(a, r);
		return;
	}
	for (int row = 0; row < db_rows(r); row++) {
		if (!send_chunk(a, r, row))
			return;
	}
	if (db_rows(r) < PLAY_CHUNKS) {
		a->ended = true;
		rpc_finish(a->call, RPC_OK, "%s", "");
		return;
	}
	if (rpc_queued(a->call) < PLAY_QUEUE)
		ask_chunks(a);
}

static void
on_play_writable(struct rpc_call *call)
{
	struct ask *a = rpc_data(call);

	if (a && a->source && !a->querying && !a->ended && rpc_queued(call) < PLAY_QUEUE)
		ask_chunks(a);
}

static void
on_play_found(const struct db_reply *r, void *arg)
{
	struct ask *a = arg;
	struct auditd *d;
	Audit__PlayPart part = AUDIT__PLAY_PART__INIT;
	Audit__Recording recording;

	if (!ask_answered(a))
		return;
	if (db_reply_code(r) != DB_OK) {
		fail(a, r);
		return;
	}
	if (db_rows(r) == 0) {
		rpc_finish(a->call, RPC_NOT_FOUND,
		    "no such recording; `tsh recordings ls` shows those that you may see");
		return;
	}
	if (db_rows(r) > 1) {
		rpc_finish(a->call, RPC_INVALID_ARGUMENT,
		    "several recordings begin like this: give more of the session id");
		return;
	}
	d = rpc_context(a->call);
	recording_of_row(r, 0, &recording);
	(void)str_copy(a->sid, sizeof(a->sid), recording.session);
	a->source = (int32_t)db_i64(r, 0, REC_SOURCE);
	a->after = -1;
	if (note_playing(d->note, rpc_peer(a->call), recording.session, recording.user) < 0) {
		rpc_finish(a->call, RPC_UNAVAILABLE,
		    "auditd cannot write down who looks at recordings: the disk of its state folder is full or broken");
		return;
	}
	part.recording = &recording;
	rpc_send(a->call, &part);
	ask_chunks(a);
}

static void
on_play(struct rpc_call *call, const void *message)
{
	const Audit__PlayRequest *q = message;
	struct auditd *d = rpc_context(call);
	const struct rpc_peer *peer = rpc_peer(call);
	enum access_sight sight;
	struct store_recordings list;
	struct ask *a;

	if (!q)
		return;
	sight = access_recordings(d->access, peer, "read");
	if (!may_see(call, sight, "recordings"))
		return;
	if (strlen(q->session) < SESSION_PREFIX_MIN) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "give at least %d digits of the session id",
		    SESSION_PREFIX_MIN);
		return;
	}
	a = ask_new(call);
	if (!a)
		return;
	a->from_us = q->from_us;
	list = (struct store_recordings){
		.session = q->session,
		.only_user = sight == ACCESS_ALL ? NULL : peer->name,
		.limit = PLAY_PREFIX_ROWS,
	};
	a->querying = true;
	store_recordings(d->store, &list, on_play_found, a);
}

/* --- GetAuditStatus ---------------------------------------------------------------------- */

static void
on_counted(const struct db_reply *r, void *arg)
{
	struct ask *a = arg;
	Audit__AuditStatus reply = AUDIT__AUDIT_STATUS__INIT;

	if (!ask_answered(a))
		return;
	reply.database_up = db_reply_code(r) == DB_OK;
	reply.version = SALLYPORT_VERSION;
	reply.sources = (uint64_t)db_i64(r, 0, 0);
	reply.records = (uint64_t)db_i64(r, 0, 1);
	rpc_reply(a->call, &reply);
}

static void
on_status(struct rpc_call *call, const void *message)
{
	struct auditd *d = rpc_context(call);
	Audit__AuditStatus reply = AUDIT__AUDIT_STATUS__INIT;
	struct ask *a;

	if (!message)
		return;
	reply.version = SALLYPORT_VERSION;
	if (!store_is_ready(d->store)) {
		rpc_reply(call, &reply);
		return;
	}
	a = ask_new(call);
	if (!a)
		return;
	a->querying = true;
	store_count(d->store, on_counted, a);
}

/* --- the service ---------------------------------------------------------------------- */

int
auditd_serve(struct auditd *d, struct rpc_server *server)
{
	static const struct rpc_method rows[] = {
		{ "Ingest", RPC_DUPLEX, RPC_NODE | RPC_PROXY | RPC_AUTH | RPC_AUDIT,
		    { rpc_ingest_message, rpc_ingest_writable, rpc_ingest_closed } },
		{ "SearchEvents", RPC_UNARY, RPC_USER | RPC_LOCAL,
		    { .message = on_search, .closed = on_closed } },
		{ "ListRecordings", RPC_UNARY, RPC_USER | RPC_LOCAL,
		    { .message = on_list, .closed = on_closed } },
		{ "Play", RPC_SEND_STREAM, RPC_USER | RPC_LOCAL,
		    { .message = on_play, .writable = on_play_writable, .closed = on_closed } },
		{ "GetAuditStatus", RPC_UNARY, RPC_USER | RPC_LOCAL,
		    { .message = on_status, .closed = on_closed } },
	};

	return rpc_server_serve(server, &audit__audit__descriptor, rows,
	    sizeof(rows) / sizeof(rows[0]), d);
}
