/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: reads what a process writes, records it, and only then gives it to the client; records
 * what the client sends, and only then gives it to the process. Called by session.c and by the loop.
 *
 * Nothing is read that cannot be passed on, but of a terminal some: a slow client stops the process, a slow process
 * stops the client.
 */
#include "node/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/session_priv.h"

enum {
	READ_SIZE = 64 * 1024,
	READS_PER_TURN = 4,
	LAST_READS = 16, /* more than a terminal holds */
	/* What one read may leave over when the channel took less than it had room for. */
	REST_MAX = READ_SIZE,
	WIDE_OUT = 256 * 1024,
	WIDE_IN = 1024 * 1024, /* a whole window */
	ROOM_MS = 200,
	LOOKS_TOLD = 10,
};

/* --- room in the spool ----------------------------------------------------------------------- */

/* Nothing of it is recorded now, so nothing of it may happen: the process stops when its pipes are
 * full, the client when its window is. */
static void
wait_for_room(struct session *s)
{
	if (!s->waits)
		s->looks = 0;
	s->waits = true;
	timer_start(&s->room, ROOM_MS);
}

/* Who is only faster than the upload for a moment need not read it. */
static void
say_that_it_waits(struct session *s)
{
	log_info("a session waits for room in the spool", "session", s->uuid, "user",
	    s->base.conn->access.user, NULL);
	session_tell(s, "WAITING",
	    "the audit service does not take what is recorded here, and this session has used its "
	    "share of the space for it; it goes on by itself");
}

/* --- from the process -------------------------------------------------------------------- */

static void
close_stream(struct stream *st)
{
	struct session *s = st->session;

	if (st->fd < 0)
		return;
	watch_done(&st->watch);
	/* A terminal is one descriptor for both ways: with the output the input goes. */
	if (st->fd == s->in_fd)
		s->in_fd = -1;
	mem_closep(&st->fd);
}

/* Which events of this descriptor matter now. */
static void
rearm(struct stream *st, bool read)
{
	const struct session *s = st->session;
	int want = read ? WATCH_READ : 0;

	if (st->fd >= 0 && st->fd == s->in_fd && s->in_blocked)
		want |= WATCH_WRITE;
	if (st->fd >= 0)
		watch_set(&st->watch, want);
}

/* What was recorded but not taken yet. True when nothing is left of it. */
static bool
flush_rest(struct stream *st)
{
	struct session *s = st->session;

	if (st->rest.len > 0 && s->base.chan) {
		size_t took = ssh_chan_write(s->base.chan, st->ext, buf_head(&st->rest),
		    st->rest.len);
		buf_drain(&st->rest, took);
	}
	return st->rest.len == 0;
}

/* Of a transfer the observer writes down what the output says. Negative: it cannot be written down,
 * or is none of the transfer's. */
static int
record_output(struct stream *st, const uint8_t *p, size_t n)
{
	struct session *s = st->session;

	if (s->observer && st == &s->out)
		return file_observer_server(s->observer, (struct span){ p, n });
	return recorder_output(&s->recorder, st->frame, p, n);
}

/* Why it could not be. */
static const char *
record_why(const struct session *s)
{
	return s->observer && s->observer->why.text[0]
	    ? s->observer->why.text
	    : "this session can no longer be recorded: the node's spool is full";
}

/* Records, then sends. Negative: it cannot be recorded. */
static int
pass_on(struct stream *st, const uint8_t *p, size_t n)
{
	struct session *s = st->session;

	/* Recorded first: nobody sees what the trail does not have. */
	if (record_output(st, p, n))
		return -1;
	s->tx += n;
	size_t took = st->rest.len == 0 ? ssh_chan_write(s->base.chan, st->ext, p, n) : 0;
	if (took < n && !buf_put(&st->rest, p + took, n - took))
		return -1;
	return 0;
}

/* How much can be read for the client now; when nothing, the channel will say when. */
static size_t
room(struct stream *st)
{
	struct ssh_chan *chan = st->session->base.chan;
	size_t n = ssh_chan_room(chan);

	if (n == 0)
		(void)ssh_chan_write(chan, st->ext, "",
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

/* Without any there is only an end to be read, and for that no room is needed. */
static bool
has_data(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 || n > 0;
}

enum read_result { READ_MORE, READ_WAIT, READ_FULL, READ_END, READ_FAILED };

bool
stream_may_record(struct session *s)
{
	if (share_has_room(&s->recording.share))
		return true;
	wait_for_room(s);
	return false;
}

static enum read_result
read_once(struct stream *st)
{
	static uint8_t data[READ_SIZE];
	/* No more is read than the client's window takes: what waits stays in the pipe, and the
	 * process waits. */
	size_t size = flush_rest(st) ? room(st) : 0;

	/* A terminal's output is all that tells what was typed: some of it is read and recorded whether the client takes
	 * it or not. More is not typed meanwhile (stream_input). */
	if (size == 0 && st->session->has_pty)
		size = REST_MAX - st->rest.len;
	if (size == 0 || (has_data(st->fd) && !stream_may_record(st->session)))
		return READ_FULL;
	ssize_t n = read(st->fd, data, size);
	if (n == READ_SIZE)
		widen(st->fd, WIDE_OUT, &st->wide);
	if (n > 0)
		return pass_on(st, data, (size_t)n) ? READ_FAILED : READ_MORE;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return READ_WAIT;
	return READ_END; /* end of file; EIO: nobody has the terminal open */
}

/* A transfer has been answered, so that its client may ask more. */
static void
go_on_with_input(struct session *s)
{
	s->in_held = false;
	if (s->base.chan)
		ssh_chan_resume(s->base.chan);
}

/* Reads for one turn; may end the session, and then the session may be gone. */
static void
pump(struct stream *st)
{
	struct session *s = st->session;
	enum read_result r = READ_MORE;

	if (st->fd < 0 || !s->base.chan || !session_state_has_output(s->state))
		return;
	/* A turn's worth only: a process that never stops must not keep others waiting. */
	for (int i = 0; i < READS_PER_TURN && r == READ_MORE; i++)
		r = read_once(st);
	/* A terminal that is empty after its process ended will not be waited for: others may hold
	 * it for ever. */
	if (r == READ_END || (r == READ_WAIT && s->has_pty && s->state == SESSION_DRAINING))
		close_stream(st);
	else
		rearm(st, r != READ_FULL);
	if (r == READ_FAILED)
		session_fail(s, record_why(s));
	else if (s->in_held)
		go_on_with_input(s);
	session_advance(s);
}

static void
write_waiting(struct session *s)
{
	s->in_blocked = false;
	if (s->base.chan)
		ssh_chan_resume(s->base.chan);
}

static void
on_stream(struct watch *w, int ready, void *arg)
{
	struct stream *st = arg;

	(void)w;
	if ((ready & WATCH_WRITE) && st->session->in_blocked) {
		write_waiting(st->session);
		if (st->fd >= 0)
			rearm(st, true);
	}
	if (ready & WATCH_READ)
		pump(st);
}

void
stream_writable(struct session *s)
{
	/* The second must not be touched when the first has ended the session. */
	bool more = s->err.fd >= 0 || s->err.rest.len > 0;

	if (!session_state_has_output(s->state))
		return;
	if (more) {
		(void)flush_rest(&s->err);
		if (s->err.fd >= 0)
			rearm(&s->err, true);
	}
	bool empty = flush_rest(&s->out);
	if (s->has_pty && s->in_held)
		go_on_with_input(s);
	if ((empty || s->has_pty) && s->out.fd >= 0)
		pump(&s->out);
	else
		session_advance(s);
}

void
stream_on_room(void *arg)
{
	struct session *s = arg;

	if (!session_state_has_output(s->state))
		return;
	if (!share_has_room(&s->recording.share)) {
		if (++s->looks == LOOKS_TOLD)
			say_that_it_waits(s);
		timer_start(&s->room, ROOM_MS);
		return;
	}
	s->waits = false;
	if (s->has_pty && recorder_resize(&s->recorder, s->cols, s->rows)) {
		session_fail(s, "this session can no longer be recorded: the node's spool is full");
		session_advance(s);
		return;
	}
	rearm(&s->out, true);
	rearm(&s->err, true);
	if (s->base.chan)
		ssh_chan_resume(s->base.chan);
}

void
stream_exited(struct session *s)
{
	if (s->has_pty && s->out.fd >= 0)
		pump(&s->out);
	else
		session_advance(s);
}

bool
stream_is_drained(const struct session *s)
{
	return s->out.fd < 0 && s->err.fd < 0 && s->out.rest.len == 0 && s->err.rest.len == 0;
}

/* What the terminal holds and nobody will be shown. */
static void
record_last_words(struct session *s)
{
	static uint8_t data[READ_SIZE];

	if (!session_state_has_output(s->state))
		return;
	for (int i = 0; s->has_pty && s->out.fd >= 0 && i < LAST_READS; i++) {
		ssize_t n = read(s->out.fd, data, sizeof(data));

		if (n <= 0 || recorder_output(&s->recorder, s->out.frame, data, (size_t)n))
			return;
	}
}

void
stream_stop_output(struct session *s)
{
	record_last_words(s);
	close_stream(&s->out);
	buf_done(&s->out.rest);
}

void
stream_no_reader(struct session *s)
{
	s->no_reader = true;
	stream_stop_output(s);
	close_stream(&s->err);
	buf_done(&s->err.rest);
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
close_input(struct session *s)
{
	if (s->in_fd < 0 || s->in_fd == s->out.fd)
		return;
	watch_done(&s->in_watch);
	mem_closep(&s->in_fd);
}

/* On a terminal both ways share a watch; a pipe has its own. */
static void
block_input(struct session *s)
{
	s->in_blocked = true;
	widen(s->in_fd, WIDE_IN, &s->in_wide);
	if (s->in_fd == s->out.fd)
		rearm(&s->out, (s->out.watch.want & WATCH_READ) != 0);
	else
		watch_set(&s->in_watch, WATCH_WRITE);
}

/* Lines are typed, and the terminal does not echo them: a password, most likely, or a shell whose user hides what he
 * does (`stty -echo; sh`). Programs that take keys one by one show them themselves. With EXTPROC whoever is at the other end
 * of a terminal echoes, and no client of ours does. */
static bool
is_unseen_line(const struct session *s, const uint8_t *p, size_t n)
{
	struct termios t;

	if (tcgetattr(s->in_fd, &t) != 0 || !(t.c_lflag & ICANON) ||
	    ((t.c_lflag & ECHO) && !(t.c_lflag & EXTPROC)))
		return false;
	return memchr(p, '\r', n) || memchr(p, '\n', n) || memchr(p, t.c_cc[VEOF], n);
}

/* How many of these bytes may go on now, or negative. */
static ssize_t
record_new_input(struct session *s, const uint8_t *p, size_t n)
{
	if (s->observer)
		return file_observer_client(s->observer, (struct span){ p, n });
	/* Only that: of a password neither length nor hash may be known. */
	if (s->has_pty && is_unseen_line(s, p, n) &&
	    recorder_marker(&s->recorder, "a line was typed that the terminal did not show"))
		return -1;
	return recorder_input(&s->recorder, p, n) ? -1 : (ssize_t)n;
}

/* Before the process has it, and once: what it does not take now is offered again. How much of it may
 * go on, or negative. */
static ssize_t
record_input(struct session *s, const uint8_t *p, size_t n)
{
	if (n > s->in_recorded) {
		ssize_t more = record_new_input(s, p + s->in_recorded, n - s->in_recorded);
		if (more < 0)
			return -1;
		s->in_recorded += (size_t)more;
	}
	/* The others wait for answers of the server (pump). */
	s->in_held = s->in_recorded < n;
	return (ssize_t)s->in_recorded;
}

/* That much of what was offered is gone. */
static void
took_input(struct session *s, size_t n)
{
	s->rx += n;
	s->in_recorded -= n < s->in_recorded ? n : s->in_recorded;
}

size_t
stream_input(struct session *s, const uint8_t *p, size_t n)
{
	size_t at = 0;

	if (session_state_is_early(s->state))
		return 0; /* kept within the window until the process is there */
	if (s->in_fd < 0)
		return n; /* the process reads no more */
	/* Nothing is typed blind: what it does would be in no recording. */
	if (s->has_pty && s->out.rest.len >= REST_MAX) {
		s->in_held = true;
		return 0;
	}
	if (n > s->in_recorded && !stream_may_record(s))
		return 0;
	ssize_t may = record_input(s, p, n);
	if (may < 0) {
		session_fail(s, record_why(s));
		session_advance(s);
		return n;
	}
	while (at < (size_t)may && s->in_fd >= 0) {
		ssize_t took = write(s->in_fd, p + at, (size_t)may - at);
		if (took >= 0) {
			at += (size_t)took;
		} else if (errno == EAGAIN) {
			block_input(s);
			took_input(s, at);
			return at;
		} else if (errno != EINTR) {
			/* The process reads no more: tell the client, and drop what still comes. */
			if (!s->has_pty)
				ssh_chan_request(s->base.chan, "eow@openssh.com", false,
				    (struct span){ NULL, 0 });
			close_input(s);
			took_input(s, at);
			return n;
		}
	}
	took_input(s, at);
	return at;
}

/* EOF of the client. A terminal is not closed for it: its output is still wanted. */
void
stream_input_end(struct session *s)
{
	if (!session_state_is_early(s->state))
		close_input(s);
	else
		s->in_ended = true;
}

/* --- life
 * ------------------------------------------------------------------------------------------ */

void
stream_init(struct session *s)
{
	s->out = (struct stream){ .session = s, .fd = -1, .ext = 0, .frame = FRAME_OUT };
	s->err = (struct stream){ .session = s, .fd = -1, .ext = 1, .frame = FRAME_ERR };
	buf_init(&s->out.rest, REST_MAX);
	buf_init(&s->err.rest, REST_MAX);
	s->in_fd = -1;
}

/* Takes the descriptors: on a failure the session closes what it has, here or in
 * stream_close_all. */
int
stream_open(struct session *s, int *fds, size_t n_fds)
{
	struct loop *loop = s->base.conn->node->loop;
	size_t expected = s->has_pty ? 1 : 3;

	for (size_t i = 0; i < n_fds; i++)
		(void)file_set_nonblock(fds[i]);
	if (n_fds != expected) {
		for (size_t i = 0; i < n_fds; i++)
			mem_closep(&fds[i]);
		return -1;
	}
	s->in_fd = fds[0];
	s->out.fd = s->has_pty ? fds[0] : fds[1];
	s->err.fd = s->has_pty ? -1 : fds[2];
	if (watch_init(&s->out.watch, loop, s->out.fd, on_stream, &s->out))
		return -1;
	if (!s->has_pty &&
	    (watch_init(&s->err.watch, loop, s->err.fd, on_stream, &s->err) ||
		watch_init(&s->in_watch, loop, s->in_fd, on_in, s)))
		return -1;
	return 0;
}

void
stream_go(struct session *s)
{
	if (s->no_reader)
		stream_no_reader(s);
	rearm(&s->out, true);
	if (s->err.fd >= 0)
		rearm(&s->err, true);
	if (s->base.chan)
		ssh_chan_resume(s->base.chan); /* what the client typed meanwhile */
	if (s->in_ended)
		close_input(s);
}

void
stream_hang_up(struct session *s)
{
	record_last_words(s);
	stream_close_all(s);
}

void
stream_close_all(struct session *s)
{
	close_stream(&s->err);
	close_input(s);
	close_stream(&s->out);
	s->in_fd = -1;
	buf_done(&s->out.rest);
	buf_done(&s->err.rest);
}
