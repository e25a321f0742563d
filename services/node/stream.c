/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: reads what a process writes, records it, and only then gives it to the client; writes
 * what the client sends. Called by channel.c and by the loop.
 *
 * Nothing is read that cannot be passed on: a slow client stops the process, a slow process stops
 * the client.
 */
#include "node/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum {
	READ_SIZE = 64 * 1024,
	READS_PER_TURN = 4,
	REST_MAX = READ_SIZE,
	WIDE_OUT = 256 * 1024,
	WIDE_IN = 1024 * 1024 /* a whole window */
};

/* --- from the process -------------------------------------------------------------------- */

static void
close_stream(struct channel_stream *s)
{
	struct channel *ch = s->channel;

	if (s->fd < 0)
		return;
	watch_done(&s->watch);
	if (s->fd == ch->in_fd)
		ch->in_fd = -1;
	mem_closep(&s->fd);
}

/* Which events of this descriptor matter now. */
static void
rearm(struct channel_stream *s, bool read)
{
	const struct channel *ch = s->channel;
	int want = read ? WATCH_READ : 0;

	if (s->fd >= 0 && s->fd == ch->in_fd && ch->in_blocked)
		want |= WATCH_WRITE;
	if (s->fd >= 0)
		watch_set(&s->watch, want);
}

/* What was recorded but not taken yet. True when nothing is left of it. */
static bool
flush_rest(struct channel_stream *s)
{
	struct channel *ch = s->channel;

	if (s->rest.len > 0 && ch->chan) {
		size_t took = ssh_chan_write(ch->chan, s->ext, buf_head(&s->rest), s->rest.len);
		buf_drain(&s->rest, took);
	}
	return s->rest.len == 0;
}

/* Records, then sends. Negative: it cannot be recorded. */
static int
pass_on(struct channel_stream *s, const uint8_t *p, size_t n)
{
	struct channel *ch = s->channel;

	if (record_output(&ch->record, s->frame, p, n))
		return -1;
	ch->tx += n;
	size_t took = ssh_chan_write(ch->chan, s->ext, p, n);
	if (took < n && !buf_put(&s->rest, p + took, n - took))
		return -1;
	return 0;
}

/* How much can be read for the client now; when nothing, the channel will say when. */
static size_t
room(struct channel_stream *s)
{
	struct ssh_chan *chan = s->channel->chan;
	size_t n = ssh_chan_room(chan);

	if (n == 0)
		(void)ssh_chan_write(chan, s->ext, "",
		    1); /* takes nothing, and asks for `writable` */
	return n < READ_SIZE ? n : READ_SIZE;
}

/* Who fills a pipe gets a wider one: fewer turns between two processes. May be refused, and then
 * stays. */
static void
widen(int fd, int size, bool *wide)
{
	if (!*wide)
		(void)fcntl(fd, F_SETPIPE_SZ, size);
	*wide = true;
}

enum read_result { READ_MORE, READ_WAIT, READ_FULL, READ_END, READ_FAILED };

static enum read_result
read_once(struct channel_stream *s)
{
	static uint8_t data[READ_SIZE];
	size_t size = flush_rest(s) ? room(s) : 0;

	if (size == 0)
		return READ_FULL;
	ssize_t n = read(s->fd, data, size);
	if (n == READ_SIZE)
		widen(s->fd, WIDE_OUT, &s->wide);
	if (n > 0)
		return pass_on(s, data, (size_t)n) ? READ_FAILED : READ_MORE;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return READ_WAIT;
	return READ_END; /* end of file; EIO: nobody has the terminal open */
}

/* Reads for one turn; may end the session, and then the channel may be gone. */
static void
pump(struct channel_stream *s)
{
	struct channel *ch = s->channel;
	enum read_result r = READ_MORE;

	if (s->fd < 0 || !ch->chan || ch->state != CHANNEL_RUNNING)
		return;
	for (int i = 0; i < READS_PER_TURN && r == READ_MORE; i++)
		r = read_once(s);
	/* A terminal that is empty after its process ended will not be waited for: others may hold
	 * it for ever. */
	if (r == READ_END || (r == READ_WAIT && ch->has_pty && ch->exited))
		close_stream(s);
	else
		rearm(s, r != READ_FULL);
	if (r == READ_FAILED)
		channel_fail(ch,
		    "this session can no longer be recorded: the node's spool is full");
	channel_advance(ch);
}

static void
write_waiting(struct channel *ch)
{
	ch->in_blocked = false;
	if (ch->chan)
		ssh_chan_resume(ch->chan);
}

static void
on_stream(struct watch *w, int ready, void *arg)
{
	struct channel_stream *s = arg;

	(void)w;
	if ((ready & WATCH_WRITE) && s->channel->in_blocked) {
		write_waiting(s->channel);
		if (s->fd >= 0)
			rearm(s, true);
	}
	if (ready & WATCH_READ)
		pump(s);
}

void
stream_writable(struct channel *ch)
{
	/* The second must not be touched when the first has ended the session. */
	bool more = ch->err.fd >= 0 || ch->err.rest.len > 0;

	if (ch->state != CHANNEL_RUNNING)
		return;
	if (more) {
		(void)flush_rest(&ch->err);
		if (ch->err.fd >= 0)
			rearm(&ch->err, true);
	}
	if (flush_rest(&ch->out) && ch->out.fd >= 0)
		pump(&ch->out);
	else
		channel_advance(ch);
}

void
stream_exited(struct channel *ch)
{
	if (ch->has_pty && ch->out.fd >= 0)
		pump(&ch->out);
}

bool
stream_is_drained(const struct channel *ch)
{
	return ch->out.fd < 0 && ch->err.fd < 0 && ch->out.rest.len == 0 && ch->err.rest.len == 0;
}

void
stream_stop_output(struct channel *ch)
{
	close_stream(&ch->out);
	close_stream(&ch->err);
	buf_done(&ch->out.rest);
	buf_done(&ch->err.rest);
}

/* --- to the process
 * ---------------------------------------------------------------------------- */

static void
on_in(struct watch *w, int ready, void *arg)
{
	(void)ready;
	watch_set(w, 0);
	write_waiting(arg);
}

static void
close_input(struct channel *ch)
{
	if (ch->in_fd < 0 || ch->in_fd == ch->out.fd)
		return;
	watch_done(&ch->in_watch);
	mem_closep(&ch->in_fd);
}

static void
block_input(struct channel *ch)
{
	ch->in_blocked = true;
	widen(ch->in_fd, WIDE_IN, &ch->in_wide);
	if (ch->in_fd == ch->out.fd)
		rearm(&ch->out, (ch->out.watch.want & WATCH_READ) != 0);
	else
		watch_set(&ch->in_watch, WATCH_WRITE);
}

size_t
stream_input(struct channel *ch, const uint8_t *p, size_t n)
{
	size_t at = 0;

	if (ch->state == CHANNEL_OPEN || ch->state == CHANNEL_WAITING ||
	    ch->state == CHANNEL_STARTING)
		return 0; /* kept within the window until the process is there */
	while (at < n && ch->in_fd >= 0) {
		ssize_t took = write(ch->in_fd, p + at, n - at);
		if (took >= 0) {
			at += (size_t)took;
		} else if (errno == EAGAIN) {
			block_input(ch);
			ch->rx += at;
			return at;
		} else if (errno != EINTR) {
			/* The process reads no more: tell the client, and drop what still comes. */
			if (!ch->has_pty)
				ssh_chan_request(ch->chan, "eow@openssh.com", false,
				    (struct span){ NULL, 0 });
			close_input(ch);
			break;
		}
	}
	ch->rx += at;
	return n;
}

void
stream_input_end(struct channel *ch)
{
	if (ch->state == CHANNEL_RUNNING)
		close_input(ch);
	else
		ch->in_ended = true;
}

/* --- life
 * ------------------------------------------------------------------------------------------ */

void
stream_init(struct channel *ch)
{
	ch->out = (struct channel_stream){ .channel = ch, .fd = -1, .ext = 0, .frame = FRAME_OUT };
	ch->err = (struct channel_stream){ .channel = ch, .fd = -1, .ext = 1, .frame = FRAME_ERR };
	buf_init(&ch->out.rest, REST_MAX);
	buf_init(&ch->err.rest, REST_MAX);
	ch->in_fd = -1;
}

int
stream_open(struct channel *ch, int *fds, size_t n_fds)
{
	struct loop *loop = ch->conn->node->loop;
	size_t expected = ch->has_pty ? 1 : 3;

	for (size_t i = 0; i < n_fds; i++)
		(void)file_set_nonblock(fds[i]);
	if (n_fds != expected) {
		for (size_t i = 0; i < n_fds; i++)
			mem_closep(&fds[i]);
		return -1;
	}
	ch->in_fd = fds[0];
	ch->out.fd = ch->has_pty ? fds[0] : fds[1];
	ch->err.fd = ch->has_pty ? -1 : fds[2];
	if (watch_init(&ch->out.watch, loop, ch->out.fd, on_stream, &ch->out))
		return -1;
	if (!ch->has_pty &&
	    (watch_init(&ch->err.watch, loop, ch->err.fd, on_stream, &ch->err) ||
		watch_init(&ch->in_watch, loop, ch->in_fd, on_in, ch)))
		return -1;
	return 0;
}

void
stream_go(struct channel *ch)
{
	rearm(&ch->out, true);
	if (ch->err.fd >= 0)
		rearm(&ch->err, true);
	if (ch->chan)
		ssh_chan_resume(ch->chan); /* what the client typed meanwhile */
	if (ch->in_ended)
		close_input(ch);
}

void
stream_close_all(struct channel *ch)
{
	close_stream(&ch->err);
	close_input(ch);
	close_stream(&ch->out);
	ch->in_fd = -1;
	buf_done(&ch->out.rest);
	buf_done(&ch->err.rest);
}
