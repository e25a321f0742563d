/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player: plays frames. Called by `tsh play`; writes to standard output, reads keys from standard input.
 */
#include "tsh/player.h"

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "rec/frame.h"
#include "tsh/showing.h"
#include "tsh/term.h"

enum { SKIP_US = 10000000, IDLE_US = 500000 };

struct player {
	const struct player_config *config;
	struct span all, rest;
	uint64_t at_us; /* recording time of what is shown */
	bool keys, paused, quit;
	int64_t jump_us; /* asked for by a key */
	struct showing showing;
};

static struct screen_size
recorded_size(const struct player *p)
{
	return (struct screen_size){ p->config->rows, p->config->cols };
}

/* With a terminal here that is too small for it: what is not seen is said. */
static void
say_size(struct player *p)
{
	const struct player_config *c = p->config;
	struct screen_size here = p->showing.here;

	if (here.cols && c->cols && (here.cols < c->cols || here.rows < c->rows))
		buf_printf(&p->showing.out,
		    "(recorded in a terminal of %ux%u, and this one has %ux%u: what does not fit is cut)\r\n",
		    c->cols, c->rows, here.cols, here.rows);
	showing_flush(&p->showing);
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
	showing_frame(&p->showing, &f);
}

/* Back to the beginning; the screen is reset, since escape sequences build on one another. */
static void
rewind_to_start(struct player *p)
{
	p->rest = p->all;
	p->at_us = 0;
	showing_clear(&p->showing, recorded_size(p));
	say_size(p);
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

	p.keys = term_is_tty();
	if (p.keys)
		term_raw();
	showing_begin(&p.showing, recorded_size(&p));
	say_size(&p);
	while (!p.quit && (rc = peek(&p, &f)) == 1) {
		sleep_until(&p, f.dt_us);
		if (p.jump_us != 0)
			jump(&p);
		else if (!p.quit)
			show(&p);
	}
	showing_end(&p.showing);
	term_restore();
	return p.quit || rc == 0 ? 0 : err_set(e, "the recording is damaged");
}
