/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow: see follow.h. What comes goes through screen.c, as of every recording: the session's program may mean the one who
 * watches.
 */
#include "tsh/follow.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "proto/audit.sync.h"
#include "tsh/showing.h"

enum { RESTORE_MAX = 256 };

struct follow {
	bool begun;
	struct showing showing;
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
note_restore(const struct follow *f)
{
	struct screen copy = f->showing.screen;
	struct buf end;

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
	showing_begin(&f->showing,
	    r->interactive ? (struct screen_size){ r->rows, r->cols }
			   : (struct screen_size){ 0, 0 });
	showing_flush(&f->showing);
	f->begun = true;
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
	while (f->begun && frame_next(&frames, &frame) == 1) {
		showing_frame(&f->showing, &frame);
		note_restore(f);
	}
	return true;
}

int
follow_run(struct client *c, const char *session, struct err *e)
{
	Audit__PlayRequest q = AUDIT__PLAY_REQUEST__INIT;
	struct follow f = { .begun = false };
	int rc;

	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	q.session = session;
	q.follow = true;
	rc = audit_sync_play(c, &q, on_part, &f, e);
	if (f.begun)
		showing_end(&f.showing);
	return rc;
}
