/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player: plays frames. Called by `tsh play`; writes to standard output, reads keys from standard input.
 */
#include "tsh/player.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/wire.h"
#include "rec/frame.h"
#include "tsh/screen.h"
#include "tsh/term.h"

enum { SKIP_US = 10000000, IDLE_US = 500000 };
/* A few bytes may become a line (screen.c, repeat): so many at once, and room for what they become. */
enum { PIECE_MAX = 1024, SHOWN_MAX = 1024 * 1024 };

struct player {
	const struct player_config *config;
	struct span all, rest;
	uint64_t at_us; /* recording time of what is shown */
	bool keys, paused, quit;
	int64_t jump_us; /* asked for by a key */
	struct screen screen;
	struct buf out; /* for the terminal, not yet written */
};

static void
flush(struct player *p)
{
	if (p->out.len > 0)
		(void)file_write_all(STDOUT_FILENO, buf_head(&p->out), p->out.len);
	buf_reset(&p->out);
}

static struct screen_size
size_here(void)
{
	struct winsize ws = { 0 };

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return (struct screen_size){ 0, 0 };
	return (struct screen_size){ ws.ws_row, ws.ws_col };
}

/* With a terminal here that is too small for it: what is not seen is said. */
static void
begin(struct player *p)
{
	const struct player_config *c = p->config;
	struct screen_size here = size_here();

	screen_init(&p->screen, (struct screen_size){ c->rows, c->cols }, here);
	screen_begin(&p->screen, &p->out);
	if (here.cols && c->cols && (here.cols < c->cols || here.rows < c->rows))
		buf_printf(&p->out,
		    "(recorded in a terminal of %ux%u, and this one has %ux%u: what does not fit is cut)\r\n",
		    c->cols, c->rows, here.cols, here.rows);
	flush(p);
}

/* Each kind of frame is a stream of its own. */
static size_t
stream_of(uint8_t type)
{
	return type == FRAME_OUT ? 0 : type == FRAME_ERR ? 1 : 2;
}

static void
show_bytes(struct player *p, size_t stream, struct span data)
{
	while (data.n > 0) {
		struct span piece = { data.p, data.n < PIECE_MAX ? data.n : PIECE_MAX };

		screen_put(&p->screen, stream, piece, &p->out);
		flush(p);
		data.p += piece.n;
		data.n -= piece.n;
	}
}

/* The next frame without taking it off: its time, or false at the end. */
static int
peek(const struct player *p, struct frame *ret)
{
	struct span copy = p->rest;

	return frame_next(&copy, ret);
}

/* The next frame, at once. */
static void
show(struct player *p)
{
	struct frame f;

	if (frame_next(&p->rest, &f) != 1)
		return;
	p->at_us += f.dt_us;
	/* Input is recorded where no terminal echoed it. */
	if (f.type == FRAME_OUT || f.type == FRAME_ERR || f.type == FRAME_IN ||
	    f.type == FRAME_IN_TEXT)
		show_bytes(p, stream_of(f.type), f.data);
	if (f.type == FRAME_RESIZE) {
		struct wire w = wire_from(f.data);
		uint32_t size = wire_u32(&w);

		if (!w.bad)
			screen_resize(&p->screen, (struct screen_size){ size & 0xffff, size >> 16 },
			    &p->out);
		flush(p);
	}
}

/* Back to the beginning; the screen is reset, since escape sequences build on one another. */
static void
rewind_to_start(struct player *p)
{
	p->rest = p->all;
	p->at_us = 0;
	screen_end(&p->screen, &p->out);
	screen_clear(&p->screen, &p->out);
	flush(p);
	begin(p);
}

static void
jump(struct player *p)
{
	int64_t target = (int64_t)p->at_us + p->jump_us;
	struct frame f;

	/* There is no way back in a stream of escape sequences: everything is shown again from the
	 * start, without pauses. */
	if (p->jump_us < 0)
		rewind_to_start(p);
	p->jump_us = 0;
	while (peek(p, &f) == 1 && (int64_t)(p->at_us + f.dt_us) <= target)
		show(p);
}

static void
obey(struct player *p, const uint8_t *key, ssize_t n)
{
	if (n == 3 && key[0] == 27 && key[1] == '[' && (key[2] == 'C' || key[2] == 'D'))
		p->jump_us = key[2] == 'C' ? SKIP_US : -SKIP_US;
	else if (key[0] == ' ')
		p->paused = !p->paused;
	/* The terminal is raw: ^C and ^D come as bytes. */
	else if (key[0] == 'q' || key[0] == 3 || key[0] == 4)
		p->quit = true;
}

/* Waits for a key at most so long; -1 for ever. */
static void
wait_key(struct player *p, int64_t ms)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t key[8];
	ssize_t n;

	if (!p->keys) {
		(void)poll(NULL, 0, (int)ms);
		return;
	}
	if (poll(&pfd, 1, ms > 1000000 ? 1000000 : (int)ms) == 1) {
		n = read(STDIN_FILENO, key, sizeof key);
		if (n > 0)
			obey(p, key, n);
		else
			/* Standard input has ended: play on without keys. */
			p->keys = false;
	}
}

/* Until the frame's time has come, or a key wants something else. */
static void
sleep_until(struct player *p, uint64_t dt_us)
{
	int64_t end;

	if (p->config->skip_idle && dt_us > IDLE_US)
		dt_us = IDLE_US;
	end = clock_mono_ms() + (int64_t)((double)dt_us / 1000.0 / p->config->speed);
	while (!p->quit && p->jump_us == 0) {
		int64_t left = end - clock_mono_ms();

		if (p->paused) {
			wait_key(p, -1);
			/* The pause does not count. */
			end = clock_mono_ms() + (left > 0 ? left : 0);
		} else if (left <= 0) {
			return;
		} else {
			wait_key(p, left);
		}
	}
}

int
player_run(struct span frames, const struct player_config *config, struct err *e)
{
	struct player p = { .config = config, .all = frames, .rest = frames };
	struct frame f;
	int rc;

	buf_init(&p.out, SHOWN_MAX);
	p.keys = term_is_tty();
	if (p.keys)
		term_raw();
	begin(&p);
	while (!p.quit && (rc = peek(&p, &f)) == 1) {
		sleep_until(&p, f.dt_us);
		if (p.jump_us != 0)
			jump(&p);
		else if (!p.quit)
			show(&p);
	}
	screen_end(&p.screen, &p.out);
	flush(&p);
	buf_done(&p.out);
	term_restore();
	return p.quit || rc == 0 ? 0 : err_set(e, "the recording is damaged");
}
