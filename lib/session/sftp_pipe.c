/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_pipe: see sftp_pipe.h. SFTP_OPEN at both ends; for each chunk SFTP_READ at one, SFTP_WRITE at the other; SFTP_CLOSE
 * at both.
 */
#include "session/sftp_pipe.h"

enum {
	CHUNK = 32 * 1024,
	WINDOW = SFTP_PENDING_MAX - 1, /* chunks on their way; one request stays for others */
	REQUEST_MAX = CHUNK + SFTP_HANDLE_MAX + SFTP_PATH_MAX + 64,
};

static void go_on(struct sftp_pipe *p);

/* The first failure is told. Nothing more is read; answers that are due are still waited for. */
static void
fail(struct sftp_pipe *p, const char *text)
{
	if (!p->failed)
		err_set(&p->e, "%s", text);
	p->failed = true;
	p->at_end = true;
}

/* Fails when it was not sent; body is used up. */
static void
send(struct sftp_pipe_end *end, enum sftp_type type, struct buf *body, const struct sftp_call *call)
{
	if (sftp_engine_send(end->engine, type, body, call) == 0)
		end->pipe->n_pending++;
	else
		fail(end->pipe,
		    end->engine->over ? end->engine->why.text : "the request is too long");
	buf_done(body);
}

/* An answer is there, or will never be. False: it is a failure, and is told. */
static bool
answered(struct sftp_pipe_end *end, const struct sftp_answer *a)
{
	end->pipe->n_pending--;
	if (a)
		return true;
	fail(end->pipe, end->engine->why.text);
	return false;
}

/* For an answer that must be "done". */
static bool
is_done(struct sftp_pipe_end *end, const struct sftp_answer *a)
{
	struct err e;
	int rc;

	if (!answered(end, a))
		return false;
	rc = sftp_wire_status(a, &e);
	if (rc == 0)
		return true;
	fail(end->pipe, rc < 0 ? e.text : "failed");
	return false;
}

/* A request on the open file. */
static void
begin(const struct sftp_pipe_end *end, struct buf *body)
{
	buf_init(body, REQUEST_MAX);
	wire_put_string(body, buf_span(&end->handle));
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void
on_written(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_pipe *p = call->arg;

	(void)s;
	if (is_done(&p->to, a))
		p->done += call->length;
	go_on(p);
}

static void
write_chunk(struct sftp_pipe *p, uint64_t offset, struct span data)
{
	const struct sftp_call call = { .fn = on_written, .arg = p, .length = (uint32_t)data.n };
	struct buf body;

	begin(&p->to, &body);
	wire_put_u64(&body, offset);
	wire_put_string(&body, data);
	send(&p->to, SFTP_WRITE, &body, &call);
}

static void on_read(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call);

static void
read_chunk(struct sftp_pipe *p, uint64_t offset, uint32_t length)
{
	const struct sftp_call call = { .fn = on_read,
		.arg = p,
		.offset = offset,
		.length = length };
	struct buf body;

	begin(&p->from, &body);
	wire_put_u64(&body, offset);
	wire_put_u32(&body, length);
	send(&p->from, SFTP_READ, &body, &call);
}

static void
pass(struct sftp_pipe *p, const struct sftp_call *call, struct span data)
{
	/* More than was asked for would overwrite what other answers bring. */
	if (data.n > call->length)
		data.n = call->length;
	if (data.n == 0) {
		p->at_end = true;
		return;
	}
	write_chunk(p, call->offset, data);
	/* A short answer need not be the end of the file (draft-ietf-secsh-filexfer-02, section 6.4). */
	if (data.n < call->length && !p->failed)
		read_chunk(p, call->offset + data.n, call->length - (uint32_t)data.n);
}

static void
on_read(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_pipe *p = call->arg;
	struct err e;

	(void)s;
	if (answered(&p->from, a)) {
		if (a->type == SFTP_DATA && !p->failed) {
			pass(p, call, a->data);
		} else if (a->type != SFTP_DATA) {
			if (sftp_wire_status(a, &e) < 0)
				fail(p, e.text);
			p->at_end = true;
		}
	}
	go_on(p);
}

static void
next_reads(struct sftp_pipe *p)
{
	while (!p->at_end && p->n_pending < WINDOW) {
		read_chunk(p, p->next, CHUNK);
		p->next += CHUNK;
		/* Beyond the size that is known one at a time: the file may grow, or be in /proc. */
		if (p->next >= p->transfer->size + (p->transfer->size ? CHUNK : 0))
			break;
	}
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void
on_closed(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_pipe_end *end = call->arg;

	(void)s;
	/* What the target could not write any more, it may say only now; that the source could not be closed is no
	 * harm. */
	if (end->is_source)
		(void)answered(end, a);
	else
		(void)is_done(end, a);
	go_on(end->pipe);
}

/* Also after a failure: the servers' tables of open files have an end. */
static void
close_end(struct sftp_pipe_end *end)
{
	const struct sftp_call call = { .fn = on_closed, .arg = end };
	struct buf body;

	if (end->engine->over || end->handle.len == 0)
		return;
	begin(end, &body);
	send(end, SFTP_CLOSE, &body, &call);
}

/* After each answer: more chunks, or the end. */
static void
go_on(struct sftp_pipe *p)
{
	if (!p->opened && !p->failed)
		return;
	if (p->transfer->progress && !p->closing)
		p->transfer->progress(p->done, p->transfer->arg);
	next_reads(p);
	if (p->n_pending > 0 || !p->at_end)
		return;
	if (!p->closing) {
		p->closing = true;
		close_end(&p->from);
		close_end(&p->to);
	}
	p->finished = p->n_pending == 0;
}

static void on_opened(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call);

static void
open_end(struct sftp_pipe_end *end, const char *path)
{
	const struct sftp_call call = { .fn = on_opened, .arg = end };
	/* The mode of a file that is made; one that is there keeps its own. */
	const struct sftp_attrs attrs = { .has_mode = !end->is_source,
		.mode = end->pipe->transfer->mode };
	struct buf body;

	buf_init(&body, REQUEST_MAX);
	wire_put_text(&body, path);
	wire_put_u32(&body,
	    end->is_source ? SFTP_FOR_READ : SFTP_FOR_WRITE | SFTP_CREATE | SFTP_TRUNCATE);
	sftp_wire_put_attrs(&body, &attrs);
	send(end, SFTP_OPEN, &body, &call);
}

static void
on_opened(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct sftp_pipe_end *end = call->arg;
	struct sftp_pipe *p = end->pipe;
	struct err e;

	(void)s;
	if (answered(end, a)) {
		if (a->type == SFTP_HANDLE && a->data.n > 0)
			(void)buf_put(&end->handle, a->data.p, a->data.n);
		else
			fail(p, sftp_wire_status(a, &e) < 0 ? e.text : "unexpected answer");
	}
	/* The target is made empty by opening it: not before the source is known to be there. */
	if (end->is_source && !p->failed)
		open_end(&p->to, p->target);
	else
		p->opened = true;
	go_on(p);
}

void
sftp_pipe_start(struct sftp_pipe *p, struct sftp_engine *from, struct sftp_engine *to,
    const struct sftp_transfer *transfer, const char *target)
{
	*p = (struct sftp_pipe){ .transfer = transfer, .target = target };
	p->from = (struct sftp_pipe_end){ .pipe = p, .engine = from, .is_source = true };
	p->to = (struct sftp_pipe_end){ .pipe = p, .engine = to };
	buf_init(&p->from.handle, SFTP_HANDLE_MAX);
	buf_init(&p->to.handle, SFTP_HANDLE_MAX);
	open_end(&p->from, transfer->path);
	go_on(p); /* when it could not even be sent */
}

void
sftp_pipe_done(struct sftp_pipe *p)
{
	buf_done(&p->from.handle);
	buf_done(&p->to.handle);
}
