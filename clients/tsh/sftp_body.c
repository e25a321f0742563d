/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_body: file bodies, with up to SFTP_PENDING requests of SFTP_CHUNK bytes under way, so that a long path is
 * filled. Called by cmd_scp.c.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tsh/sftp_wire.h"

struct body {
	struct sftp *s;
	const struct sftp_transfer *t;
	struct buf handle;
	uint64_t next; /* offset of the next request */
	uint64_t done; /* bytes written here or acknowledged there */
	uint64_t end;  /* get: where the file ends, once a read found it; put: size read so far */
	bool at_end;   /* no more requests are needed */
	bool failed, finished;
	struct err e;
};

static void
progress(struct body *b)
{
	if (b->t->progress)
		b->t->progress(b->done, b->t->size, b->t->arg);
}

static void
fail(struct body *b, const struct err *e)
{
	if (!b->failed)
		b->e = *e;
	b->failed = true;
	b->at_end = true;
}

static void
fail_errno(struct body *b, const char *what)
{
	struct err e;

	err_errno(&e, "%s", what);
	fail(b, &e);
}

static void next_reads(struct body *b);
static void next_writes(struct body *b);

static void
check_finished(struct body *b)
{
	b->finished = b->at_end && b->s->n_pending == 0;
}

/* --- get -------------------------------------------------------------------------------------- */

static void
request(struct body *b, uint64_t offset, uint32_t n, sftp_answer_fn *fn)
{
	struct buf p;
	struct err e;
	uint32_t id;

	buf_init(&p, SFTP_PACKET_MAX);
	id = sftp_begin(b->s, &p, FXP_READ);
	wire_put_string(&p, buf_span(&b->handle));
	wire_put_u64(&p, offset);
	wire_put_u32(&p, n);
	if (sftp_send(b->s, &p, id, fn, b, offset << 16 | n >> 4) < 0) {
		err_set(&e, "cannot ask for more");
		fail(b, &e);
	}
	buf_done(&p);
}

static void
store(struct body *b, uint64_t offset, struct span data)
{
	while (data.n > 0) {
		ssize_t n = pwrite(b->t->fd, data.p, data.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail_errno(b, "cannot write");
			return;
		}
		offset += (uint64_t)n;
		data.p += n;
		data.n -= (size_t)n;
		b->done += (uint64_t)n;
	}
}

/* The pending offset carries the length asked for in its low bits, in units of 16 bytes. */
static void
on_read(struct sftp *s, uint8_t type, struct wire *body, void *arg, uint64_t packed)
{
	struct body *b = arg;
	uint64_t offset = packed >> 16;
	uint32_t asked = (uint32_t)(packed & 0xffff) << 4;
	struct err e;

	(void)s;
	if (type == FXP_DATA) {
		struct span data = wire_string(body);

		if (data.n > asked)
			data.n = asked;
		store(b, offset, data);
		if (data.n == 0)
			b->at_end = true;
		else if (data.n < asked &&
		    !b->failed) /* a short read: ask for the rest of the piece */
			request(b, offset + data.n, (asked - (uint32_t)data.n + 15) & ~15u,
			    on_read);
	} else {
		int rc = type == FXP_STATUS ? sftp_status(body, &e)
					    : err_set(&e, "unexpected answer");

		if (rc < 0)
			fail(b, &e);
		b->at_end = true;
	}
	progress(b);
	next_reads(b);
	check_finished(b);
}

static void
next_reads(struct body *b)
{
	while (!b->at_end && b->s->n_pending < SFTP_PENDING - 1) {
		request(b, b->next, SFTP_CHUNK, on_read);
		b->next += SFTP_CHUNK;
		/* Beyond the size that stat told go on one request at a time: the file may grow or be in /proc. */
		if (b->t->size > 0 && b->next >= b->t->size + SFTP_CHUNK)
			break;
		if (b->t->size == 0)
			break;
	}
}

/* --- put --------------------------------------------------------------------------------------- */

static void
on_written(struct sftp *s, uint8_t type, struct wire *body, void *arg, uint64_t n)
{
	struct body *b = arg;
	struct err e;
	int rc = type == FXP_STATUS ? sftp_status(body, &e) : err_set(&e, "unexpected answer");

	(void)s;
	if (rc == 1)
		rc = err_set(&e, "failed");
	if (rc < 0)
		fail(b, &e);
	else
		b->done += n;
	progress(b);
	next_writes(b);
	check_finished(b);
}

static void
write_piece(struct body *b, const uint8_t *data, size_t n)
{
	struct buf p;
	struct err e;
	uint32_t id;

	buf_init(&p, SFTP_PACKET_MAX);
	id = sftp_begin(b->s, &p, FXP_WRITE);
	wire_put_string(&p, buf_span(&b->handle));
	wire_put_u64(&p, b->next);
	wire_put_string(&p, (struct span){ data, n });
	if (sftp_send(b->s, &p, id, on_written, b, n) < 0) {
		err_set(&e, "cannot send more");
		fail(b, &e);
	}
	buf_done(&p);
	b->next += n;
}

static void
next_writes(struct body *b)
{
	uint8_t data[SFTP_CHUNK];

	while (!b->at_end && b->s->n_pending < SFTP_PENDING - 1) {
		ssize_t n = read(b->t->fd, data, sizeof data);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail_errno(b, "cannot read");
		else if (n == 0)
			b->at_end = true;
		else
			write_piece(b, data, (size_t)n);
	}
}

/* --- both ------------------------------------------------------------------------------------------ */

static int
transfer(struct sftp *s, const struct sftp_transfer *t, uint32_t flags, void (*next)(struct body *),
    struct err *e)
{
	struct body b = { .s = s, .t = t };
	int rc = sftp_open_handle(s, FXP_OPEN, t->path, flags, t->mode, &b.handle, e);

	if (rc < 0) {
		buf_done(&b.handle);
		return -1;
	}
	next(&b);
	check_finished(&b);
	rc = sftp_wait(s, &b.finished, e);
	if (rc == 0 && b.failed)
		rc = err_set(e, "%s: %s", t->path, b.e.text);
	if (!s->over) {
		struct err close_e;

		if (sftp_close_handle(s, &b.handle, &close_e) < 0 && rc == 0)
			rc = err_set(e, "%s: %s", t->path, close_e.text);
	}
	buf_done(&b.handle);
	return rc;
}

int
sftp_get(struct sftp *s, const struct sftp_transfer *t, struct err *e)
{
	return transfer(s, t, FXF_READ, next_reads, e);
}

int
sftp_put(struct sftp *s, const struct sftp_transfer *t, struct err *e)
{
	return transfer(s, t, FXF_WRITE | FXF_CREAT | FXF_TRUNC, next_writes, e);
}
