/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log and its uploader against a server that answers like auditd: every record arrives once and in order,
 * whatever breaks in between.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/audit_log.h"
#include "api/audit_log_priv.h"
#include "api/event.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "proto/audit.server.h"
#include "rec/batch.h"
#include "rec/log.h"
#include "rpc/tls.h"
#include "pki.h"

/* What auditd would have in its database: lives longer than its server. */
struct store {
	uint64_t committed, lost;
	int events, frames;
	char last_message[64];
	char log_id[40];
	bool in_order;
	int next; /* number expected in the next message */
};

struct fixture {
	struct loop *loop;
	struct rpc_loop *rl;
	struct pki_ca *ca;
	struct rpc_identity *server_id, *client_id;
	struct rpc_server *server;
	struct store store;
	uint64_t pending; /* received, not committed */
	int hold_after;   /* commits nothing after so many batches; 0: commits all */
	int batches;
	struct rpc_call *stream;
	bool deaf; /* to the end of a stream */
	bool stopped;
	char dir[64], target[64];
	struct audit_log *log;
};

/* --- a server like auditd ------------------------------------------------------------------------ */

static void
reply(struct rpc_call *call, uint64_t seq)
{
	Audit__IngestReply m = AUDIT__INGEST_REPLY__INIT;

	m.committed_seq = seq;
	audit_ingest_push(call, &m);
}

static void
take_record(struct fixture *f, struct span bytes)
{
	Audit__Record *r = (Audit__Record *)protobuf_c_message_unpack(&audit__record__descriptor,
	    NULL, bytes.n, bytes.p);
	uint64_t number;

	assert_non_null(r);
	if (r->what_case == AUDIT__RECORD__WHAT_EVENT) {
		(void)str_copy(f->store.last_message, sizeof f->store.last_message,
		    r->event->message);
		f->store.events++;
		assert_true(str_u64(r->event->message, INT32_MAX, &number));
		f->store.in_order = f->store.in_order && number == (uint64_t)f->store.next;
		f->store.next++;
		assert_int_equal(strlen(r->event->id), 36);
		assert_string_equal(r->event->type, "exec");
		assert_string_equal(r->event->fields[0]->key, "exit_status");
	} else {
		f->store.frames += (int)r->frames->data.len;
	}
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void
take_batch(struct fixture *f, const Audit__IngestBatch *b)
{
	struct buf raw;
	struct span in, record;
	uint32_t count = 0;

	buf_init(&raw, BATCH_RAW_MAX);
	assert_int_equal(batch_expand((struct span){ b->data.data, b->data.len }, b->raw_len, &raw),
	    0);
	assert_int_equal(b->first_seq, f->pending + 1 + b->lost);
	f->store.lost += b->lost;
	for (in = buf_span(&raw); batch_next(&in, &record) > 0; count++)
		take_record(f, record);
	assert_int_equal(count, b->count);
	f->pending = b->first_seq + count - 1;
	buf_done(&raw);
}

static void
on_ingest(struct rpc_call *call, const Audit__IngestRequest *q)
{
	struct fixture *f = rpc_context(call);

	if (!q) {
		if (f->deaf)
			return;
		rpc_finish(call, RPC_OK, "%s", "");
		return;
	}
	if (q->what_case == AUDIT__INGEST_REQUEST__WHAT_HELLO) {
		f->stream = call;
		f->batches = 0;
		(void)str_copy(f->store.log_id, sizeof f->store.log_id, q->hello->log_id);
		f->pending = f->store.committed;
		reply(call, f->store.committed);
		return;
	}
	f->batches++;
	if (f->hold_after && f->batches > f->hold_after)
		return; /* received and lost: it will be sent again */
	take_batch(f, q->batch);
	f->store.committed = f->pending;
	reply(call, f->store.committed);
}

#define NOT_HERE(name, request)                                        \
	static void name(struct rpc_call *call, const request *q)      \
	{                                                              \
		(void)q;                                               \
		rpc_finish(call, RPC_UNIMPLEMENTED, "%s", "not here"); \
	}
NOT_HERE(on_search, Audit__SearchRequest)
NOT_HERE(on_count, Audit__CountRequest)
NOT_HERE(on_list, Audit__ListRecordingsRequest)
NOT_HERE(on_play, Audit__PlayRequest)
NOT_HERE(on_status, Audit__AuditEmpty)
NOT_HERE(on_metrics, Audit__AuditEmpty)

static const struct rpc_row rows[] = {
	AUDIT_METHOD(Ingest, RPC_NODE, on_ingest),
	AUDIT_METHOD(SearchEvents, RPC_NODE, on_search),
	AUDIT_METHOD(CountEvents, RPC_NODE, on_count),
	AUDIT_METHOD(ListRecordings, RPC_NODE, on_list),
	AUDIT_METHOD(Play, RPC_NODE, on_play),
	AUDIT_METHOD(WatchSessions, RPC_NODE, on_status),
	AUDIT_METHOD(GetAuditStatus, RPC_NODE, on_status),
	AUDIT_METHOD(GetAuditMetrics, RPC_NODE, on_metrics),
};

static void
start_server(struct fixture *f)
{
	struct rpc_server_config config = { .cluster = "test" };
	struct err e = { "" };
	int port;

	f->stopped = false;
	assert_int_equal(rpc_server_new(&f->server, f->rl, &config), 0);
	assert_int_equal(audit_serve_rows(f->server, rows, sizeof rows / sizeof *rows, f), 0);
	assert_int_equal(rpc_server_listen(f->server, "127.0.0.1:0", f->server_id, &port, &e), 0);
	rpc_server_start(f->server);
	(void)str_format(f->target, sizeof f->target, "127.0.0.1:%d", port);
}

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static void
stop_server(struct fixture *f)
{
	rpc_server_stop(f->server, 0, on_stopped, &f->stopped);
	while (!f->stopped)
		loop_turn(f->loop, 100);
	rpc_server_free(f->server);
	f->server = NULL;
}

/* --- the fixture -------------------------------------------------------------------------------- */

static void
open_log(struct fixture *f, uint64_t quota)
{
	struct audit_log_config config = { .loop = f->loop,
		.rl = f->rl,
		.dir = f->dir,
		.quota = quota,
		.name = "n1" };
	struct err e = { "" };

	if (audit_log_open(&f->log, &config, &e) < 0)
		fail_msg("%s", e.text);
}

static void
connect_log(struct fixture *f)
{
	struct err e = { "" };

	assert_int_equal(audit_log_connect(f->log, f->target, "auditd.test", f->client_id, &e), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct pki_cert server, client;
	struct err e = { "" };

	f->store.in_order = true;
	(void)str_copy(f->dir, sizeof f->dir, "/tmp/audit-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(rpc_loop_new(&f->rl, f->loop), 0);
	f->ca = pki_ca_new("host");
	pki_issue(f->ca, "sallyport://test/audit/a", "auditd.test", -60, 3600, &server);
	pki_issue(f->ca, "sallyport://test/node/n1", NULL, -60, 3600, &client);
	assert_int_equal(rpc_identity_new(&f->server_id), 0);
	assert_int_equal(rpc_identity_new(&f->client_id), 0);
	assert_int_equal(rpc_identity_set(f->server_id, pki_ca_pem(f->ca), NULL, server.pem,
			     server.key, &e),
	    0);
	assert_int_equal(rpc_identity_set(f->client_id, pki_ca_pem(f->ca), NULL, client.pem,
			     client.key, &e),
	    0);
	start_server(f);
	open_log(f, 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	audit_log_close(f->log);
	if (f->server)
		stop_server(f);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 20); /* cancelled calls come back */
	rpc_loop_free(f->rl);
	loop_free(f->loop);
	rpc_identity_free(f->server_id);
	rpc_identity_free(f->client_id);
	pki_ca_free(f->ca);
	(void)str_format(command, sizeof command, "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void
write_events(struct fixture *f, int from, int n)
{
	char text[16];

	for (int i = from; i < from + n; i++) {
		struct audit_event ev = { .id = EVENT_EXEC };

		(void)str_format(text, sizeof text, "%d", i);
		ev.message = span_str(text);
		event_put_number(&ev, EVENT_KEY_EXIT_STATUS, 0);
		assert_int_equal(event_write(f->log, &ev), 0);
	}
}

static void
until_events(struct fixture *f, int n)
{
	for (int i = 0; i < 3000 && f->store.events < n; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(f->store.events, n);
	assert_true(f->store.in_order);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void
what_is_written_arrives_once_and_in_order(void **state)
{
	struct fixture *f = *state;

	connect_log(f);
	write_events(f, 0, 10);
	until_events(f, 10);
	write_events(f, 10, 5000);
	until_events(f, 5010);
	for (int i = 0; i < 1000 && audit_log_pending(f->log) > 0; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(audit_log_pending(f->log), 0);
	assert_true(audit_log_is_connected(f->log));
}

static void
frames_and_events_share_one_log(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[100000];

	connect_log(f);
	for (int i = 0; i < 20; i++) {
		rand_bytes(bytes, sizeof bytes); /* does not compress */
		assert_int_equal(audit_frames(f->log, "6f9619ff-8b86-4011-b42d-00c04fc964ff",
				     (struct span){ NULL, 0 },
				     (struct span){ bytes, sizeof bytes }),
		    0);
	}
	write_events(f, 0, 1);
	until_events(f, 1);
	assert_int_equal(f->store.frames, 20 * (int)sizeof bytes);
}

static void
a_server_that_dies_between_batches_loses_and_doubles_nothing(void **state)
{
	struct fixture *f = *state;

	f->hold_after = 1; /* what comes after the first batch is never committed */
	connect_log(f);
	write_events(f, 0, 100);
	until_events(f, 100);
	write_events(f, 100, 3000);
	for (int i = 0; i < 1000 && f->batches < 2; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(f->store.events, 100);
	stop_server(f);
	write_events(f, 3100, 10);
	f->hold_after = 0;
	start_server(f);
	connect_log(f);
	until_events(f, 3110);
}

static void
a_server_that_comes_back_at_its_address_is_found_again(void **state)
{
	struct fixture *f = *state;
	struct rpc_server_config config = { .cluster = "test" };
	struct err e = { "" };

	connect_log(f);
	write_events(f, 0, 3);
	until_events(f, 3);
	stop_server(f);
	write_events(f, 3, 3);
	for (int i = 0; i < 20; i++)
		loop_turn(f->loop, 20);
	assert_int_equal(rpc_server_new(&f->server, f->rl, &config), 0);
	assert_int_equal(audit_serve_rows(f->server, rows, sizeof rows / sizeof *rows, f), 0);
	assert_int_equal(rpc_server_listen(f->server, f->target, f->server_id, NULL, &e), 0);
	f->stopped = false;
	rpc_server_start(f->server);
	until_events(f, 6);
}

static void
what_was_written_without_auditd_comes_after_a_restart(void **state)
{
	struct fixture *f = *state;

	write_events(f, 0, 50);
	assert_int_equal(audit_log_pending(f->log), 50);
	audit_log_close(f->log);
	open_log(f, 0);
	connect_log(f);
	until_events(f, 50);
	write_events(f, 50, 1);
	until_events(f, 51);
}

/* Numbers jump then, and nothing is between them: nobody is called to a daemon that has nothing to send. */
static void
after_a_power_failure_an_idle_log_has_nothing_that_waits(void **state)
{
	struct fixture *f = *state;
	char path[256];

	connect_log(f);
	write_events(f, 0, 20);
	until_events(f, 20);
	for (int run = 0; run < 2; run++) {
		audit_log_close(f->log);
		if (run == 0) {
			assert_true(str_format(path, sizeof path, "%s/boot", f->dir));
			assert_int_equal(file_write(path, 0600, "another-boot open\n", 18, NULL),
			    0);
		}
		open_log(f, 0);
		assert_true(audit_log_last(f->log) > 1000000);
		/* What the disk has at most, until auditd has said what of it is there. */
		assert_true(audit_log_pending(f->log) < 1000);
		connect_log(f);
		for (int i = 0; i < 3000 && audit_log_pending(f->log) > 0; i++)
			loop_turn(f->loop, 10);
		assert_int_equal(audit_log_pending(f->log), 0);
		assert_int_equal(audit_age_ms(&f->log->age, clock_wall_ms()), 0);
	}
	/* What comes then is sent, and the gap is told. */
	write_events(f, 20, 5);
	until_events(f, 25);
	for (int i = 0; i < 3000 && audit_log_pending(f->log) > 0; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(audit_log_pending(f->log), 0);
	assert_true(f->store.lost > 0);
}

static void
a_log_older_than_auditd_goes_on_with_new_numbers(void **state)
{
	struct fixture *f = *state;

	f->store.committed = 7000; /* the folder is an old copy */
	connect_log(f);
	write_events(f, 0,
	    1); /* this one has a number that auditd knows: it cannot be told apart */
	for (int i = 0; i < 100 && !audit_log_is_connected(f->log); i++)
		loop_turn(f->loop, 20);
	assert_true(audit_log_is_connected(f->log));
	write_events(f, 0, 5);
	until_events(f, 5);
	assert_true(f->store.lost > 0);
}

static void
over_the_quota_nothing_is_written_and_it_says_so(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[65536];
	int n = 0;

	audit_log_close(f->log);
	open_log(f, 1 << 20);
	assert_false(audit_log_is_full(f->log));
	rand_bytes(bytes, sizeof bytes); /* what cannot be compressed */
	while (n < 100 &&
	    audit_frames(f->log, "s", (struct span){ NULL, 0 },
		(struct span){ bytes, sizeof bytes }) == 0)
		n++;
	assert_true(n > 5 && n < 17);
	assert_true(audit_log_is_full(f->log));
}

/* As of a disk that others filled, and made room on: what was refused once is not refused for ever. */
static void
what_the_disk_did_not_take_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct audit_event ev = { .id = EVENT_EXEC };
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 1;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, 0);
	assert_true(event_write(f->log, &ev) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(audit_log_is_full(f->log));
	assert_true(audit_log_room(f->log) > 0);
	write_events(f, 0, 1);
}

static void
count_flush(void *arg)
{
	(*(int *)arg)++;
}

static void
a_flush_ends_when_all_is_committed_or_time_is_up(void **state)
{
	struct fixture *f = *state;
	int done = 0;

	write_events(f, 0, 5);
	audit_log_flush(f->log, 100, count_flush, &done); /* not connected: time runs out */
	assert_int_equal(done, 0);
	for (int i = 0; i < 1000 && !done; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(done, 1);
	connect_log(f);
	audit_log_flush(f->log, 60000, count_flush, &done);
	for (int i = 0; i < 1000 && done < 2; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(done, 2);
	assert_int_equal(f->store.events, 5);
}

static void
count_sync(bool ok, void *arg)
{
	*(int *)arg += ok ? 1 : 100;
}

/* Whoever asks is in the middle of something: he hears of it by what is returned, or from the loop, and never both. */
static void
a_sync_that_cannot_be_is_refused_and_not_answered(void **state)
{
	struct fixture *f = *state;
	struct rlimit all, none;
	int done = 0;

	assert_int_equal(audit_log_sync(f->log, count_sync, &done), 0);
	assert_int_equal(done, 0);
	for (int i = 0; i < 1000 && !done; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(done, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(audit_log_sync(f->log, count_sync, &done) < 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(done, 1);
	assert_int_equal(audit_log_sync(f->log, count_sync, &done), 0);
	assert_int_equal(audit_log_sync(f->log, count_sync, &done), 0);
	for (int i = 0; i < 1000 && done < 3; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(done, 3);
}

/* Bulk output is compressed before it is written, and arrives as it was. */
static void
large_frames_take_little_of_the_log(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[65536];
	uint64_t before = audit_log_room(f->log);

	memset(bytes, 'x', sizeof bytes);
	for (int i = 0; i < 8; i++)
		assert_int_equal(audit_frames(f->log, "6f9619ff-8b86-4011-b42d-00c04fc964ff",
				     (struct span){ NULL, 0 },
				     (struct span){ bytes, sizeof bytes }),
		    0);
	assert_true(before - audit_log_room(f->log) < sizeof bytes / 8);
	write_events(f, 0, 1);
	connect_log(f);
	until_events(f, 1);
	assert_int_equal(f->store.frames, 8 * (int)sizeof bytes);
}

static void
note_watched(const char *session, void *arg)
{
	assert_string_equal(session, "s");
	*(int *)arg += 1;
}

/* Of an idle stream that is being left: what auditd said before it knew is no answer to a hello, and nothing is sent there. */
static void
what_crosses_the_half_close_begins_no_stream_anew(void **state)
{
	struct fixture *f = *state;
	struct audit_upload *up = &f->log->up;
	const char *watched[] = { "s" };
	Audit__IngestReply m = AUDIT__INGEST_REPLY__INIT;
	int heard = 0;

	audit_log_on_watched(f->log, note_watched, &heard);
	connect_log(f);
	write_events(f, 0, 1);
	until_events(f, 1);
	for (int i = 0; i < 1000 && up->waiting != UPLOAD_LINGER; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(up->waiting, UPLOAD_LINGER);
	f->deaf = true;
	timer_start(&up->timer, 0);
	for (int i = 0; i < 1000 && !up->leaving; i++)
		loop_turn(f->loop, 10);
	m.committed_seq = f->store.committed;
	m.n_watched = 1;
	m.watched = watched;
	audit_ingest_push(f->stream, &m);
	for (int i = 0; i < 1000 && !heard; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(heard, 1);
	assert_true(up->leaving && !up->greeted);
	assert_int_equal(up->waiting, UPLOAD_LEAVE);
	/* What comes meanwhile goes by the next one. */
	write_events(f, 1, 1);
	rpc_finish(f->stream, RPC_OK, "%s", "");
	f->deaf = false;
	until_events(f, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(large_frames_take_little_of_the_log, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_is_written_arrives_once_and_in_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(frames_and_events_share_one_log, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_server_that_dies_between_batches_loses_and_doubles_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_server_that_comes_back_at_its_address_is_found_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_was_written_without_auditd_comes_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_older_than_auditd_goes_on_with_new_numbers,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(after_a_power_failure_an_idle_log_has_nothing_that_waits,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(over_the_quota_nothing_is_written_and_it_says_so,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_disk_did_not_take_is_tried_again, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_flush_ends_when_all_is_committed_or_time_is_up,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(what_crosses_the_half_close_begins_no_stream_anew, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_sync_that_cannot_be_is_refused_and_not_answered,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
