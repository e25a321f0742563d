/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_sftp: files of a host for the page: an SFTP session, and in it one question or transfer at a time, by lib/session's
 * client. Called by engine.mjs; what happens it tells by web_page.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/web_link.h"
#include "session/sftp_body.h"
#include "ssh/session.h"
#include "ssh/ssh.h"

struct web_sftp {
	struct ssh_chan *chan; /* NULL: the session is over */
	struct sftp_engine engine;
	bool told_ready, busy;
	/* the question or transfer */
	char path[SFTP_PATH_MAX];
	bool moving; /* it is a transfer */
	struct sftp_transfer transfer;
	struct sftp_body body;
};

/* --- what is under way comes to its end ------------------------------------------------------------------ */

static void
done(struct web_sftp *s, const char *why)
{
	s->busy = false;
	page_sftp_done(s, why, strlen(why));
}

/* After whatever may have ended a transfer. */
static void
look(struct web_sftp *s)
{
	if (!s->told_ready && s->engine.ready) {
		s->told_ready = true;
		page_sftp_ready(s);
	}
	if (!s->moving || !s->body.finished)
		return;
	s->moving = false;
	sftp_body_done(&s->body);
	done(s, s->body.failed ? s->body.e.text : "");
}

static void
end(struct web_sftp *s, const char *why)
{
	s->chan = NULL;
	sftp_engine_end(&s->engine, why);
	look(s);
	page_sftp_over(s, s->engine.why.text, strlen(s->engine.why.text));
}

/* --- the session ------------------------------------------------------------------------------------------- */

/* Called by the engine when it has something to send, and when the channel has room again. */
static void
flush(void *arg)
{
	struct web_sftp *s = arg;
	struct span out;
	size_t n;

	while (s->chan && (out = sftp_engine_output(&s->engine)).n > 0 &&
	    (n = ssh_chan_write(s->chan, 0, out.p, out.n)) > 0)
		sftp_engine_drain(&s->engine, n);
}

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct web_sftp *s = arg;

	(void)chan;
	/* What the server program writes to stderr is no SFTP, and is dropped. */
	if (ext == 0)
		sftp_engine_input(&s->engine, p, n);
	look(s);
	if (s->engine.over)
		ssh_chan_close(chan);
	return n;
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	flush(arg);
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	(void)chan, (void)reason;
	end(arg, *text ? text : "the node refused the session");
}

static void
on_reply(struct ssh_chan *chan, bool ok, void *arg)
{
	struct web_sftp *s = arg;

	if (ok) {
		sftp_engine_start(&s->engine);
	} else {
		sftp_engine_end(&s->engine, "the node refused the transfer of files");
		ssh_chan_close(chan);
	}
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	end(arg, "the session for files ended");
}

static const struct ssh_chan_events events = {
	.data = on_data,
	.writable = on_writable,
	.refused = on_refused,
	.reply = on_reply,
	.closed = on_closed,
};

/* NULL: too many, or no memory. page_sftp_ready or page_sftp_over follows. */
EXPORT("web_sftp_new") struct web_sftp *web_sftp_new(struct web_link *link)
{
	struct web_sftp *s = calloc(1, sizeof *s);
	struct buf b, name;

	if (!s)
		return NULL;
	sftp_engine_init(&s->engine, flush, s);
	buf_init(&b, 256);
	buf_init(&name, 64);
	ssh_text_put(&name, "sftp");
	ssh_request_put(&b, "subsystem", true, buf_span(&name));
	if (buf_ok(&b))
		s->chan = ssh_chan_open(web_link_ssh(link), "session", buf_span(&b), &events, s);
	buf_done(&b);
	buf_done(&name);
	if (s->chan)
		return s;
	free(s);
	return NULL;
}

/* Ends the session, and what is under way; page_sftp_over follows. */
EXPORT("web_sftp_close") void web_sftp_close(struct web_sftp *s)
{
	if (s->chan)
		ssh_chan_close(s->chan);
}

/* After page_sftp_over. */
EXPORT("web_sftp_free") void web_sftp_free(struct web_sftp *s)
{
	sftp_engine_done(&s->engine);
	free(s);
}

/* --- questions ------------------------------------------------------------------------------------------------ */

/* False: told why not. */
static bool
begin(struct web_sftp *s, const char *path)
{
	s->busy = true;
	if (str_copy(s->path, sizeof s->path, path))
		return true;
	done(s, "the path is too long");
	return false;
}

static void
on_stat(struct sftp_engine *engine, struct sftp_answer *a, const struct sftp_call *call)
{
	struct web_sftp *s = call->arg;
	struct err e;

	if (!a) {
		done(s, engine->why.text);
	} else if (a->type == SFTP_ATTRS) {
		page_sftp_attrs(s, (double)a->attrs.size, a->attrs.mode);
		done(s, "");
	} else {
		done(s, sftp_wire_status(a, &e) < 0 ? e.text : "unexpected answer");
	}
}

/* page_sftp_attrs, unless it fails, and page_sftp_done follow. Not while something is under way, as all below. */
EXPORT("web_sftp_stat") void web_sftp_stat(struct web_sftp *s, const char *path)
{
	const struct sftp_call call = { .fn = on_stat, .arg = s };
	struct buf body;

	if (!begin(s, path))
		return;
	buf_init(&body, SFTP_PATH_MAX + 64);
	wire_put_text(&body, s->path);
	if (sftp_engine_send(&s->engine, SFTP_STAT, &body, &call) < 0)
		done(s, s->engine.over ? s->engine.why.text : "out of memory");
	buf_done(&body);
}

/* --- transfers -------------------------------------------------------------------------------------------------- */

static ssize_t
on_load(uint8_t *p, size_t n, struct err *e, void *arg)
{
	int r = page_sftp_load(arg, p, n);

	return r < 0 ? err_set(e, "the file cannot be read any more, or the transfer was given up")
		     : r;
}

static int
on_store(uint64_t offset, struct span data, struct err *e, void *arg)
{
	if (page_sftp_store(arg, (double)offset, data.p, data.n) < 0)
		return err_set(e, "the browser has no room for it, or the transfer was given up");
	return 0;
}

static void
on_progress(uint64_t n, void *arg)
{
	page_sftp_progress(arg, (double)n);
}

/* page_sftp_store and page_sftp_progress, or page_sftp_load, and then page_sftp_done follow. size: as far as it is known. */
static void
move(struct web_sftp *s, const char *path, double size, uint32_t mode, bool is_put)
{
	if (!begin(s, path))
		return;
	s->transfer = (struct sftp_transfer){
		.path = s->path,
		.mode = mode,
		.size = (uint64_t)size,
		.store = on_store,
		.load = on_load,
		.progress = on_progress,
		.arg = s,
	};
	s->moving = true;
	(is_put ? sftp_body_put : sftp_body_get)(&s->body, &s->engine, &s->transfer);
	look(s);
}

EXPORT("web_sftp_get") void web_sftp_get(struct web_sftp *s, const char *path, double size)
{
	move(s, path, size, 0, false);
}

EXPORT("web_sftp_put") void web_sftp_put(struct web_sftp *s, const char *path, uint32_t mode)
{
	move(s, path, 0, mode, true);
}
