/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow: see follow.h. What comes goes through screen.c, as of every recording: the session's program may mean the one who
 * watches.
 */
#include "tsh/follow.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wire.h"
#include "proto/audit.sync.h"
#include "rec/frame.h"
#include "tsh/screen.h"

enum { SHOWN_MAX = 1024 * 1024, PIECE_MAX = 1024, RESTORE_MAX = 256 };

struct follow {
	bool begun;
	struct screen screen;
	struct buf out;
};

/* What puts the terminal back as it is now, for whoever breaks off. */
static char restore[RESTORE_MAX];
static volatile sig_atomic_t restore_len;

static void
on_interrupt(int signo)
{
	/* Nothing else is left to do, and the server hears of it by the connection. */
	if (write(STDOUT_FILENO, restore, (size_t)restore_len) < 0)
		_exit(128 + signo);
	_exit(0);
}

static void
flush(struct follow *f)
{
	struct screen copy = f->screen;
	struct buf end;

	if (f->out.len > 0)
		(void)file_write_all(STDOUT_FILENO, buf_head(&f->out), f->out.len);
	buf_reset(&f->out);
	buf_init(&end, RESTORE_MAX);
	screen_end(&copy, &end);
	/* Never half of two: none meanwhile. */
	restore_len = 0;
	if (end.len > 0)
		memcpy(restore, buf_head(&end), end.len);
	restore_len = (sig_atomic_t)end.len;
	buf_done(&end);
}

static void
begin(struct follow *f, const Audit__Recording *r)
{
	struct screen_size here = { 0, 0 };
	struct winsize ws = { 0 };

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		here = (struct screen_size){ ws.ws_row, ws.ws_col };
	screen_init(&f->screen,
	    r->interactive ? (struct screen_size){ r->rows, r->cols } : (struct screen_size){ 0, 0 },
	    here);
	screen_begin(&f->screen, &f->out);
	f->begun = true;
}

/* A few bytes may become a line (screen.c): so many at once. */
static void
show_bytes(struct follow *f, size_t stream, struct span data)
{
	while (data.n > 0) {
		struct span piece = { data.p, data.n < PIECE_MAX ? data.n : PIECE_MAX };

		screen_put(&f->screen, stream, piece, &f->out);
		flush(f);
		data.p += piece.n;
		data.n -= piece.n;
	}
}

static void
show(struct follow *f, const struct frame *frame)
{
	struct wire w = wire_from(frame->data);
	uint32_t size;

	if (frame->type == FRAME_OUT || frame->type == FRAME_ERR) {
		show_bytes(f, frame->type == FRAME_ERR, frame->data);
	} else if (frame->type == FRAME_RESIZE) {
		size = wire_u32(&w);
		if (!w.bad)
			screen_resize(&f->screen,
			    (struct screen_size){ size & 0xffff, size >> 16 }, &f->out);
	}
}

/* Parts are whole frames. */
static bool
on_part(const Audit__PlayPart *part, void *arg)
{
	struct span frames = { part->frames.data, part->frames.len };
	struct follow *f = arg;
	struct frame frame;

	if (part->recording && !f->begun)
		begin(f, part->recording);
	while (f->begun && frame_next(&frames, &frame) == 1)
		show(f, &frame);
	if (f->begun)
		flush(f);
	return true;
}

int
follow_run(struct client *c, const char *session, struct err *e)
{
	Audit__PlayRequest q = AUDIT__PLAY_REQUEST__INIT;
	struct follow f = { .begun = false };
	int rc;

	buf_init(&f.out, SHOWN_MAX);
	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	q.session = session;
	q.follow = true;
	rc = audit_sync_play(c, &q, on_part, &f, e);
	if (f.begun) {
		screen_end(&f.screen, &f.out);
		flush(&f);
	}
	buf_done(&f.out);
	return rc;
}
