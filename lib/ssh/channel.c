/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: opening and closing (RFC 4254 sections 5.1 and 5.3). A channel leaves the table only
 * when both sides have sent CLOSE, and its owner hears `closed` only after all that arrived was
 * taken.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"

/* --- the table -------------------------------------------------------------- */

/* Twice as large; pointers to channels stay valid, the table's own address does not. */
static bool
table_grow(struct ssh *ssh)
{
	size_t cap = ssh->chans_cap ? ssh->chans_cap * 2 : 2;
	struct ssh_chan **bigger = realloc(ssh->chans, cap * sizeof(*bigger));

	if (!bigger)
		return false;
	for (size_t i = ssh->chans_cap; i < cap; i++)
		bigger[i] = NULL;
	ssh->chans = bigger;
	ssh->chans_cap = cap;
	return true;
}

/* Every window is a promise to keep that much. The first channels get what is configured; when
 * there are many, each further one gets less. */
static uint32_t
window_for(const struct ssh *ssh, uint32_t want)
{
	uint64_t left = ssh->window_sum < WINDOWS_SUM ? (WINDOWS_SUM - ssh->window_sum) / 8 : 0;

	if (ssh->allowance && ALLOWANCE_SUM < ssh->allowance->promised + 8 * left)
		left = ALLOWANCE_SUM > ssh->allowance->promised
		    ? (ALLOWANCE_SUM - ssh->allowance->promised) / 8
		    : 0;
	if (left < WINDOW_MIN)
		left = WINDOW_MIN;
	return left < want ? (uint32_t)left : want;
}

void
ssh_join_allowance(struct ssh *ssh, struct ssh_allowance *allowance)
{
	ssh->allowance = allowance;
}

/* A channel begins with so much, or has ended with it. */
static void
count_window(struct ssh *ssh, const struct ssh_chan *chan, bool ends)
{
	uint64_t base = chan->window_base, grown = chan->window_size - chan->window_base;
	struct ssh_allowance *allowance = ssh->allowance;

	ssh->window_sum += ends ? -base : base;
	if (ends)
		ssh->window_spent -= (uint32_t)grown;
	if (!allowance)
		return;
	allowance->channels += ends ? -(size_t)1 : 1;
	allowance->promised += ends ? -base : base;
	if (ends)
		allowance->grown -= grown;
}

static struct ssh_chan *
chan_new(struct ssh *ssh, enum chan_state state)
{
	struct ssh_chan *chan;
	size_t id = 0;

	/* Channels of both directions count; a peer cannot make us hold more than so many. */
	if (ssh->n_chans >= ssh->config.max_channels ||
	    (ssh->allowance && ssh->allowance->max_channels &&
		ssh->allowance->channels >= ssh->allowance->max_channels))
		return NULL;
	/* The lowest free one, so that the table stays as small as the number of channels that are open at
	 * once. */
	while (id < ssh->chans_cap && ssh->chans[id])
		id++;
	if (id == ssh->chans_cap && !table_grow(ssh))
		return NULL;
	chan = calloc(1, sizeof(*chan));
	if (!chan)
		return NULL;
	chan->ssh = ssh;
	chan->state = state;
	chan->id = (uint32_t)id;
	chan->window = chan->window_size = chan->window_base = window_for(ssh,
	    state == CHAN_OPENING_IN ? ssh->config.window_in : ssh->config.window);
	count_window(ssh, chan, false);
	list_init(&chan->blocked);
	list_init(&chan->closing);
	late_init(&chan->late);
	for (int ext = 0; ext < 2; ext++)
		buf_init(&chan->kept[ext], ssh->config.window_max);
	ssh->chans[id] = chan;
	ssh->n_chans++;
	return chan;
}

void
chan_free(struct ssh_chan *chan)
{
	struct ssh *ssh = chan->ssh;

	list_del(&chan->blocked);
	list_del(&chan->closing);
	late_drop(&chan->late);
	for (int ext = 0; ext < 2; ext++)
		buf_done(&chan->kept[ext]);
	count_window(ssh, chan, true);
	ssh->chans[chan->id] = NULL;
	ssh->n_chans--;
	free(chan);
}

struct ssh_chan *
chan_find(struct ssh *ssh, struct wire *w)
{
	uint32_t id = wire_u32(w);
	struct ssh_chan *chan = !w->bad && id < ssh->chans_cap ? ssh->chans[id] : NULL;

	if (!chan)
		ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "message for a channel that does not exist");
	return chan;
}

/* Both sides closed: `closed` will be told. */
static void
chan_finish(struct ssh_chan *chan)
{
	if (chan->state == CHAN_OVER)
		return;
	chan->state = CHAN_OVER;
	list_del(&chan->blocked);
	list_add(&chan->ssh->closing, &chan->closing);
	ssh_wake(chan->ssh);
}

/* --- opened by the peer ------------------------------------------------------- */

/* For a channel that was never made, too, hence the peer's number. */
static int
send_refusal(struct ssh *ssh, uint32_t peer_id, uint32_t reason, const char *text)
{
	struct buf b;

	packet_begin(&b, MSG_CHANNEL_OPEN_FAILURE);
	wire_put_u32(&b, peer_id);
	wire_put_u32(&b, reason);
	wire_put_text(&b, text);
	wire_put_text(&b, "");
	return packet_send_buf(ssh, &b);
}

/* The addresses of the two tcpip types, section 7.2. */
static bool
parse_tcpip(struct ssh_open *open)
{
	struct wire w = wire_from(open->payload);

	if (!span_is(open->type, "direct-tcpip") && !span_is(open->type, "forwarded-tcpip"))
		return true;
	open->host = wire_string(&w);
	open->port = wire_u32(&w);
	open->origin_host = wire_string(&w);
	open->origin_port = wire_u32(&w);
	/* Ours have more to say to each other; whether it may be there is the owner's to decide. */
	open->extra = wire_rest(&w);
	return !w.bad;
}

int
chan_on_open(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	const struct ssh_events *ev = ssh->config.events;
	struct ssh_open open = { .type = wire_string(w) };
	uint32_t peer_id = wire_u32(w), window = wire_u32(w), packet = wire_u32(w);
	struct ssh_chan *chan;

	(void)payload;
	open.payload = wire_rest(w);
	if (w->bad || open.type.n > CHANNEL_TYPE_MAX || !parse_tcpip(&open))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel open");
	/* We could never send it a byte; a writer would wait for ever (CVE-2026-59843 in another server). */
	if (packet == 0)
		return send_refusal(ssh, peer_id, SSH_REFUSE_PROHIBITED, "maximum packet size 0");
	if (!ev || !ev->channel_open)
		return send_refusal(ssh, peer_id, SSH_REFUSE_PROHIBITED,
		    "no channels are opened here");
	chan = chan_new(ssh, CHAN_OPENING_IN);
	if (!chan)
		return send_refusal(ssh, peer_id, SSH_REFUSE_RESOURCES, "too many channels");
	chan->peer_id = peer_id;
	chan->peer_window = window;
	chan->peer_packet = packet;
	ev->channel_open(ssh, chan, &open, ssh->config.arg);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

void
ssh_chan_accept(struct ssh_chan *chan, const struct ssh_chan_events *events, void *arg)
{
	struct buf b;

	/* Deciding may take a while (a dial, a look-up); the connection may be over when the answer comes. */
	if (chan->state != CHAN_OPENING_IN)
		return;
	chan->state = CHAN_OPEN;
	chan->events = events;
	chan->arg = arg;
	packet_begin(&b, MSG_CHANNEL_OPEN_CONFIRMATION);
	wire_put_u32(&b, chan->peer_id);
	wire_put_u32(&b, chan->id);
	wire_put_u32(&b, chan->window);
	wire_put_u32(&b, CHAN_PACKET_MAX);
	packet_send_buf(chan->ssh, &b);
}

void
ssh_chan_refuse(struct ssh_chan *chan, enum ssh_refusal reason, const char *text)
{
	if (chan->state != CHAN_OPENING_IN)
		return;
	send_refusal(chan->ssh, chan->peer_id, reason, text);
	chan_free(chan);
}

/* --- opened by us ------------------------------------------------------------- */

struct ssh_chan *
ssh_chan_open(struct ssh *ssh, const char *type, struct span payload,
    const struct ssh_chan_events *events, void *arg)
{
	struct ssh_chan *chan;
	struct buf b;

	if (ssh->state == STATE_DEAD || (ssh->state != STATE_OPEN && !ssh->login_sent))
		return NULL;
	chan = chan_new(ssh, CHAN_OPENING_OUT);
	if (!chan)
		return NULL;
	chan->events = events;
	chan->arg = arg;
	if (strcmp(type, "session") == 0)
		chan->replies_due = chan_count_replies(payload);
	packet_begin(&b, MSG_CHANNEL_OPEN);
	wire_put_text(&b, type);
	wire_put_u32(&b, chan->id);
	wire_put_u32(&b, chan->window);
	wire_put_u32(&b, CHAN_PACKET_MAX);
	buf_put(&b, payload.p, payload.n);
	if (packet_send_buf(ssh, &b) < 0) {
		chan_free(chan);
		return NULL;
	}
	return chan;
}

int
chan_on_confirmation(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);

	(void)payload;
	if (!chan)
		return -1;
	/* Otherwise a peer could confirm a channel that he has asked for himself, and that nobody
	 * has granted. */
	if (chan->state != CHAN_OPENING_OUT)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "confirmation of a channel that was not asked for");
	chan->peer_id = wire_u32(w);
	chan->peer_window = wire_u32(w);
	chan->peer_packet = wire_u32(w);
	if (w->bad || chan->peer_packet == 0)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel confirmation");
	chan->state = CHAN_OPEN;
	if (chan->close_wanted)
		ssh_chan_close(chan);
	else if (chan->events && chan->events->opened)
		chan->events->opened(chan, chan->arg);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

int
chan_on_open_failure(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	uint32_t reason = wire_u32(w);
	struct span text = wire_string(w);
	char clean[256];

	(void)payload;
	if (!chan)
		return -1;
	if (w->bad || chan->state != CHAN_OPENING_OUT)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "refusal of a channel that was not asked for");
	/* Who closed it meanwhile hears `closed`, as for any channel, and not that it was
	 * refused. */
	if (chan->close_wanted || !chan->events || !chan->events->refused) {
		chan_finish(chan);
		return 0;
	}
	str_clean(clean, sizeof(clean), (const char *)text.p, text.n);
	chan->events->refused(chan, reason, clean, chan->arg);
	chan_free(chan);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

/* --- closing ------------------------------------------------------------------ */

static int
send_simple(struct ssh_chan *chan, uint8_t type)
{
	struct buf b;

	packet_begin(&b, type);
	wire_put_u32(&b, chan->peer_id);
	return packet_send_buf(chan->ssh, &b);
}

void
ssh_chan_eof(struct ssh_chan *chan)
{
	if (chan->state != CHAN_OPEN || chan->eof_out || chan->close_out)
		return;
	chan->eof_out = true;
	send_simple(chan, MSG_CHANNEL_EOF);
}

void
ssh_chan_close(struct ssh_chan *chan)
{
	if (chan->state == CHAN_OPENING_IN) {
		ssh_chan_refuse(chan, SSH_REFUSE_CONNECT_FAILED, "closed");
		return;
	}
	if (chan->state == CHAN_OPENING_OUT) {
		/* RFC 4254 has no way to take an open back: it is closed when it was confirmed. */
		chan->close_wanted = true;
		return;
	}
	if (chan->state != CHAN_OPEN || chan->close_out)
		return;
	ssh_chan_eof(chan);
	chan->close_out = true;
	list_del(&chan->blocked);
	late_drop(&chan->late);
	chan_drop_kept(chan);
	send_simple(chan, MSG_CHANNEL_CLOSE);
	if (chan->close_in)
		chan_finish(chan);
}

int
chan_maybe_close(struct ssh_chan *chan)
{
	struct ssh *ssh = chan->ssh;

	if (chan->state != CHAN_OPEN || chan_kept(chan) > 0)
		return 0;
	if (chan->eof_in && !chan->eof_told && !chan->close_out) {
		chan->eof_told = true;
		if (chan->events && chan->events->eof)
			chan->events->eof(chan, chan->arg);
	}
	/* eof() may have closed it */
	if (!chan->close_in || chan->state != CHAN_OPEN)
		return ssh->state == STATE_DEAD ? -1 : 0;
	if (!chan->close_out) {
		chan->close_out = true;
		chan->eof_out = true;
		send_simple(chan, MSG_CHANNEL_CLOSE);
	}
	chan_finish(chan);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

int
chan_on_eof(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);

	(void)payload;
	if (!chan)
		return -1;
	if (!wire_end(w) || chan->state != CHAN_OPEN || chan->close_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "EOF on a channel that is not open");
	chan->eof_in = true;
	return chan_maybe_close(chan);
}

int
chan_on_close(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);

	(void)payload;
	if (!chan)
		return -1;
	if (!wire_end(w) || chan->state != CHAN_OPEN || chan->close_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "CLOSE of a channel that is not open");
	chan->eof_in = true;
	/* A CLOSE without an EOF before it is allowed, and ends the data as well (RFC 4254 section
	 * 5.3). */
	chan->close_in = true;
	list_del(&chan->blocked); /* nothing that we still send would be read */
	if (chan_kept(chan) > 0 && !chan->close_out && chan->events && chan->events->unread)
		chan->events->unread(chan, chan->arg);
	return chan_maybe_close(chan);
}

/* --- small things ------------------------------------------------------------- */

void
ssh_chan_set_arg(struct ssh_chan *chan, void *arg)
{
	chan->arg = arg;
}

void
ssh_chan_set_events(struct ssh_chan *chan, const struct ssh_chan_events *events, void *arg)
{
	chan->events = events;
	chan->arg = arg;
}
