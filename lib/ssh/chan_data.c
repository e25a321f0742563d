/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_data: bytes of channels and the windows that bound them (RFC 4254 section 5.2).
 *
 * Out: ssh_chan_write encrypts straight into the output and takes no more than the peer's window
 * and the output's ceiling allow, so there is no queue per channel. In: bytes are offered to the
 * owner where they were decrypted; what it does not take is kept, within the window, and the window
 * stays closed meanwhile.
 */
#include <string.h>

#include "ssh/ssh_priv.h"

enum {
	/* less room than this in the output is none: small packets cost as much as large ones */
	WRITE_MIN = 4096,
	PACKET_COST = 64,  /* about what a packet adds to its data */
	TRIAL_WINDOWS = 2, /* of data that show whether a wider window helps */
	STALL_MIN_MS = 2,  /* a shorter pause of the peer says nothing about the path */
	LONG_TRIP_MS = 10, /* no machine of ours takes so long to answer */
};

/* --- out ---------------------------------------------------------------------- */

/* Also while keys are exchanged: data may not be sent then, and pending is for messages, not for
 * data. */
static bool
output_is_full(const struct ssh *ssh)
{
	return packet_is_held(ssh) || ssh->outbuf.len + WRITE_MIN > ssh->config.output_max;
}

static size_t
packet_data_max(const struct ssh_chan *chan)
{
	return chan->peer_packet < CHAN_WRITE_MAX ? chan->peer_packet : CHAN_WRITE_MAX;
}

size_t
ssh_chan_room(const struct ssh_chan *chan)
{
	const struct ssh *ssh = chan->ssh;
	size_t packet, room;

	if (chan->state != CHAN_OPEN || chan->eof_out || chan->close_out || chan->close_in ||
	    ssh->state != STATE_OPEN || output_is_full(ssh))
		return 0;
	/* Whole packets, so that the last one is not a small one; and a peer that wants tiny ones
	 * pays for them. */
	packet = packet_data_max(chan);
	room = ((ssh->config.output_max - ssh->outbuf.len) / (packet + PACKET_COST) + 1) * packet;
	return room < chan->peer_window ? room : chan->peer_window;
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One packet of n bytes; n is at most what may be sent. */
static bool
write_packet(struct ssh_chan *chan, uint32_t ext, const uint8_t *p, uint32_t n)
{
	size_t head = ext ? 13 : 9;
	uint8_t *out = packet_reserve(chan->ssh, head + n);

	if (!out)
		return false;
	out[0] = ext ? MSG_CHANNEL_EXTENDED_DATA : MSG_CHANNEL_DATA;
	put_u32(out + 1, chan->peer_id);
	if (ext)
		put_u32(out + 5, ext);
	put_u32(out + head - 4, n);
	chan->peer_window -= n;
	return packet_send_body(chan->ssh, head + n, head, (struct span){ p, n }) == 0;
}

size_t
ssh_chan_write(struct ssh_chan *chan, uint32_t ext, const void *p, size_t n)
{
	struct ssh *ssh = chan->ssh;
	size_t room = ssh_chan_room(chan), limit = n < room ? n : room, total = 0;

	/* What ssh_chan_room promised is taken, whatever the packets' own bytes add to the
	 * output. */
	while (total < limit) {
		size_t size = limit - total;

		if (size > packet_data_max(chan))
			size = packet_data_max(chan);
		if (!write_packet(chan, ext, (const uint8_t *)p + total, (uint32_t)size))
			break;
		total += size;
	}
	if (packet_wants_rekey(ssh))
		kex_start(ssh);
	if (total < n && chan->state == CHAN_OPEN && !chan->eof_out && !chan->close_in &&
	    list_empty(&chan->blocked))
		list_add(&ssh->blocked, &chan->blocked);
	return total;
}

void
chan_tell_writable(struct ssh *ssh)
{
	struct list turn, starved;
	struct ssh_chan *chan;

	/* Woken for each little room, writers would fill the output with small packets. */
	if (list_empty(&ssh->blocked) || packet_is_held(ssh) ||
	    ssh->outbuf.len > ssh->config.output_max / 4)
		return;
	/* One turn for each, in the order they came; who has no window goes on waiting, and so does
	 * everybody behind the one who fills the output. */
	list_init(&turn);
	list_init(&starved);
	list_move_all(&turn, &ssh->blocked);
	while (
	    (chan = list_first(struct ssh_chan, &turn, blocked)) != NULL && !output_is_full(ssh)) {
		list_del(&chan->blocked);
		if (chan->peer_window == 0)
			list_add(&starved, &chan->blocked);
		else if (chan->events && chan->events->writable)
			chan->events->writable(chan, chan->arg);
	}
	list_move_all(&turn, &ssh->blocked);
	list_move_all(&turn, &starved);
	list_move_all(&ssh->blocked, &turn);
}

int
chan_on_adjust(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	uint32_t add = wire_u32(w);

	(void)payload;
	if (!chan)
		return -1;
	if (!wire_end(w) || chan->state != CHAN_OPEN || chan->close_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed window adjustment");
	/* RFC 4254 section 5.2: a window must not grow above 2^32 - 1. Added blindly it would wrap to a small
	 * one. */
	if (add > UINT32_MAX - chan->peer_window)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "window overflow");
	chan->peer_window += add;
	chan_tell_writable(ssh);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

/* --- in ----------------------------------------------------------------------- */

size_t
chan_kept(const struct ssh_chan *chan)
{
	return chan->kept[0].len + chan->kept[1].len;
}

static void
send_adjust(struct ssh_chan *chan, uint32_t add)
{
	uint8_t *p = packet_reserve(chan->ssh, 9);

	if (!p)
		return;
	p[0] = MSG_CHANNEL_WINDOW_ADJUST;
	put_u32(p + 1, chan->peer_id);
	put_u32(p + 5, add);
	packet_send_reserved(chan->ssh, 9);
}

/* Bytes a millisecond since the window has its size. Asked at the beginning of a burst only, before its bytes count. */
static uint64_t
rate(const struct ssh_chan *chan)
{
	int64_t ms = chan->ssh->now_ms - chan->sized_ms;

	return chan->sized_got / (ms > 0 ? (uint64_t)ms : 1);
}

/* Gives the window more or takes what it got last back; the peer sees it with the next openings. */
static void
size_window(struct ssh_chan *chan, uint32_t size)
{
	chan->ssh->window_spent += size - chan->window_size; /* modulo 2^32 */
	if (chan->ssh->allowance) {
		chan->ssh->allowance->grown += size;
		chan->ssh->allowance->grown -= chan->window_size;
	}
	chan->window_size = size;
	chan->sized_got = 0;
	chan->sized_ms = 0;
}

/* Makes the window so many times as wide, within the one budget that the connection has, and on trial; rate_before is what
 * it carried as it was, in bytes a millisecond. */
static void
grow_window(struct ssh_chan *chan, uint32_t times, uint64_t rate_before)
{
	const struct ssh *ssh = chan->ssh;
	uint32_t more = ssh->config.window_max - ssh->config.window - ssh->window_spent;

	if (ssh->allowance && ssh->allowance->grown + more > ALLOWANCE_GROWN)
		more = ssh->allowance->grown < ALLOWANCE_GROWN
		    ? (uint32_t)(ALLOWANCE_GROWN - ssh->allowance->grown)
		    : 0;
	if (more / (times - 1) >= chan->window_size)
		more = (times - 1) * chan->window_size;
	if (more > ssh->config.window_max - chan->window_size)
		more = ssh->config.window_max - chan->window_size;
	if (more == 0 || chan->window_settled || chan->window_before > 0)
		return;
	chan->rate_before = rate_before;
	chan->window_before = chan->window_size;
	size_window(chan, chan->window_size + more);
}

/*
 * On a path of which the length is known, half a window that comes within a quarter of a round trip is enough: the sender has
 * run to the window's end long before it hears that it may go on. So the window is four times as wide when the news of it
 * leaves, and not a few round trips later.
 */
static void
grow_on_a_long_path(struct ssh_chan *chan)
{
	int64_t trip = chan->ssh->trip_ms;

	if (trip >= LONG_TRIP_MS && chan->opened_ms > 0 && chan_kept(chan) == 0 &&
	    (chan->ssh->now_ms - chan->opened_ms) * 4 <= trip)
		grow_window(chan, 4, chan->window_size / (uint64_t)trip);
}

/*
 * Did growing help? A path that is limited by the window carries twice as much through twice the window. Where only
 * the processes along it are slow, a wider window is a longer queue in each of them, and OpenSSH's client gets slower
 * with the length of its own: then the window goes back, for good.
 */
static void
judge_window(struct ssh_chan *chan)
{
	if (chan->window_before == 0 ||
	    chan->sized_got < (uint64_t)TRIAL_WINDOWS * chan->window_size)
		return;
	if (rate(chan) < chan->rate_before + chan->rate_before / 4) {
		chan->window_settled = true;
		size_window(chan, chan->window_before);
	}
	chan->window_before = 0;
}

static void
count(struct ssh_chan *chan, uint32_t n)
{
	if (chan->ssh->now_ms > chan->counted_ms)
		judge_window(chan);
	chan->counted_ms = chan->ssh->now_ms;
	if (chan->sized_ms == 0)
		chan->sized_ms = chan->ssh->now_ms;
	chan->sized_got += n;
	if (chan->opened_ms == 0)
		chan->opened_ms = chan->ssh->now_ms;
}

/*
 * Is the window what slows this channel down? When it is opened again, probe_left bytes of it are
 * still unused. A peer that sends exactly those and then pauses, until the news of the opening has
 * travelled to it, was stopped by the window; one that goes on without a pause was not. An owner
 * that did not take everything at once is slower than the path, and gets nothing.
 */
static void
probe(struct ssh_chan *chan, uint32_t n)
{
	int64_t now = chan->ssh->now_ms, stall, trip;

	if (!chan->probing)
		return;
	if (!chan->probe_stalled) {
		if (n > chan->probe_left) {
			chan->probing = false;
			return;
		}
		chan->probe_left -= n;
		chan->probe_stalled = chan->probe_left == 0;
		chan->probe_stall_ms = now;
		return;
	}
	chan->probing = false;
	stall = now - chan->probe_stall_ms;
	trip = now - chan->probe_start_ms;
	if (stall >= STALL_MIN_MS && stall * 8 >= trip && chan->sized_got >= chan->window_size)
		grow_window(chan, 2, rate(chan));
}

/* With each opening of the window, unless the last one is still being watched. */
static void
start_probe(struct ssh_chan *chan)
{
	if (chan_kept(chan) > 0) {
		chan->probing = false;
		return;
	}
	if (chan->probing)
		return;
	chan->probing = true;
	chan->probe_stalled = chan->window == 0;
	chan->probe_left = chan->window;
	chan->probe_start_ms = chan->probe_stall_ms = chan->ssh->now_ms;
}

/* Opens the window again when it is half closed. */
static void
chan_grant(struct ssh_chan *chan)
{
	size_t have = chan->window + chan_kept(chan);

	/* During a key exchange nothing may be sent; chan_grant_all comes back to it. */
	if (chan->state != CHAN_OPEN || chan->eof_in || chan->close_out ||
	    chan->ssh->state != STATE_OPEN || packet_is_held(chan->ssh) ||
	    have > chan->window_size / 2)
		return;
	grow_on_a_long_path(chan);
	chan->opened_ms = 0;
	start_probe(chan);
	send_adjust(chan, chan->window_size - (uint32_t)have);
	chan->window += chan->window_size - (uint32_t)have;
}

void
chan_grant_all(struct ssh *ssh)
{
	for (size_t i = 0; i < ssh->chans_cap; i++)
		if (ssh->chans[i])
			chan_grant(ssh->chans[i]);
}

void
chan_drop_kept(struct ssh_chan *chan)
{
	/* A data callback may close its channel while it still looks at the bytes: then offer()
	 * drops them. */
	if (chan->in_data)
		return;
	for (int ext = 0; ext < 2; ext++)
		buf_done(&chan->kept[ext]);
}

/* Returns how much the owner took. Without one who listens, all of it. */
static size_t
offer(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n)
{
	size_t took = n;

	if (chan->events && chan->events->data) {
		chan->in_data = true;
		took = chan->events->data(chan, ext, p, n, chan->arg);
		chan->in_data = false;
		if (chan->close_out)
			chan_drop_kept(chan);
	}
	return took < n ? took : n;
}

/* Bytes for a channel: to the owner, or into `kept` for as long as he does not take them. */
static int
deliver(struct ssh_chan *chan, uint32_t ext, uint8_t *p, uint32_t n)
{
	struct ssh *ssh = chan->ssh;
	size_t took = 0;

	if (chan->state != CHAN_OPEN || chan->eof_in)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "data on a channel that is at its end");
	/* The window is all that bounds what a peer can make us keep, so it is not a hint: whoever exceeds it
	 * is ended. */
	if (n > CHAN_PACKET_MAX || n > chan->window)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "more data than the window allows");
	chan->window -= n;
	probe(chan, n);
	count(chan, n);
	if (chan->close_out)
		return 0;
	if (ext > 1)
		took = n;
	else if (chan_kept(chan) == 0 && !chan->in_data)
		took = offer(chan, ext, p, n);
	if (chan->close_out || chan->state != CHAN_OPEN)
		return ssh->state == STATE_DEAD ? -1 : 0;
	if (took < n) {
		chan->probing = false;
		if (!buf_put(&chan->kept[ext], p + took, n - took))
			return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
	}
	chan_grant(chan);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

int
chan_on_data(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	struct span data = wire_string(w);

	if (!chan)
		return -1;
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel data");
	return deliver(chan, 0, payload + 9, (uint32_t)data.n);
}

int
chan_on_extended(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_chan *chan = chan_find(ssh, w);
	uint32_t ext = wire_u32(w);
	struct span data = wire_string(w);

	if (!chan)
		return -1;
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed channel data");
	/* Types that nobody defined are read and dropped. */
	return deliver(chan, ext == 0 ? 2 : ext, payload + 13, (uint32_t)data.n);
}

void
ssh_chan_resume(struct ssh_chan *chan)
{
	if (chan->in_data || chan->state != CHAN_OPEN || chan->close_out)
		return;
	/* Owners are told of ends only when nobody is busy: this channel must not be freed while it
	 * is worked on. */
	chan->ssh->busy++;
	for (uint32_t ext = 0; ext < 2; ext++) {
		struct buf *kept = &chan->kept[ext];

		while (kept->len > 0) {
			size_t n = kept->len;
			size_t took = offer(chan, ext, buf_head(kept), n);

			if (chan->close_out || chan->state != CHAN_OPEN)
				goto out; /* the owner closed it, kept is empty */
			buf_drain(kept, took);
			if (took < n)
				break;
		}
	}
	chan_grant(chan);
	chan_maybe_close(chan);
out:
	chan->ssh->busy--;
}
