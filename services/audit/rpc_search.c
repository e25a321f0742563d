/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_search: the wire face of searching: SearchEvents, ListRecordings, GetAuditStatus, and the rows that say who may call what.
 * What may be asked and how it is found is in search.c.
 *
 * Security: what a caller may see is decided before the query, and is part of the query (rpc_ask.h).
 */
#include <stdlib.h>
#include <string.h>

#include "audit/rpc_ask.h"
#include "audit/rpc_count.h"
#include "audit/rpc_ingest.h"
#include "audit/rpc_play.h"
#include "audit/rpc_turns.h"
#include "base/str.h"
#include "base/version.h"
#include "daemon/diag.h"
#include "proto/audit.server.h"

enum { METRICS_MAX = 512 * 1024 };

static const char not_a_cursor[] = "`after` is not what an answer before this had as `next`";

/* --- SearchEvents ---------------------------------------------------------------------- */

/* A record is kept as its producer wrote it. NULL: it is no event. */
static Audit__Record *
unpack_event(struct span canon)
{
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

/* One of the list: the event with what auditd knows better, and the record whose memory it uses. */
struct shown_event {
	Audit__Record *record;
	Audit__Event event;
	Audit__FoundEvent found;
};

static void
show_event(const struct store_event *row, Audit__Record *record, struct shown_event *ret)
{
	ret->record = record;
	/* A shallow copy: its texts stay the record's. */
	ret->event = *record->event;
	ret->event.node = row->node;
	ret->event.node_name = row->node_name;
	ret->event.n_labels = 0; /* the producer's word; those of the registry are in SQL */
	audit__found_event__init(&ret->found);
	ret->found.event = &ret->event;
	ret->found.producer_kind = row->producer_kind;
	ret->found.producer = row->producer;
	ret->found.backed = row->backed;
	ret->found.received_us = row->received_us;
	ret->found.time_doubtful = row->at_doubtful;
}

/* *rows: how many of the list were looked at. */
static size_t
show_events(const struct store_list *list, struct shown_event *shown, Audit__FoundEvent **events,
    size_t *rows)
{
	size_t n = 0, bytes = 0, i;

	/* Rows are counted, but events differ in size: past this the client would refuse the
	 * message. */
	for (i = 0; i < list->n && bytes < SEARCH_BYTES_MAX; i++) {
		const struct store_event *row = &list->events[i];
		Audit__Record *record = unpack_event(row->canon);

		/* A row that cannot be read is left out of the answer; it was checked when it was
		 * taken. */
		if (!record)
			continue;
		bytes += row->canon.n + SEARCH_ROW_BYTES;
		show_event(row, record, &shown[n]);
		events[n] = &shown[n].found;
		n++;
	}
	*rows = i;
	return n;
}

static void
reply_events(struct rpc_call *call, const struct store_list *list)
{
	Audit__EventList reply = AUDIT__EVENT_LIST__INIT;
	struct shown_event *shown = calloc(list->n + 1, sizeof(*shown));
	char next[CURSOR_TEXT] = "";
	size_t rows = 0;

	reply.events = calloc(list->n + 1, sizeof(*reply.events));
	if (shown && reply.events) {
		reply.n_events = show_events(list, shown, reply.events, &rows);
		/* Behind the last that was looked at, and not behind the last of the list. */
		if (rows && (list->more || rows < list->n))
			cursor_of_event(next, list->events[rows - 1].happened_us,
			    list->events[rows - 1].idx);
		reply.next = next;
		rpc_reply(call, &reply);
	} else {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory; ask for less");
	}
	for (size_t i = 0; i < reply.n_events; i++)
		protobuf_c_message_free_unpacked(&shown[i].record->base, NULL);
	free(shown);
	free(reply.events);
}

static void
on_search(struct rpc_call *call, const Audit__SearchRequest *q)
{
	struct audit *d = rpc_context(call);
	struct cursor after;
	enum sight sight;
	struct ask *a;

	sight = ask_may_see(call, NULL);
	if (sight == SIGHT_NOTHING || !ask_names_session(call, q->session))
		return;
	if (!cursor_read_event(&after, q->after)) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "%s", not_a_cursor);
		return;
	}
	a = ask_seeing(call, sight, NULL);
	if (!a)
		return;
	a->reply = reply_events;
	search_start(&a->search, d->store,
	    &(struct search_question){ .query = store_events,
		.filter =
		    &(struct store_filter){
			.from_us = q->from_us,
			.to_us = q->to_us,
			.types = q->types,
			.n_types = q->n_types,
			.user = q->user,
			.node = q->node,
			.session = q->session,
			.only_user = ask_only_user(call, sight),
			.failed_only = q->failed_only,
			.ok_only = q->ok_only,
			.after = after,
			.limit = q->limit,
		    } },
	    ask_answer, a);
}

/* --- ListRecordings ---------------------------------------------------------------------- */

static size_t
recording_bytes(const struct store_recording *r)
{
	const char *const texts[] = { r->session, r->kind, r->user, r->login, r->node, r->node_name,
		r->command, r->producer_kind, r->producer, r->backed };
	size_t n = SEARCH_ROW_BYTES;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		n += strlen(texts[i]);
	return n;
}

/* How many of the list fit into an answer: at least one, if there is one. */
static size_t
recordings_that_fit(const struct store_list *list)
{
	size_t n = 0, bytes = 0;

	for (; n < list->n && bytes < SEARCH_BYTES_MAX; n++)
		bytes += recording_bytes(&list->recordings[n]);
	return n;
}

/* Texts are lent from the rows, which live as long as this call. */
static void
reply_recordings(struct rpc_call *call, const struct store_list *list)
{
	const struct audit *d = rpc_context(call);
	Audit__RecordingList reply = AUDIT__RECORDING_LIST__INIT;
	Audit__Recording *rows = calloc(list->n + 1, sizeof(*rows));
	char next[CURSOR_TEXT] = "";
	size_t n = recordings_that_fit(list);

	reply.recordings = calloc(list->n + 1, sizeof(*reply.recordings));
	if (rows && reply.recordings) {
		for (size_t i = 0; i < n; i++) {
			rpc_show_recording(d, &list->recordings[i], &rows[i]);
			reply.recordings[i] = &rows[i];
		}
		reply.n_recordings = n;
		if (n && (list->more || n < list->n))
			cursor_of_recording(next, list->recordings[n - 1].started_us,
			    list->recordings[n - 1].session);
		reply.next = next;
		audit_list_recordings_reply(call, &reply);
	} else {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory; ask for less");
	}
	free(rows);
	free(reply.recordings);
}

static void
on_list(struct rpc_call *call, const Audit__ListRecordingsRequest *q)
{
	struct audit *d = rpc_context(call);
	struct cursor after;
	enum sight sight;
	struct ask *a;

	sight = ask_may_see(call, "list");
	if (sight == SIGHT_NOTHING)
		return;
	if (!cursor_read_recording(&after, q->after)) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "%s", not_a_cursor);
		return;
	}
	a = ask_seeing(call, sight, "list");
	if (!a)
		return;
	a->reply = reply_recordings;
	search_start(&a->search, d->store,
	    &(struct search_question){ .query = store_recordings,
		.filter =
		    &(struct store_filter){
			.from_us = q->from_us,
			.to_us = q->to_us,
			.user = q->user,
			.node = q->node,
			.session = q->session,
			.only_user = ask_only_user(call, sight),
			.running = q->running,
			.after = after,
			.limit = q->limit,
		    } },
	    ask_answer, a);
}

/* --- GetAuditStatus ---------------------------------------------------------------------- */

/* The form of a query that search_start wants. */
static void
query_counts(struct store *s, const struct store_filter *filter, store_list_fn *done, void *arg)
{
	(void)filter;
	store_count(s, done, arg);
}

/* A database that fails now is an answer, too: it is what was asked. */
static void
on_counted(const struct search_answer *answer, void *arg)
{
	struct ask *a = arg;
	Audit__AuditStatus reply = AUDIT__AUDIT_STATUS__INIT;

	reply.version = SALLYPORT_VERSION;
	reply.database_up = answer->code == RPC_OK;
	if (answer->code == RPC_OK && answer->list->n) {
		reply.sources = answer->list->counts->sources;
		reply.records = answer->list->counts->records;
	}
	audit_get_audit_status_reply(a->call, &reply);
}

/* For every user: nothing of anybody is in it. */
static void
on_status(struct rpc_call *call, const Audit__AuditEmpty *request)
{
	struct audit *d = rpc_context(call);
	Audit__AuditStatus reply = AUDIT__AUDIT_STATUS__INIT;
	const struct store_filter all = { 0 };
	struct ask *a;

	(void)request;
	reply.version = SALLYPORT_VERSION;
	if (!store_is_ready(d->store)) {
		audit_get_audit_status_reply(call, &reply);
		return;
	}
	a = ask_new(call);
	if (a)
		search_start(&a->search, d->store,
		    &(struct search_question){ .query = query_counts, .filter = &all }, on_counted,
		    a);
}

/* --- GetAuditMetrics ---------------------------------------------------------------------- */

static void
on_metrics(struct rpc_call *call, const Audit__AuditEmpty *request)
{
	struct audit *d = rpc_context(call);
	Audit__AuditMetrics reply = AUDIT__AUDIT_METRICS__INIT;
	struct buf text;
	struct err why;

	(void)request;
	if (rpc_peer(call)->who == RPC_USER && !replica_is_known(d->replica)) {
		rpc_finish(call, RPC_UNAVAILABLE,
		    "auditd does not know the users and roles yet; try again in a moment");
		return;
	}
	if (sight_metrics(d->replica, rpc_peer(call), &why) == SIGHT_NOTHING) {
		ask_refuse(call, why.text);
		return;
	}
	buf_init(&text, METRICS_MAX);
	if (diag_text(d->run, &text) == 0 && buf_put(&text, "", 1)) {
		reply.text = (const char *)buf_head(&text);
		audit_get_audit_metrics_reply(call, &reply);
	} else {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	buf_done(&text);
}

/* --- the service ---------------------------------------------------------------------- */

int
audit_serve(struct audit *d, struct rpc_server *server)
{
	static const struct rpc_row rows[] = {
		AUDIT_METHOD(Ingest, RPC_NODE | RPC_PROXY | RPC_AUTH | RPC_AUDIT,
		    rpc_ingest_message, .writable = rpc_ingest_writable,
		    .closed = rpc_ingest_closed),
		AUDIT_METHOD(SearchEvents, RPC_USER | RPC_LOCAL, on_search, .closed = ask_closed),
		AUDIT_METHOD(CountEvents, RPC_USER | RPC_LOCAL, rpc_count_events,
		    .closed = ask_closed),
		AUDIT_METHOD(ListRecordings, RPC_USER | RPC_LOCAL, on_list, .closed = ask_closed),
		AUDIT_METHOD(Play, RPC_USER | RPC_LOCAL, rpc_play, .writable = rpc_play_writable,
		    .closed = ask_closed),
		AUDIT_METHOD(WatchSessions, RPC_PROXY, rpc_turns, .writable = rpc_turns_writable,
		    .closed = rpc_turns_closed),
		AUDIT_METHOD(GetAuditStatus, RPC_USER | RPC_LOCAL, on_status, .closed = ask_closed),
		AUDIT_METHOD(GetAuditMetrics, RPC_USER | RPC_LOCAL, on_metrics),
	};

	return audit_serve_rows(server, rows, sizeof(rows) / sizeof(rows[0]), d);
}
