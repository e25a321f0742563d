/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbuf: the encrypted bytes of a connection that wait to be sent.
 *
 * Why not a struct buf: an idle connection must hold nothing, a busy one should fill one wide
 * buffer without growing through all sizes first. So there are three sizes, and a few buffers of
 * the largest are kept aside for whoever gets busy next.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_priv.h"

enum { SMALL = 2048, MIDDLE = 40 * 1024, SPARES = 2 };

static _Thread_local struct {
	uint8_t *p;
	size_t cap;
} spares[SPARES];

static uint8_t *
take(size_t cap)
{
	for (int i = 0; i < SPARES; i++)
		if (spares[i].p && spares[i].cap == cap) {
			uint8_t *p = spares[i].p;

			spares[i].p = NULL;
			return p;
		}
	return malloc(cap);
}

static void
give_back(uint8_t *p, size_t cap)
{
	/* Ciphertext, and what a handshake says in the open: nothing that needs wiping before another
	 * connection gets it. */
	for (int i = 0; p && cap > MIDDLE && i < SPARES; i++)
		if (!spares[i].p) {
			spares[i].p = p;
			spares[i].cap = cap;
			return;
		}
	free(p);
}

static size_t
size_for(size_t need, size_t usual_max)
{
	size_t wide = usual_max + OUTPUT_SLACK;

	if (need <= SMALL)
		return SMALL;
	if (need <= MIDDLE)
		return MIDDLE;
	return need <= wide ? wide : OUTPUT_HARD;
}

uint8_t *
outbuf_reserve(struct ssh_outbuf *o, size_t n, size_t usual_max)
{
	size_t cap;
	uint8_t *p;

	if (o->p && n <= o->cap - o->off - o->len)
		return o->p + o->off + o->len;
	/* A peer that asks and asks and never reads; the caller ends the connection. */
	if (n > OUTPUT_HARD - o->len)
		return NULL;
	cap = size_for(o->len + n, usual_max);
	/* There is room, only at the wrong end: what was sent in front has left a gap. */
	if (cap <= o->cap) {
		memmove(o->p, o->p + o->off, o->len);
		o->off = 0;
		return o->p + o->len;
	}
	p = take(cap);
	if (!p)
		return NULL;
	if (o->len)
		memcpy(p, o->p + o->off, o->len);
	give_back(o->p, o->cap);
	o->p = p;
	o->cap = cap;
	o->off = 0;
	return p + o->len;
}

void
outbuf_commit(struct ssh_outbuf *o, size_t n)
{
	o->len += n;
}

void
outbuf_drain(struct ssh_outbuf *o, size_t n)
{
	if (n > o->len)
		n = o->len;
	o->off += n;
	o->len -= n;
	if (o->len == 0)
		/* Nothing is held while nothing waits. */
		outbuf_done(o);
}

void
outbuf_done(struct ssh_outbuf *o)
{
	give_back(o->p, o->cap);
	*o = (struct ssh_outbuf){ 0 };
}
