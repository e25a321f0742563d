/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_engine: see sftp_engine.h.
 *
 * Security: a server chooses what comes and in which order. Lengths have a ceiling before anything is
 * kept, an answer must be whole and belong to a request of ours, and the first that is not ends
 * the session.
 */
#include "session/sftp_engine.h"

#include <string.h>

enum { HEAD_BYTES = 5 /* type and id, of the length */ };

void
sftp_engine_init(struct sftp_engine *s, void (*wake)(void *arg), void *arg)
{
	memset(s, 0, sizeof *s);
	s->wake = wake;
	s->arg = arg;
	buf_init(&s->in, SFTP_PACKET_MAX + 4);
	buf_init(&s->out, SFTP_OUTPUT_MAX);
}

void
sftp_engine_done(struct sftp_engine *s)
{
	buf_done(&s->in);
	buf_done(&s->out);
}

/* Takes a call off the table before it is told: it may send the next one. */
static struct sftp_call
take(struct sftp_engine *s, unsigned i)
{
	s->pending[i].id = 0;
	s->n_pending--;
	return s->pending[i].call;
}

void
sftp_engine_end(struct sftp_engine *s, const char *why)
{
	if (s->over)
		return;
	s->over = true;
	err_set(&s->why, "%s", why);
	for (unsigned i = 0; i < SFTP_PENDING_MAX; i++) {
		if (!s->pending[i].id)
			continue;
		struct sftp_call call = take(s, i);
		call.fn(s, NULL, &call);
	}
}

/* --- out -------------------------------------------------------------------------------------- */

struct span
sftp_engine_output(const struct sftp_engine *s)
{
	return buf_span(&s->out);
}

void
sftp_engine_drain(struct sftp_engine *s, size_t n)
{
	buf_drain(&s->out, n);
}

/* The greeting has a version where requests have an id (section 4). */
static void
put(struct sftp_engine *s, enum sftp_type type, uint32_t id, struct span body)
{
	wire_put_u32(&s->out, (uint32_t)(HEAD_BYTES + body.n));
	wire_put_u8(&s->out, (uint8_t)type);
	wire_put_u32(&s->out, id);
	buf_put(&s->out, body.p, body.n);
}

void
sftp_engine_start(struct sftp_engine *s)
{
	put(s, SFTP_INIT, SFTP_OUR_VERSION, (struct span){ NULL, 0 });
	s->wake(s->arg);
}

int
sftp_engine_send(struct sftp_engine *s, enum sftp_type type, const struct buf *body,
    const struct sftp_call *call)
{
	unsigned i = 0;

	if (s->over || !buf_ok(body) || s->n_pending == SFTP_PENDING_MAX ||
	    s->out.len + HEAD_BYTES + 4 + body->len > SFTP_OUTPUT_MAX)
		return -1;
	while (s->pending[i].id)
		i++;
	/* 0 is the mark of a free place. */
	if (++s->next_id == 0)
		s->next_id = 1;
	put(s, type, s->next_id, buf_span(body));
	if (!buf_ok(&s->out)) {
		/* Half a packet may be in it: nothing can follow. */
		sftp_engine_end(s, "out of memory");
		return -1;
	}
	s->pending[i].id = s->next_id;
	s->pending[i].call = *call;
	s->n_pending++;
	s->wake(s->arg);
	return 0;
}

/* --- in --------------------------------------------------------------------------------------- */

/* The first packet of the server. Versions above ours are fine: it must then speak ours (section
 * 4). */
static void
greet(struct sftp_engine *s, uint8_t type, uint32_t version)
{
	if (type != SFTP_VERSION)
		sftp_engine_end(s, "the node's sftp server does not greet");
	else if (version < SFTP_OUR_VERSION)
		sftp_engine_end(s, "the node's sftp server is too old");
	else
		s->ready = true; /* extensions may follow: none is used */
}

static void
dispatch(struct sftp_engine *s, struct span packet)
{
	struct wire w = wire_from(packet);
	uint8_t type = wire_u8(&w);
	uint32_t id = wire_u32(&w);
	struct sftp_answer a;
	unsigned i = 0;

	if (!s->ready) {
		greet(s, type, id);
		return;
	}
	while (i < SFTP_PENDING_MAX && (id == 0 || s->pending[i].id != id))
		i++;
	if (i == SFTP_PENDING_MAX) {
		sftp_engine_end(s, "the node's sftp server sent an answer to nothing");
		return;
	}
	if (sftp_wire_read(&a, type, wire_rest(&w)) < 0) {
		sftp_engine_end(s, "the node's sftp server sent a malformed answer");
		return;
	}
	struct sftp_call call = take(s, i);
	call.fn(s, &a, &call);
}

/* Takes whole packets off `in`; the rest of one waits there. */
static void
parse(struct sftp_engine *s)
{
	while (!s->over && s->in.len >= 4) {
		struct wire w = wire_from(buf_span(&s->in));
		uint32_t n = wire_u32(&w);

		/* What a login shell prints lands here: four letters read as a length are far more
		 * than the maximum. */
		if (n > SFTP_PACKET_MAX || n < HEAD_BYTES) {
			sftp_engine_end(s,
			    "the node sent what is not SFTP (does its login shell print something?)");
			return;
		}
		struct span packet = wire_bytes(&w, n);
		if (w.bad)
			return;
		dispatch(s, packet);
		buf_drain(&s->in, n + 4);
	}
}

void
sftp_engine_input(struct sftp_engine *s, const uint8_t *p, size_t n)
{
	/* In pieces, so that never more is kept than one packet. */
	while (n > 0 && !s->over) {
		size_t room = s->in.max - s->in.len, part = n < room ? n : room;

		if (!buf_put(&s->in, p, part)) {
			sftp_engine_end(s, "out of memory");
			return;
		}
		p += part;
		n -= part;
		parse(s);
	}
}
