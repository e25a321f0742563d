/* SPDX-License-Identifier: Apache-2.0 */
/*
 * late: the peer's requests behind one that its owner answers later. RFC 4254 numbers neither requests nor answers: the
 * peer goes by their order alone (sections 4 and 5.4), so nothing may overtake. Called by global.c and chan_request.c.
 *
 * Security: how long an answer takes may be up to somebody else (a PAM module, another connection); what a peer can
 * make us keep meanwhile is bounded here, and a peer that sends more loses the connection.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_priv.h"

void
late_init(struct late *l)
{
	*l = (struct late){ 0 };
	list_init(&l->waiting);
}

int
late_queue(struct ssh *ssh, struct late *l, const struct request *q)
{
	size_t n = q->name.n + q->payload.n;
	struct late_request *w;

	if (l->n >= LATE_REQUESTS_MAX || n > LATE_BYTES_MAX - l->bytes)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "too many requests at once");
	w = malloc(sizeof(*w) + n);
	if (!w)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
	/* Copied: the packet's buffer is used again for the next packet. */
	memcpy(w->bytes, q->name.p, q->name.n);
	if (q->payload.n)
		memcpy(w->bytes + q->name.n, q->payload.p, q->payload.n);
	w->request = (struct request){ { w->bytes, q->name.n },
		{ w->bytes + q->name.n, q->payload.n }, q->want_reply };
	list_add(&l->waiting, &w->link);
	l->n++;
	l->bytes += n;
	return 0;
}

struct late_request *
late_next(struct late *l)
{
	struct late_request *w = list_first(struct late_request, &l->waiting, link);

	if (w) {
		list_del(&w->link);
		l->n--;
		l->bytes -= w->request.name.n + w->request.payload.n;
	}
	return w;
}

void
late_drop(struct late *l)
{
	struct late_request *w;

	while ((w = late_next(l)) != NULL)
		free(w);
}
