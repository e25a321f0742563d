/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_request: requests on channels, both ways (RFC 4254 section 5.4). Answers keep the order of
 * the questions: behind one that is answered late, the others wait, a bounded number of them.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_priv.h"

struct ssh_waiting {
	struct list link;
	bool want_reply;
	size_t n_name, n;
	uint8_t bytes[]; /* name, payload */
};

static void
answer(struct ssh_chan *chan, bool ok)
{
	struct buf b;

	packet_begin(&b, ok ? MSG_CHANNEL_SUCCESS : MSG_CHANNEL_FAILURE);
	wire_put_u32(&b, chan->peer_id);
	packet_send_buf(chan->ssh, &b);
}

static void
ask_owner(struct ssh_chan *chan, struct span name, struct span payload, bool want_reply)
{
	enum ssh_answer a = SSH_FAIL;

	if (chan->events && chan->events->request)
		a = chan->events->request(chan, name, payload, chan->arg);
	if (chan->state != CHAN_OPEN || chan->close_out)
		return;
	if (a == SSH_LATER) {
		chan->late = true;
		chan->late_silent = !want_reply;
	} else if (want_reply) {
		answer(chan, a == SSH_OK);
	}
}

/* Behind a late one. */
static int
queue(struct ssh_chan *chan, struct span name, struct span payload, bool want_reply)
{
	struct ssh_waiting *w;

	if (chan->n_waiting >= LATE_REQUESTS_MAX ||
	    name.n + payload.n > LATE_BYTES_MAX - chan->waiting_bytes)
		return ssh_fatal(chan->ssh, REASON_PROTOCOL_ERROR,
		    "too many channel requests at once");
	w = malloc(sizeof(*w) + name.n + payload.n);
	if (!w)
		return ssh_fatal(chan->ssh, REASON_PROTOCOL_ERROR, "out of memory");
	w->want_reply = want_reply;
	w->n_name = name.n;
	w->n = name.n + payload.n;
	memcpy(w->bytes, name.p, name.n);
	if (payload.n)
		memcpy(w->bytes + name.n, payload.p, payload.n);
	list_add(&chan->waiting, &w->link);
	chan->n_waiting++;
	chan->waiting_bytes += w->n;
	return 0;
}

static void
unqueue(struct ssh_chan *chan, struct ssh_waiting *w)
{
	list_del(&w->link);
	chan->n_waiting--;
	chan->waiting_bytes -= w->n;
}

void
chan_drop_waiting(struct ssh_chan *chan)
{
	struct ssh_waiting *w;

	while ((w = list_first(struct ssh_waiting, &chan->waiting, link)) != NULL) {
		unqueue(chan, w);
		free(w);
	}
}

int
chan_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	struct span name = wire_string(w);
	bool want_reply = wire_bool(w);
	struct span rest = wire_rest(w);

	(void)payload;
	if (!chan)
		return -1;
	if (w->bad || chan->state != CHAN_OPEN || chan->close_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel request");
	if (chan->close_out)
		return 0;
	if (chan->late)
		return queue(chan, name, rest, want_reply);
	ask_owner(chan, name, rest, want_reply);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

void
ssh_chan_reply(struct ssh_chan *chan, bool ok)
{
	struct ssh_waiting *w;

	if (!chan->late || chan->state != CHAN_OPEN || chan->close_out)
		return;
	chan->late = false;
	if (!chan->late_silent)
		answer(chan, ok);
	while (!chan->late && (w = list_first(struct ssh_waiting, &chan->waiting, link)) != NULL) {
		unqueue(chan, w);
		ask_owner(chan, (struct span){ w->bytes, w->n_name },
		    (struct span){ w->bytes + w->n_name, w->n - w->n_name }, w->want_reply);
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
	if (!wire_end(w) || chan->replies_due == 0)
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
