/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice: see splice.h. One per gRPC connection that goes through proxyd to authd or auditd; it
 * sees ciphertext only.
 *
 * Not splice(2): that needs a pipe each way, four more descriptors and their kernel memory for
 * connections that are idle nearly always. Instead all pairs read into one buffer and write from
 * it at once; what the other side does not take (at most CHUNK bytes) is kept, and reading stops
 * until it is gone.
 */
#include "net/splice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { CHUNK = 64 * 1024, CHUNKS_PER_TURN = 8 };

/* Bytes on their way from one side to the other. */
struct splice_way {
	struct buf kept;
	bool eof;  /* the source has finished */
	bool shut; /* ... and the sink was told, after everything was written */
};

struct splice {
	struct splice_config config;
	struct watch watch[2];
	struct splice_way way[2]; /* way[i]: from side i to the other */
	struct timer idle;
	int fd[2];
	int64_t moved_ms;
};

static void
splice_end(struct splice *s)
{
	s->config.ended(s, s->config.arg);
	splice_free(s);
}

static void
splice_rewatch(struct splice *s)
{
	for (int i = 0; i < 2; i++) {
		int want = 0;

		if (!s->way[i].eof && s->way[i].kept.len == 0)
			want |= WATCH_READ;
		if (s->way[!i].kept.len > 0)
			want |= WATCH_WRITE;
		watch_set(&s->watch[i], want);
	}
}

/* Writes; returns how many went, or -1 when the connection is broken. */
static ssize_t
splice_send(int fd, const uint8_t *p, size_t n)
{
	ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return r;
}

static int
splice_finish_way(struct splice *s, int from)
{
	struct splice_way *w = &s->way[from];

	if (!w->eof || w->shut || w->kept.len > 0)
		return 0;
	w->shut = true;
	/* Only this direction: the answer to the last request may still be on its way back. */
	return shutdown(s->fd[!from], SHUT_WR) < 0 && errno != ENOTCONN ? -1 : 0;
}

/* Writes what was kept. Negative: broken. */
static int
splice_drain(struct splice *s, int from)
{
	struct splice_way *w = &s->way[from];
	ssize_t n;

	if (w->kept.len == 0)
		return 0;
	n = splice_send(s->fd[!from], buf_head(&w->kept), w->kept.len);
	if (n < 0)
		return -1;
	buf_drain(&w->kept, (size_t)n);
	if (w->kept.len == 0)
		buf_done(&w->kept);
	return splice_finish_way(s, from);
}

/* One chunk from the source to the sink. 1: moved and there may be more, 0: nothing more now,
 * negative: broken. */
static int
splice_chunk(struct splice *s, int from, uint8_t *chunk)
{
	struct splice_way *w = &s->way[from];
	ssize_t n = recv(s->fd[from], chunk, CHUNK, 0), sent;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0) {
		w->eof = true;
		return splice_finish_way(s, from);
	}
	sent = splice_send(s->fd[!from], chunk, (size_t)n);
	if (sent < 0)
		return -1;
	if (sent < n && !buf_put(&w->kept, chunk + sent, (size_t)(n - sent)))
		return -1;
	return sent == n && n == CHUNK;
}

static int
splice_read(struct splice *s, int from)
{
	static uint8_t chunk[CHUNK]; /* one loop, one thread: used only within this call */
	int r = 1;

	for (int i = 0; i < CHUNKS_PER_TURN && r > 0; i++)
		r = splice_chunk(s, from, chunk);
	return r;
}

static void
on_side(struct watch *w, int ready, void *arg)
{
	struct splice *s = arg;
	int side = w == &s->watch[1];

	s->moved_ms = clock_mono_ms();
	if ((ready & WATCH_WRITE) && splice_drain(s, !side) < 0) {
		splice_end(s);
		return;
	}
	if ((ready & WATCH_READ) && !s->way[side].eof && s->way[side].kept.len == 0 &&
	    splice_read(s, side) < 0) {
		splice_end(s);
		return;
	}
	if (s->way[0].shut && s->way[1].shut) {
		splice_end(s);
		return;
	}
	splice_rewatch(s);
}

static int64_t
splice_limit_ms(const struct splice *s)
{
	bool half = s->way[0].shut || s->way[1].shut;

	return half && s->config.half_idle_ms ? s->config.half_idle_ms : s->config.idle_ms;
}

/* The timer is not restarted for every byte: it looks at when the last one passed. */
static void
on_idle_check(void *arg)
{
	struct splice *s = arg;
	int64_t limit_ms = splice_limit_ms(s), idle_ms = clock_mono_ms() - s->moved_ms;

	if (limit_ms && idle_ms >= limit_ms)
		splice_end(s);
}

static int
splice_init(struct splice *s, struct loop *loop, struct span first)
{
	int64_t check_ms = s->config.half_idle_ms ? s->config.half_idle_ms : s->config.idle_ms;

	for (int i = 0; i < 2; i++) {
		buf_init(&s->way[i].kept, CHUNK);
		if (watch_init(&s->watch[i], loop, s->fd[i], on_side, s) < 0)
			return -1;
	}
	if (timer_init(&s->idle, loop, on_idle_check, s) < 0 ||
	    !buf_put(&s->way[0].kept, first.p, first.n))
		return -1;
	s->moved_ms = clock_mono_ms();
	if (check_ms)
		timer_repeat(&s->idle, check_ms / 2 + 1);
	splice_rewatch(s);
	return 0;
}

static void
splice_release(struct splice *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->watch[i].ev)
			watch_done(&s->watch[i]);
		buf_done(&s->way[i].kept);
	}
	timer_done(&s->idle);
	free(s);
}

int
splice_new(struct splice **ret, struct loop *loop, int a, int b, struct span first,
    const struct splice_config *config)
{
	struct splice *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->config = *config;
	s->fd[0] = a;
	s->fd[1] = b;
	if (splice_init(s, loop, first) < 0) {
		splice_release(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
splice_free(struct splice *s)
{
	if (!s)
		return;
	int a = s->fd[0], b = s->fd[1];

	splice_release(s);
	close(a);
	close(b);
}
