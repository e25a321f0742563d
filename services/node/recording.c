/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: see recording.h. Called by the recorder of every session, by session_end.c and by live.c.
 */
#include "node/recording.h"

#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/wire.h"

/* How long what was recorded may wait to leave the machine, and how much of a session is one row in the database. */
enum {
	RECORDING_MS = 3000,
	/* The same while somebody looks on; and of what comes after a pause in which the connection to auditd was closed, over
	 * which this node would hear of that. */
	RECORDING_WATCHED_MS = 200,
	RECORDING_PAUSE_MS = 45000,
	WATCHED_MS = 30000,
	STATUS_UNSEEN = 255
};

static bool
path_of(const struct node *n, const char *session, char *dst, size_t size)
{
	return str_format(dst, size, "%s/live/%s.chunk", n->folder, session);
}

/* frames: those in the file, or some that never were there. */
static int
put_record(struct recording *r, struct span frames)
{
	struct audit_log *audit = r->node->audit;

	rec_chunk_closing(r->chunk, audit_log_last(audit) + 1);
	if (audit_frames(audit, r->session, rec_chunk_before(r->chunk), frames)) {
		rec_chunk_closing(r->chunk, 0);
		return -1;
	}
	rec_chunk_closed(r->chunk, frames);
	r->record_ms = loop_now_ms(r->node->loop);
	share_add(&r->share, frames.n);
	return 0;
}

int
recording_flush(struct recording *r)
{
	struct span frames;

	if (!r->chunk)
		return 0;
	timer_stop(&r->timer);
	frames = rec_chunk_frames(r->chunk);
	return frames.n ? put_record(r, frames) : 0;
}

/* How long what comes now may gather. */
static int64_t
patience(const struct recording *r)
{
	int64_t now = loop_now_ms(r->node->loop);

	return now < r->watched_ms || now - r->record_ms > RECORDING_PAUSE_MS ? RECORDING_WATCHED_MS
									      : RECORDING_MS;
}

static void
on_timer(void *arg)
{
	struct recording *r = arg;

	/* A full log: it goes on gathering, and the session hears of it when the file is full too. */
	if (recording_flush(r))
		timer_start(&r->timer, RECORDING_MS);
}

void
recording_watched(struct recording *r)
{
	int64_t now;

	if (!r->chunk)
		return;
	now = loop_now_ms(r->node->loop);
	/* What waited for longer; not again and again, or it would never be over. */
	if (now >= r->watched_ms && rec_chunk_frames(r->chunk).n > 0)
		timer_start(&r->timer, RECORDING_WATCHED_MS);
	r->watched_ms = now + WATCHED_MS;
}

int
recording_open(struct recording *r, struct node *n, const char *session, const char *user)
{
	char path[NODE_PATH_MAX + 64];
	struct err e = { "" };

	*r = (struct recording){ .node = n,
		.session = session,
		.record_ms = loop_now_ms(n->loop) };
	if (!path_of(n, session, path, sizeof(path)) ||
	    timer_init(&r->timer, n->loop, on_timer, r) || share_open(&r->share, n, user))
		return -1;
	if (rec_chunk_open(&r->chunk, path, &e)) {
		log_error("a session cannot be recorded", "session", session, "cause", e.text,
		    NULL);
		return -1;
	}
	return 0;
}

int
recording_frames(const char *session, struct span frames, void *arg)
{
	struct recording *r = arg;
	bool first;

	(void)session;
	if (!r->chunk)
		return -1;
	first = rec_chunk_frames(r->chunk).n == 0;
	/* Much at once is a record of its own, without the way through the file. */
	if (frames.n >= CHUNK_MAX / 2) {
		if (recording_flush(r))
			return -1;
		return put_record(r, frames);
	}
	if (!rec_chunk_add(r->chunk, frames)) {
		if (recording_flush(r) || !rec_chunk_add(r->chunk, frames))
			return -1;
		first = true;
	}
	if (first)
		timer_start(&r->timer, patience(r));
	return 0;
}

void
recording_close(struct recording *r)
{
	if (r->node)
		timer_done(&r->timer);
	share_close(&r->share);
	rec_chunk_free(r->chunk);
	r->chunk = NULL;
	r->node = NULL;
}

/* --- what others left ---------------------------------------------------------------------------- */

static bool
has_exit(struct span frames)
{
	struct frame f;

	while (frame_next(&frames, &f) > 0)
		if (f.type == FRAME_EXIT)
			return true;
	return false;
}

/* NULL: there is none, or it cannot be read. */
static struct rec_chunk *
open_left(const struct node *n, const char *session)
{
	char path[NODE_PATH_MAX + 64];
	struct rec_chunk *c = NULL;
	struct err e = { "" };

	/* None: its frames are in the log, or there were none. */
	if (!path_of(n, session, path, sizeof(path)) || access(path, F_OK) != 0)
		return NULL;
	if (rec_chunk_open(&c, path, &e))
		log_warn("frames of a session cannot be read", "session", session, "cause", e.text,
		    NULL);
	return c;
}

void
recording_settle(const struct node *n, const char *session)
{
	struct rec_chunk *c = open_left(n, session);
	uint64_t closing = c ? rec_chunk_is_closing(c) : 0;

	/* The worker died when they were a record already, or just before. */
	if (closing > 0 && closing <= audit_log_found(n->audit))
		rec_chunk_closed(c, rec_chunk_frames(c));
	else if (closing > 0)
		rec_chunk_closing(c, 0);
	rec_chunk_free(c);
}

/* So that the text of the last line is there too: it is text of the record that says it was the last. */
static int
put_last(const struct node *n, const char *session, struct rec_chunk *c)
{
	struct buf b;
	int r = -1;

	/* The end is recorded, and only its event is missing. */
	if (rec_chunk_is_ended(c))
		return 0;
	buf_init(&b, CHUNK_MAX + 64);
	buf_put(&b, rec_chunk_frames(c).p, rec_chunk_frames(c).n);
	if (!has_exit(buf_span(&b)))
		frame_put(&b, FRAME_EXIT, 0,
		    (struct span){ (const uint8_t[]){ 0, 0, 0, STATUS_UNSEEN }, 4 });
	if (buf_ok(&b))
		r = audit_frames(n->audit, session, rec_chunk_before(c), buf_span(&b));
	buf_done(&b);
	return r;
}

int
recording_recover(struct node *n, const char *session)
{
	struct rec_chunk *c = open_left(n, session);
	int r = c ? put_last(n, session, c) : 0;

	rec_chunk_free(c);
	if (r == 0)
		recording_remove(n, session);
	return r;
}

void
recording_remove(const struct node *n, const char *session)
{
	char path[NODE_PATH_MAX + 64];

	if (path_of(n, session, path, sizeof(path)))
		unlink(path);
}
