/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: connections on the event loop; see loop.h. The engine never sends by itself: links whose
 * engine has output are collected, and flushed once at the end of the turn, those over channels
 * before those over sockets, so that what they write into their outer connection leaves in the same
 * turn.
 */
#include "ssh/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/ssh_priv.h"

enum {
	/* one read; shared by all links of a loop, so idle ones hold none */
	READ_BYTES = 256 * 1024,
	QUICKACK_BYTES = 64 * 1024,
	PASSES = 8, /* rounds of flushing in one turn, before other events get their chance */
	TICK_MS = 1000,
};

/* What the links of one loop share. */
struct hub {
	struct list link;
	struct loop *loop;
	struct list links, dirty_chans, dirty_fds, over;
	struct deferred flush;
	struct timer tick;
	uint8_t *read_buf;
};

struct ssh_link {
	struct list link;  /* hub->links */
	struct list queue; /* one of the dirty lists, or hub->over */
	struct hub *hub;
	struct ssh *ssh;
	ssh_link_ended_fn *ended;
	void *arg;
	struct ssh_chan *outer; /* the transport: this, or pipe, or fd */
	const struct ssh_link_pipe *pipe;
	void *pipe_arg;
	int fd;
	struct watch watch;
	uint32_t quick_left; /* bytes still to be acknowledged at once */
	bool input_stopped;  /* the engine has too much output to take more */
	bool is_over;        /* ended() is due */
	bool closing;        /* waits for its output to leave, until close_at_ms */
	int64_t close_at_ms;
	char *why;
};

/* One loop a thread; tests have several of each. */
static _Thread_local struct list hubs;

/* --- hub ---------------------------------------------------------------------- */

static void flush_all(void *arg);
static void on_tick(void *arg);

static struct hub *
hub_find(struct loop *loop)
{
	if (!hubs.next)
		list_init(&hubs);
	list_each (struct hub, hub, &hubs, link)
		if (hub->loop == loop)
			return hub;
	return NULL;
}

static struct hub *
hub_get(struct loop *loop)
{
	struct hub *hub = hub_find(loop);

	if (hub)
		return hub;
	hub = calloc(1, sizeof(*hub));
	if (!hub)
		return NULL;
	hub->loop = loop;
	list_init(&hub->links);
	list_init(&hub->dirty_chans);
	list_init(&hub->dirty_fds);
	list_init(&hub->over);
	deferred_init(&hub->flush, flush_all, hub);
	list_add(&hubs, &hub->link);
	return hub;
}

/* With its first link a hub starts to work ... */
static int
hub_start(struct hub *hub)
{
	if (hub->read_buf)
		return 0;
	hub->read_buf = malloc(READ_BYTES);
	if (!hub->read_buf || timer_init(&hub->tick, hub->loop, on_tick, hub) < 0) {
		free(hub->read_buf);
		hub->read_buf = NULL;
		return -1;
	}
	timer_repeat(&hub->tick, TICK_MS);
	return 0;
}

/* ... and with its last one it goes, so that the loop can go. */
static void
hub_stop_if_idle(struct hub *hub)
{
	if (!list_empty(&hub->links))
		return;
	timer_done(&hub->tick);
	deferred_cancel(&hub->flush);
	free(hub->read_buf);
	list_del(&hub->link);
	free(hub);
}

/* --- link --------------------------------------------------------------------- */

static void
mark_dirty(struct ssh_link *link)
{
	struct hub *hub = link->hub;

	if (link->is_over || !list_empty(&link->queue))
		return;
	list_add(link->fd >= 0 || link->pipe ? &hub->dirty_fds : &hub->dirty_chans, &link->queue);
	loop_defer(hub->loop, &hub->flush);
}

static void
on_wake(void *arg)
{
	mark_dirty(arg);
}

/* The link is to end at the end of this turn. */
static void
link_over(struct ssh_link *link, const char *why)
{
	if (link->is_over)
		return;
	if (!link->why)
		link->why = strdup(why);
	link->is_over = true;
	list_del(&link->queue);
	list_add(&link->hub->over, &link->queue);
	loop_defer(link->hub->loop, &link->hub->flush);
}

/* The engine is dead: its last words still go out. */
static void
engine_over(struct ssh_link *link)
{
	bool clean = link->ssh->peer_left && link->ssh->end_reason == REASON_BY_APPLICATION;

	link_over(link, clean ? "" : ssh_error(link->ssh));
}

int
ssh_link_new(struct ssh_link **ret, struct loop *loop, const struct ssh_config *config,
    ssh_link_ended_fn *ended, void *arg)
{
	struct hub *hub = hub_get(loop);
	struct ssh_link *link = hub ? calloc(1, sizeof(*link)) : NULL;
	struct ssh_config own = *config;

	*ret = NULL;
	if (!link || hub_start(hub) < 0) {
		free(link);
		if (hub)
			hub_stop_if_idle(hub);
		return -1;
	}
	list_init(&link->queue);
	link->hub = hub;
	link->fd = -1;
	link->ended = ended;
	link->arg = arg;
	own.wake = NULL; /* not before there is a transport */
	if (ssh_new(&link->ssh, &own, loop_now_ms(loop)) < 0) {
		free(link);
		hub_stop_if_idle(hub);
		return -1;
	}
	list_add(&hub->links, &link->link);
	*ret = link;
	return 0;
}

/* The bytes of a link that ends are dropped: nobody would hear of what they bring. */
static void
feed(struct ssh_link *link, uint8_t *p, size_t n)
{
	if (link->is_over || link->closing)
		return;
	/* The engine decrypts in place: the bytes belong to it from here on. */
	if (ssh_input(link->ssh, p, n, loop_now_ms(link->hub->loop)) < 0)
		engine_over(link);
}

void
ssh_link_feed(struct ssh_link *link, uint8_t *p, size_t n)
{
	feed(link, p, n);
	/* A pipe is told to pause, and a socket no longer read, when this turn ends. */
	if (!link->is_over && !ssh_wants_input(link->ssh))
		mark_dirty(link);
}

void
ssh_link_close(struct ssh_link *link, const char *why, int grace_ms)
{
	if (link->is_over || link->closing)
		return;
	link->why = strdup(why);
	link->closing = true;
	link->close_at_ms = loop_now_ms(link->hub->loop) + grace_ms;
	mark_dirty(link);
}

struct ssh *
ssh_link_ssh(const struct ssh_link *link)
{
	return link->ssh;
}

static void
start_transport(struct ssh_link *link)
{
	ssh_set_wake(link->ssh, on_wake, link);
	mark_dirty(link);
}

/* --- over a socket -------------------------------------------------------------- */

/* The socket is read only while the engine wants input: what is not read closes TCP's window. */
static void
update_watch(struct ssh_link *link, bool want_write)
{
	int want = want_write ? WATCH_WRITE : 0;

	link->input_stopped = !ssh_wants_input(link->ssh);
	if (!link->input_stopped && !link->is_over)
		want |= WATCH_READ;
	watch_set(&link->watch, want);
}

static void
read_socket(struct ssh_link *link)
{
	int one = 1;
	ssize_t n;

	/* A stock client sends its first messages one by one and waits for the acknowledgement of
	 * each: without this, the kernel delays them by 40 ms. */
	if (link->quick_left > 0)
		setsockopt(link->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
	/* One read a turn, however much there is: the others have theirs. */
	n = recv(link->fd, link->hub->read_buf, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		link_over(link, strerror(errno));
		return;
	}
	if (n == 0) {
		link_over(link, "the other side closed the connection");
		return;
	}
	link->quick_left -= link->quick_left < (size_t)n ? link->quick_left : (uint32_t)n;
	ssh_link_feed(link, link->hub->read_buf, (size_t)n);
}

static void
on_ready(struct watch *w, int ready, void *arg)
{
	struct ssh_link *link = arg;

	(void)w;
	if (ready & WATCH_READ)
		read_socket(link);
	if (ready & WATCH_WRITE)
		mark_dirty(link);
}

int
ssh_link_attach_fd(struct ssh_link *link, int fd)
{
	int one = 1;

	if (watch_init(&link->watch, link->hub->loop, fd, on_ready, link) < 0) {
		close(fd);
		ssh_link_close(link, "out of memory", 0);
		return -1;
	}
	link->fd = fd;
	link->quick_left = QUICKACK_BYTES;
	/* not on Unix sockets, which need none */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!link->is_over)
		/* it may have been dirty without a transport, in the other list */
		list_del(&link->queue);
	start_transport(link);
	update_watch(link, false);
	return 0;
}

/* One wide write. What the drained engine produces next is for the next round. */
static void
flush_socket(struct ssh_link *link)
{
	struct span out = ssh_output(link->ssh);
	ssize_t n;

	if (out.n > 0) {
		n = send(link->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			link_over(link, strerror(errno));
			return;
		}
		if (n > 0)
			ssh_output_drain(link->ssh, (size_t)n);
		if (n == (ssize_t)out.n)
			out.n = 0;
	}
	update_watch(link, out.n > 0);
}

/* --- over a channel --------------------------------------------------------------- */

static size_t
on_chan_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct ssh_link *link = arg;

	(void)chan;
	if (ext != 0 || link->is_over || link->closing)
		return n;
	/* Bytes may come before the owner has attached the link; they stay in the channel. */
	if (!link->outer)
		return 0; /* accepted, not attached yet */
	if (!ssh_wants_input(link->ssh)) {
		link->input_stopped = true;
		return 0;
	}
	feed(link, p, n);
	return n;
}

static void
on_chan_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	mark_dirty(arg);
}

static void
on_chan_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct ssh_link *link = arg;

	(void)chan;
	(void)reason;
	link->outer = NULL;
	link_over(link, text[0] ? text : "the connection was refused");
}

/* An SSH connection has no half that could go on: RFC 4253 ends both ways with a DISCONNECT. */
static void
on_chan_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	link_over(arg, "the other side closed the connection");
}

static void
on_chan_closed(struct ssh_chan *chan, void *arg)
{
	struct ssh_link *link = arg;

	(void)chan;
	link->outer = NULL;
	link_over(link, "the connection that carried this one ended");
}

const struct ssh_chan_events ssh_link_chan_events = {
	.data = on_chan_data,
	.writable = on_chan_writable,
	.opened = on_chan_writable,
	.refused = on_chan_refused,
	.eof = on_chan_eof,
	.closed = on_chan_closed,
};

/* For a channel that nobody listens to any more. */
static const struct ssh_chan_events nobody = { 0 };

int
ssh_link_attach_chan(struct ssh_link *link, struct ssh_chan *outer)
{
	ssh_chan_set_events(outer, &ssh_link_chan_events, link);
	link->outer = outer;
	start_transport(link);
	ssh_chan_resume(outer);
	return 0;
}

/* What the channel does not take stays in the engine; on_chan_writable comes back to it. */
static void
flush_chan(struct ssh_link *link)
{
	struct span out = ssh_output(link->ssh);

	if (!link->outer)
		return;
	if (out.n > 0)
		ssh_output_drain(link->ssh, ssh_chan_write(link->outer, 0, out.p, out.n));
	if (link->input_stopped && ssh_wants_input(link->ssh)) {
		link->input_stopped = false;
		ssh_chan_resume(link->outer);
	}
}

/* --- over a pipe --------------------------------------------------------------------- */

void
ssh_link_attach_pipe(struct ssh_link *link, const struct ssh_link_pipe *pipe, void *arg)
{
	link->pipe = pipe;
	link->pipe_arg = arg;
	if (!link->is_over)
		/* it may have been dirty without a transport, in the other list */
		list_del(&link->queue);
	start_transport(link);
}

void
ssh_link_writable(struct ssh_link *link)
{
	mark_dirty(link);
}

void
ssh_link_hang_up(struct ssh_link *link, const char *why)
{
	link_over(link, why);
}

/* What the pipe does not take stays in the engine, until ssh_link_writable. */
static void
flush_pipe(struct ssh_link *link)
{
	struct span out = ssh_output(link->ssh);
	bool stopped;

	if (out.n > 0)
		ssh_output_drain(link->ssh, link->pipe->send(out, link->pipe_arg));
	stopped = !ssh_wants_input(link->ssh);
	if (stopped == link->input_stopped)
		return;
	/* First the flag: whoever may send again may do so from inside. */
	link->input_stopped = stopped;
	link->pipe->pause(stopped, link->pipe_arg);
}

/* --- the end of a turn -------------------------------------------------------------- */

static void
flush_one(struct ssh_link *link)
{
	if (link->fd >= 0)
		flush_socket(link);
	else if (link->pipe)
		flush_pipe(link);
	else
		flush_chan(link);
	/* The engine may have died of something that did not come through feed(). */
	if (link->closing &&
	    (ssh_output(link->ssh).n == 0 || (link->fd < 0 && !link->outer && !link->pipe)))
		link_over(link, "");
	else if (!link->closing && ssh_is_dead(link->ssh))
		engine_over(link);
}

/* Flushes those that are dirty now; those that become so meanwhile wait for the next round. */
static void
flush_list(struct list *dirty)
{
	struct ssh_link *link;
	struct list round;

	list_init(&round);
	/* On a list of its own: a link that becomes dirty again by what it sends would otherwise
	 * keep us here. */
	list_move_all(&round, dirty);
	while ((link = list_first(struct ssh_link, &round, queue)) != NULL) {
		list_del(&link->queue);
		flush_one(link);
	}
}

/* The link is gone when it returns. Called by finish_all alone, between callbacks of other links
 * and never inside one. */
static void
finish(struct ssh_link *link)
{
	list_del(&link->queue);
	list_del(&link->link);
	if (link->fd >= 0) {
		watch_done(&link->watch);
		close(link->fd);
	}
	if (link->pipe)
		link->pipe->gone(link->pipe_arg);
	if (link->outer) {
		/* The channel lives on until its peer has closed it too; by then the link is freed. */
		ssh_chan_set_events(link->outer, &nobody, NULL);
		ssh_chan_close(link->outer);
	}
	ssh_set_wake(link->ssh, NULL, NULL);
	/* While the link is still whole: owners of channels look at it on their way out. */
	ssh_end_channels(link->ssh);
	link->ended(link, link->why ? link->why : "", link->arg);
	ssh_free(link->ssh);
	free(link->why);
	free(link);
}

/* A last attempt to send what is there (a DISCONNECT, perhaps), then the end. */
static void
finish_all(struct hub *hub)
{
	struct ssh_link *link;

	while ((link = list_first(struct ssh_link, &hub->over, queue)) != NULL) {
		flush_one(link);
		finish(link);
	}
}

static void
flush_all(void *arg)
{
	struct hub *hub = arg;
	int passes = 0;

	while (passes++ < PASSES &&
	    !(list_empty(&hub->dirty_chans) && list_empty(&hub->dirty_fds) &&
		list_empty(&hub->over))) {
		/* Channels first, and again: each writes into another connection, which may itself be over a
		 * channel. */
		while (passes++ < PASSES && !list_empty(&hub->dirty_chans))
			flush_list(&hub->dirty_chans);
		finish_all(hub);
		flush_list(&hub->dirty_fds);
	}
	if (!list_empty(&hub->dirty_chans) || !list_empty(&hub->dirty_fds) ||
	    !list_empty(&hub->over))
		loop_defer(hub->loop, &hub->flush);
	hub_stop_if_idle(hub);
}

static void
on_tick(void *arg)
{
	struct hub *hub = arg;
	int64_t now = loop_now_ms(hub->loop);

	list_each (struct ssh_link, link, &hub->links, link) {
		if (link->is_over)
			continue;
		if (link->closing && now >= link->close_at_ms)
			link_over(link, "");
		/* One that closes has its own deadline, above; its reason was given with it. */
		else if (ssh_tick(link->ssh, now) < 0 && !link->closing)
			engine_over(link);
	}
}
