/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to and from a server that the test plays: whatever the order and the pieces, and failures
 * at every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp_server.h"

enum { FILE_SIZE = 200000 };

/* A file, wherever it is. */
struct file {
	uint8_t data[FILE_SIZE + 100000];
	size_t size, at;
	uint64_t told;
	bool full;
};

static struct file here, there;

static int
store(uint64_t offset, struct span data, struct err *e, void *arg)
{
	struct file *f = arg;

	if (f->full)
		return err_set(e, "no space");
	assert_true(offset + data.n <= sizeof f->data);
	memcpy(f->data + offset, data.p, data.n);
	if (f->size < offset + data.n)
		f->size = offset + data.n;
	return 0;
}

static ssize_t
load(uint8_t *p, size_t n, struct err *e, void *arg)
{
	struct file *f = arg;

	if (f->full)
		return err_set(e, "cannot read");
	if (n > f->size - f->at)
		n = f->size - f->at;
	memcpy(p, f->data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static void
on_progress(uint64_t done, void *arg)
{
	struct file *f = arg;

	assert_true(done >= f->told);
	f->told = done;
}

static void
files(void)
{
	memset(&here, 0, sizeof here);
	memset(&there, 0, sizeof there);
	for (size_t i = 0; i < FILE_SIZE; i++)
		there.data[i] = (uint8_t)(i * 31 + i / 256);
	there.size = FILE_SIZE;
}

static struct sftp_transfer
transfer(uint64_t size)
{
	return (struct sftp_transfer){ .path = "/file",
		.mode = 0640,
		.size = size,
		.store = store,
		.load = load,
		.progress = on_progress,
		.arg = &here };
}

/* What the server does with one request; at most so many bytes of a read, last come first served. */
static void
serve_read(const struct request *r, size_t most)
{
	size_t n = r->offset < there.size ? there.size - r->offset : 0;

	if (n > r->length)
		n = r->length;
	if (n > most)
		n = most;
	if (n == 0)
		server_status(r->id, 1, "end of file");
	else
		server_string(SFTP_DATA, r->id, there.data + r->offset, n);
}

static void
serve_gets(struct sftp_body *b, size_t most)
{
	struct request r[SFTP_PENDING_MAX];

	server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
	server_feed(SIZE_MAX);
	while (!b->finished) {
		int n = 0;
		while (n < SFTP_PENDING_MAX && server_next(&r[n]))
			n++;
		assert_true(n > 0); /* or it would wait for ever */
		while (n-- > 0) {
			if (r[n].type == SFTP_CLOSE)
				server_status(r[n].id, 0, "");
			else
				serve_read(&r[n], most);
		}
		server_feed(1000);
	}
}

static void
a_file_arrives_whole_whatever_the_order_and_the_pieces(void **state)
{
	static const size_t most[] = { 1 << 20, 32768, 32767, 5000, 16385 };

	(void)state;
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		/* Known, unknown, and wrong in both directions. */
		static const uint64_t sizes[] = { FILE_SIZE, 0, 10, FILE_SIZE * 3 };

		for (size_t k = 0; k < 4; k++) {
			struct sftp_transfer t = transfer(sizes[k]);
			struct sftp_body b;

			server_again();
			files();
			server_greet();
			sftp_body_get(&b, &engine, &t);
			serve_gets(&b, most[i]);
			assert_false(b.failed);
			assert_int_equal(here.size, FILE_SIZE);
			assert_memory_equal(here.data, there.data, FILE_SIZE);
			assert_int_equal(here.told, FILE_SIZE);
			assert_int_equal(engine.n_pending, 0);
			sftp_body_done(&b);
		}
	}
}

static void
a_file_that_cannot_be_stored_ends_and_is_closed(void **state)
{
	struct sftp_transfer t = transfer(FILE_SIZE);
	struct sftp_body b;

	(void)state;
	files();
	here.full = true;
	server_greet();
	sftp_body_get(&b, &engine, &t);
	serve_gets(&b, 1 << 20);
	assert_true(b.failed);
	assert_string_equal(b.e.text, "no space");
	sftp_body_done(&b);
}

/* More than was asked for belongs to what other answers bring. */
static void
more_data_than_asked_for_is_cut(void **state)
{
	struct sftp_transfer t = transfer(0);
	struct request r;
	struct sftp_body b;
	static uint8_t flood[250000];

	(void)state;
	files();
	memset(flood, 'x', sizeof flood);
	server_greet();
	sftp_body_get(&b, &engine, &t);
	server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
	server_feed(SIZE_MAX);
	r = server_expect(SFTP_READ);
	server_string(SFTP_DATA, r.id, flood, sizeof flood);
	server_feed(SIZE_MAX);
	assert_int_equal(here.size, r.length);
	assert_int_equal(b.done, r.length);
	sftp_engine_end(&engine, "gone");
	assert_true(b.finished && b.failed);
	assert_string_equal(b.e.text, "gone");
	sftp_body_done(&b);
}

static void
a_read_that_fails_is_told_in_the_servers_words(void **state)
{
	struct sftp_transfer t = transfer(FILE_SIZE);
	struct request r;
	struct sftp_body b;

	(void)state;
	files();
	server_greet();
	sftp_body_get(&b, &engine, &t);
	server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
	server_feed(SIZE_MAX);
	while (server_next(&r))
		server_status(r.id, 4, "the disk is broken");
	server_feed(7);
	assert_false(b.finished); /* the handle is still to be closed */
	server_status(server_expect(SFTP_CLOSE).id, 0, "");
	server_feed(7);
	assert_true(b.finished && b.failed);
	assert_string_equal(b.e.text, "the disk is broken");
	sftp_body_done(&b);
}

static void
a_file_that_cannot_be_opened(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		static const char *const why[] = { "permission denied", "unexpected answer",
			"unexpected answer", "unexpected answer" };
		struct sftp_transfer t = transfer(0);
		struct sftp_body b;

		server_again();
		server_greet();
		sftp_body_get(&b, &engine, &t);
		uint32_t id = server_expect(SFTP_OPEN).id;
		if (kind < 2)
			server_status(id, kind == 0 ? 3 : 0, why[0]);
		else
			server_string(kind == 2 ? SFTP_DATA : SFTP_HANDLE, id, "", 0);
		server_feed(SIZE_MAX);
		assert_true(b.finished && b.failed);
		assert_string_equal(b.e.text, why[kind]);
		assert_int_equal(sftp_engine_output(&engine).n, 0);
		sftp_body_done(&b);
	}
}

/* Reads one SFTP_WRITE whole, into `there`. */
static bool
serve_write(uint32_t *ret_id)
{
	struct span out = sftp_engine_output(&engine);
	struct wire w = wire_from(out);
	struct span packet = wire_string(&w), data;
	uint64_t offset;

	w = wire_from(packet);
	if (wire_u8(&w) != SFTP_WRITE)
		return false;
	*ret_id = wire_u32(&w);
	(void)wire_string(&w);
	offset = wire_u64(&w);
	data = wire_string(&w);
	assert_true(wire_end(&w));
	assert_true(offset + data.n <= sizeof there.data);
	memcpy(there.data + offset, data.p, data.n);
	if (there.size < offset + data.n)
		there.size = offset + data.n;
	sftp_engine_drain(&engine, packet.n + 4);
	return true;
}

static void
a_file_is_put_whole_and_success_needs_the_close(void **state)
{
	struct sftp_transfer t = transfer(FILE_SIZE);
	struct sftp_body b;
	uint32_t id;

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		server_again();
		files();
		here = there;
		memset(&there, 0, sizeof there);
		server_greet();
		sftp_body_put(&b, &engine, &t);
		server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
		server_feed(SIZE_MAX);
		while (serve_write(&id)) {
			server_status(id, 0, "");
			server_feed(9);
		}
		assert_int_equal(there.size, FILE_SIZE);
		assert_memory_equal(there.data, here.data, FILE_SIZE);
		assert_int_equal(here.told, FILE_SIZE);
		assert_false(b.finished);
		server_status(server_expect(SFTP_CLOSE).id, fails ? 4 : 0, "quota exceeded");
		server_feed(SIZE_MAX);
		assert_true(b.finished);
		assert_int_equal(b.failed, fails);
		if (fails)
			assert_string_equal(b.e.text, "quota exceeded");
		sftp_body_done(&b);
	}
}

static void
a_write_that_fails_stops_the_rest(void **state)
{
	struct sftp_transfer t = transfer(FILE_SIZE);
	struct sftp_body b;
	uint32_t id;
	int writes = 0;

	(void)state;
	files();
	here = there;
	server_greet();
	sftp_body_put(&b, &engine, &t);
	server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
	server_feed(SIZE_MAX);
	while (serve_write(&id)) {
		/* "end of file" is no answer to a write */
		server_status(id, writes++ == 0 ? 1 : 0, "");
		server_feed(SIZE_MAX);
	}
	server_status(server_expect(SFTP_CLOSE).id, 0, "");
	server_feed(SIZE_MAX);
	assert_true(b.finished && b.failed);
	assert_string_equal(b.e.text, "failed");
	sftp_body_done(&b);
}

static void
a_source_that_cannot_be_read_is_told(void **state)
{
	struct sftp_transfer t = transfer(0);
	struct sftp_body b;

	(void)state;
	files();
	here.full = true;
	server_greet();
	sftp_body_put(&b, &engine, &t);
	server_string(SFTP_HANDLE, server_expect(SFTP_OPEN).id, "handle", 6);
	server_feed(SIZE_MAX);
	server_status(server_expect(SFTP_CLOSE).id, 0, "");
	server_feed(SIZE_MAX);
	assert_true(b.finished && b.failed);
	assert_string_equal(b.e.text, "cannot read");
	sftp_body_done(&b);
}

static void
a_transfer_over_a_session_that_has_ended(void **state)
{
	struct sftp_transfer t = transfer(0);
	struct sftp_body b;

	(void)state;
	server_greet();
	sftp_engine_end(&engine, "the session was killed");
	sftp_body_put(&b, &engine, &t);
	assert_true(b.finished && b.failed);
	assert_string_equal(b.e.text, "the session was killed");
	sftp_body_done(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_arrives_whole_whatever_the_order_and_the_pieces),
		T(a_file_that_cannot_be_stored_ends_and_is_closed),
		T(more_data_than_asked_for_is_cut),
		T(a_read_that_fails_is_told_in_the_servers_words),
		T(a_file_that_cannot_be_opened),
		T(a_file_is_put_whole_and_success_needs_the_close),
		T(a_write_that_fails_stops_the_rest),
		T(a_source_that_cannot_be_read_is_told),
		T(a_transfer_over_a_session_that_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
