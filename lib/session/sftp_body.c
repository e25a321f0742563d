/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_body: see sftp_body.h. SFTP_OPEN, then reads or writes of SFTP_CHUNK bytes, then SFTP_CLOSE.
 */
#include "session/sftp_body.h"

#include <string.h>

enum {
	SFTP_CHUNK = 32 * 1024,
	WINDOW = SFTP_PENDING_MAX - 1, /* requests under way; one stays for others */
	REQUEST_MAX = SFTP_CHUNK + SFTP_HANDLE_MAX + SFTP_PATH_MAX + 64,
};

/* The first failure is the one that is told. No further request is sent; answers that are due are
 * still waited for. */
static void
fail(struct sftp_body *b, const struct err *e)
{
	if (!b->failed)
		b->e = *e;
	b->failed = true;
	b->at_end = true;
}

static void
fail_text(struct sftp_body *b, const char *text)
{
	struct err e;

	err_set(&e, "%s", text);
	fail(b, &e);
}

/* Fails when it was not sent; body is used up. */
static void
send(struct sftp_body *b, enum sftp_type type, struct buf *body, const struct sftp_call *call)
{
	if (sftp_engine_send(b->engine, type, body, call) == 0)
		b->n_pending++;
	else
		fail_text(b, b->engine->over ? b->engine->why.text : "the request is too long");
	buf_done(body);
}

static void
begin(const struct sftp_body *b, struct buf *body)
{
	buf_init(body, REQUEST_MAX);
	wire_put_string(body, buf_span(&b->handle));
}

static void next_requests(struct sftp_body *b);

/* An answer is there, or will never be. False: it is a failure, and is told. */
static bool
answered(struct sftp_body *b, const struct sftp_answer *a)
{
	b->n_pending--;
	if (a)
		return true;
	fail_text(b, b->engine->why.text);
	return false;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
on_closed(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_body *b = call->arg;
	struct err e;

	(void)s;
	/* What the server could not write any more, it may say only now. */
	if (answered(b, a) && sftp_wire_status(a, &e) < 0)
		fail(b, &e);
	b->finished = true;
}

/* When nothing is asked for any more and no answer is due: closes the file, and is done when that
 * was answered. */
static void
finish_if_done(struct sftp_body *b)
{
	const struct sftp_call call = { .fn = on_closed, .arg = b };
	struct buf body;

	if (!b->at_end || b->n_pending > 0)
		return;
	/* Also after a failure: the server's table of open files has an end. */
	if (!b->engine->over && b->handle.len > 0) {
		begin(b, &body);
		send(b, SFTP_CLOSE, &body, &call);
	}
	b->finished = b->n_pending == 0;
}

/* After each answer: more requests, or the end. */
static void
go_on(struct sftp_body *b)
{
	if (b->transfer->progress)
		b->transfer->progress(b->done, b->transfer->arg);
	next_requests(b);
	finish_if_done(b);
}

/* --- get -------------------------------------------------------------------------------------- */

static void on_read(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call);

static void
ask(struct sftp_body *b, uint64_t offset, uint32_t length)
{
	const struct sftp_call call = { .fn = on_read,
		.arg = b,
		.offset = offset,
		.length = length };
	struct buf body;

	begin(b, &body);
	wire_put_u64(&body, offset);
	wire_put_u32(&body, length);
	send(b, SFTP_READ, &body, &call);
}

static void
store(struct sftp_body *b, const struct sftp_call *call, struct span data)
{
	struct err e = { "" };

	/* More than was asked for would overwrite what other answers bring. */
	if (data.n > call->length)
		data.n = call->length;
	if (data.n > 0 && b->transfer->store(call->offset, data, &e, b->transfer->arg) < 0)
		fail(b, &e);
	else
		b->done += data.n;
	if (data.n == 0)
		b->at_end = true;
	/* A short answer need not be the end of the file (draft-ietf-secsh-filexfer-02, section
	 * 6.4). */
	else if (data.n < call->length && !b->failed)
		ask(b, call->offset + data.n, call->length - (uint32_t)data.n);
}

static void
on_read(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_body *b = call->arg;
	struct err e;

	(void)s;
	if (answered(b, a)) {
		if (a->type == SFTP_DATA) {
			store(b, call, a->data);
		} else {
			if (sftp_wire_status(a, &e) < 0)
				fail(b, &e);
			b->at_end = true;
		}
	}
	go_on(b);
}

/* As many as may be under way at once: a file's speed is not one round trip a chunk. */
static void
next_reads(struct sftp_body *b)
{
	while (!b->at_end && b->n_pending < WINDOW) {
		ask(b, b->next, SFTP_CHUNK);
		b->next += SFTP_CHUNK;
		/* Beyond the size that is known go on one request at a time: the file may grow, or
		 * be in /proc. */
		if (b->next >= b->transfer->size + (b->transfer->size ? SFTP_CHUNK : 0))
			break;
	}
}

/* --- put -------------------------------------------------------------------------------------- */

static void
on_written(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_body *b = call->arg;
	struct err e;

	(void)s;
	if (answered(b, a)) {
		int rc = sftp_wire_status(a, &e);

		if (rc == 1)
			rc = err_set(&e, "failed"); /* a write has no end of file */
		if (rc < 0)
			fail(b, &e);
		else
			b->done += call->length;
	}
	go_on(b);
}

static void
write_piece(struct sftp_body *b, struct span data)
{
	const struct sftp_call call = { .fn = on_written, .arg = b, .length = (uint32_t)data.n };
	struct buf body;

	begin(b, &body);
	wire_put_u64(&body, b->next);
	wire_put_string(&body, data);
	send(b, SFTP_WRITE, &body, &call);
	b->next += data.n;
}

static void
next_writes(struct sftp_body *b)
{
	uint8_t data[SFTP_CHUNK];
	struct err e = { "" };

	while (!b->at_end && b->n_pending < WINDOW) {
		ssize_t n = b->transfer->load(data, sizeof data, &e, b->transfer->arg);

		if (n < 0)
			fail(b, &e);
		else if (n == 0)
			b->at_end = true;
		else
			write_piece(b, (struct span){ data, (size_t)n });
	}
}

/* --- both ------------------------------------------------------------------------------------- */

static void
next_requests(struct sftp_body *b)
{
	if (b->is_put)
		next_writes(b);
	else
		next_reads(b);
}

static void
on_opened(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_body *b = call->arg;
	struct err e;

	(void)s;
	if (answered(b, a)) {
		if (a->type == SFTP_HANDLE && a->data.n > 0)
			(void)buf_put(&b->handle, a->data.p, a->data.n);
		else if (sftp_wire_status(a, &e) < 0)
			fail(b, &e);
		else
			fail_text(b, "unexpected answer");
	}
	go_on(b);
}

static void
start(struct sftp_body *b, struct sftp_engine *s, const struct sftp_transfer *transfer, bool is_put)
{
	const struct sftp_call call = { .fn = on_opened, .arg = b };
	/* The mode of a file that is made; one that is there keeps its own. */
	const struct sftp_attrs attrs = { .has_mode = is_put, .mode = transfer->mode };
	struct buf body;

	*b = (struct sftp_body){ .engine = s, .transfer = transfer, .is_put = is_put };
	buf_init(&b->handle, SFTP_HANDLE_MAX);
	buf_init(&body, REQUEST_MAX);
	wire_put_text(&body, transfer->path);
	wire_put_u32(&body, is_put ? SFTP_FOR_WRITE | SFTP_CREATE | SFTP_TRUNCATE : SFTP_FOR_READ);
	sftp_wire_put_attrs(&body, &attrs);
	send(b, SFTP_OPEN, &body, &call);
	finish_if_done(b); /* when it could not even be sent */
}

void
sftp_body_get(struct sftp_body *b, struct sftp_engine *s, const struct sftp_transfer *transfer)
{
	start(b, s, transfer, false);
}

void
sftp_body_put(struct sftp_body *b, struct sftp_engine *s, const struct sftp_transfer *transfer)
{
	start(b, s, transfer, true);
}

void
sftp_body_done(struct sftp_body *b)
{
	buf_done(&b->handle);
}
