/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the login, either role: messages of the peer mixed with calls of the owner in any order, as
 * the input says.
 */
#include "ssh_fuzz.h"

enum { CHANS = 8 };

struct owner {
	struct input in;
	struct ssh *ssh;
	struct ssh_chan *chans[CHANS]; /* those that live and were decided */
	struct ssh_chan *undecided;
	int replies;
};

static void
note(struct owner *o, struct ssh_chan *chan)
{
	for (int i = 0; i < CHANS; i++)
		if (!o->chans[i]) {
			o->chans[i] = chan;
			return;
		}
}

static void
forget(struct owner *o, struct ssh_chan *chan)
{
	for (int i = 0; i < CHANS; i++)
		if (o->chans[i] == chan)
			o->chans[i] = NULL;
	if (o->undecided == chan)
		o->undecided = NULL;
}

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct owner *o = arg;
	uint8_t how = take_byte(&o->in);

	if (ext > 1)
		abort();
	if (how == 255)
		ssh_chan_close(chan);
	if (how & 1)
		n = n * (how >> 1) / 128;
	memset(p, 0, n);
	return n;
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	struct owner *o = arg;
	size_t room = ssh_chan_room(chan);
	static const uint8_t block[70000];

	if (take_byte(&o->in) & 1 &&
	    ssh_chan_write(chan, 0, block, sizeof(block)) !=
		(room < sizeof(block) ? room : sizeof(block)))
		abort();
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	(void)reason;
	(void)text;
	forget(arg, chan);
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct owner *o = arg;
	uint8_t how = take_byte(&o->in);

	(void)name;
	(void)payload;
	if (how == 255)
		ssh_chan_close(chan);
	return how % 3 == 0 ? SSH_FAIL : how % 3 == 1 ? SSH_OK : SSH_LATER;
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	struct owner *o = arg;

	if (take_byte(&o->in) & 1)
		ssh_chan_close(chan);
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	forget(arg, chan);
}

static const struct ssh_chan_events chan_events = {
	.data = on_data,
	.writable = on_writable,
	.refused = on_refused,
	.request = on_request,
	.eof = on_eof,
	.closed = on_closed,
};

static void
on_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct owner *o = arg;
	uint8_t how = take_byte(&o->in);

	(void)ssh;
	if (how % 4 == 0) {
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "no");
	} else if (how % 4 == 1 && !o->undecided) {
		ssh_chan_set_events(chan, &chan_events, o);
		o->undecided = chan;
	} else {
		ssh_chan_accept(chan, &chan_events, o);
		note(o, chan);
		if (how & 4)
			ssh_chan_requests(chan, open->payload);
	}
}

static enum ssh_answer
on_global(struct ssh *ssh, struct span name, struct span payload, struct buf *reply, void *arg)
{
	struct owner *o = arg;
	uint8_t how = take_byte(&o->in);

	(void)ssh;
	(void)name;
	buf_put(reply, payload.p, payload.n);
	return how % 3 == 0 ? SSH_FAIL : how % 3 == 1 ? SSH_OK : SSH_LATER;
}

static void
on_reply(struct ssh *ssh, bool ok, struct span payload, void *arg)
{
	(void)ssh;
	(void)ok;
	(void)payload;
	((struct owner *)arg)->replies--;
}

static const struct ssh_events events = { .auth = fuzz_auth,
	.verify_host = fuzz_host,
	.channel_open = on_open,
	.global_request = on_global };

static void
owner_opens(struct owner *o)
{
	struct ssh_chan *chan = ssh_chan_open(o->ssh, "x", take_block(&o->in), &chan_events, o);

	if (chan)
		note(o, chan);
}

static void
owner_acts(struct owner *o, uint8_t op)
{
	struct ssh_chan *chan = o->chans[take_byte(&o->in) % CHANS];
	struct span some;

	if (!chan)
		return;
	switch (op) {
	case 0:
		some = take_block(&o->in);
		ssh_chan_write(chan, some.n & 1, some.p, some.n);
		break;
	case 1:
		ssh_chan_eof(chan);
		break;
	case 2:
		ssh_chan_close(chan);
		break;
	case 3:
		ssh_chan_request(chan, "r", true, take_bytes(&o->in, 3));
		break;
	case 4:
		ssh_chan_reply(chan, true);
		break;
	default:
		ssh_chan_resume(chan);
	}
}

static void
owner_decides(struct owner *o)
{
	struct ssh_chan *chan = o->undecided;

	if (!chan)
		return;
	o->undecided = NULL;
	if (take_byte(&o->in) & 1) {
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES, "later");
	} else {
		ssh_chan_accept(chan, &chan_events, o);
		note(o, chan);
	}
}

static void
owner_asks(struct owner *o)
{
	if (ssh_global_request(o->ssh, "g", take_bytes(&o->in, 3), on_reply, o) == 0)
		o->replies++;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct owner o = { .in = { p, n } };
	int64_t now = 0;
	int r = 0;

	o.ssh = fuzz_new(take_byte(&o.in) & 1 ? SSH_SERVER : SSH_CLIENT, &events, &o);
	ssh_fuzz_enter(o.ssh, STATE_OPEN);
	while (o.in.left > 0 && r == 0) {
		uint8_t op = take_byte(&o.in) % 16;

		if (op < 6)
			owner_acts(&o, op);
		else if (op == 6)
			owner_opens(&o);
		else if (op == 7)
			owner_decides(&o);
		else if (op == 8)
			owner_asks(&o);
		else if (op == 9)
			ssh_global_reply(o.ssh, true, take_bytes(&o.in, 2));
		else if (op == 10)
			ssh_output_drain(o.ssh, take_byte(&o.in) * 16u);
		else if (op == 11)
			drain(o.ssh);
		else if (op == 12)
			r = ssh_tick(o.ssh, now += take_byte(&o.in) * 1000);
		else if (op == 13 && take_byte(&o.in) == 0)
			r = kex_start(o.ssh);
		else if (ssh_wants_input(o.ssh))
			r = feed_payload(o.ssh, take_block(&o.in), now);
	}
	ssh_free(o.ssh);
	if (o.replies != 0)
		abort(); /* every question was answered exactly once */
	return 0;
}
