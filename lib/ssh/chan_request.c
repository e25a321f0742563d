/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_request: requests on channels, both ways (RFC 4254 section 5.4). Answers keep the order of
 * the questions: behind one that is answered late, the others wait, a bounded number of them.
 */
#include <stdlib.h>

#include "ssh/ssh_priv.h"

static void
answer(struct ssh_chan *chan, bool ok)
{
	struct buf b;

	packet_begin(&b, ok ? MSG_CHANNEL_SUCCESS : MSG_CHANNEL_FAILURE);
	wire_put_u32(&b, chan->peer_id);
	packet_send_buf(chan->ssh, &b);
}

static void
ask_owner(struct ssh_chan *chan, const struct request *q)
{
	enum ssh_answer a = SSH_FAIL;

	if (chan->events && chan->events->request)
		a = chan->events->request(chan, q->name, q->payload, chan->arg);
	/* The owner may have closed it from within: after our CLOSE nothing is sent (RFC 4254 section 5.3). */
	if (chan->state != CHAN_OPEN || chan->close_out)
		return;
	if (a == SSH_LATER) {
		chan->late.pending = true;
		chan->late.silent = !q->want_reply;
	} else if (q->want_reply) {
		answer(chan, a == SSH_OK);
	}
}

static int
arrived(struct ssh_chan *chan, const struct request *q)
{
	if (chan->close_out)
		return 0;
	if (chan->late.pending)
		return late_queue(chan->ssh, &chan->late, q);
	ask_owner(chan, q);
	return chan->ssh->state == STATE_DEAD ? -1 : 0;
}

int
chan_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	struct request q;

	(void)payload;
	q.name = wire_string(w);
	q.want_reply = wire_bool(w);
	q.payload = wire_rest(w);
	if (!chan)
		return -1;
	if (w->bad || chan->state != CHAN_OPEN || chan->close_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel request");
	return arrived(chan, &q);
}

/* --- along with the opening of a session ------------------------------------ */

/* The next one, as ssh_request_put wrote it. False at the end, and, with w->bad, when it is none. */
static bool
next_request(struct wire *w, struct request *ret)
{
	if (w->left == 0)
		return false;
	ret->name = wire_string(w);
	ret->want_reply = wire_bool(w);
	ret->payload = wire_string(w);
	return !w->bad;
}

uint32_t
chan_count_replies(struct span requests)
{
	struct wire w = wire_from(requests);
	struct request q;
	uint32_t n = 0;

	while (next_request(&w, &q))
		n += q.want_reply;
	return n;
}

void
ssh_chan_requests(struct ssh_chan *chan, struct span requests)
{
	struct wire w = wire_from(requests);
	struct request q;

	while (chan->state == CHAN_OPEN && next_request(&w, &q))
		if (arrived(chan, &q) < 0)
			return;
	if (w.bad)
		ssh_fatal(chan->ssh, REASON_PROTOCOL_ERROR, "malformed channel request");
}

void
ssh_chan_reply(struct ssh_chan *chan, bool ok)
{
	struct late_request *w;

	if (!chan->late.pending || chan->state != CHAN_OPEN || chan->close_out)
		return;
	chan->late.pending = false;
	if (!chan->late.silent)
		answer(chan, ok);
	/* The connection may be over by now, or end over one of these: an exec that waited must not start then. */
	while (!chan->late.pending && chan->ssh->state == STATE_OPEN &&
	    (w = late_next(&chan->late)) != NULL) {
		ask_owner(chan, &w->request);
		free(w);
	}
}

void
ssh_chan_request(struct ssh_chan *chan, const char *name, bool want_reply, struct span payload)
{
	struct buf b;

	if (chan->state != CHAN_OPEN || chan->close_out || chan->close_in)
		return;
	packet_begin(&b, MSG_CHANNEL_REQUEST);
	wire_put_u32(&b, chan->peer_id);
	wire_put_text(&b, name);
	wire_put_bool(&b, want_reply);
	buf_put(&b, payload.p, payload.n);
	if (packet_send_buf(chan->ssh, &b) == 0 && want_reply)
		chan->replies_due++;
}

static int
on_answer(struct ssh *ssh, struct wire *w, bool ok)
{
	struct ssh_chan *chan = chan_find(ssh, w);

	if (!chan)
		return -1;
	/* Requests may be on their way with the opening; nobody answers those before that. */
	if (!wire_end(w) || chan->replies_due == 0 || chan->state == CHAN_OPENING_OUT)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "answer to a request that nobody made");
	chan->replies_due--;
	if (chan->state == CHAN_OPEN && !chan->close_out && chan->events && chan->events->reply)
		chan->events->reply(chan, ok, chan->arg);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

int
chan_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	return on_answer(ssh, w, true);
}

int
chan_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	return on_answer(ssh, w, false);
}
