/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_chan: what runs on a host for the page: a shell, a command or a subsystem, each in a session channel. Called by
 * engine.mjs; what happens it tells by web_page.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "engine/web_link.h"
#include "ssh/session.h"
#include "ssh/ssh.h"

enum { REQUESTS_MAX = 192 * 1024, TEXT_MAX = 128 * 1024 };

/* --- from the engine ------------------------------------------------------------------------------------- */

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	return page_data(chan, ext, p, n);
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)arg;
	page_writable(chan);
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	(void)reason, (void)arg;
	page_refused(chan, text, strlen(text));
}

/* Only what starts it is asked for with an answer. */
static void
on_reply(struct ssh_chan *chan, bool ok, void *arg)
{
	(void)arg;
	page_started(chan, ok);
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct span signal, text;
	uint32_t status;
	bool core;

	(void)arg;
	if (span_is(name, "exit-status") && ssh_exit_status_parse(payload, &status) == 0) {
		page_exit_status(chan, status);
		return SSH_OK;
	}
	if (span_is(name, "exit-signal") &&
	    ssh_exit_signal_parse(payload, &signal, &core, &text) == 0) {
		char clean[32];

		str_clean(clean, sizeof clean, (const char *)signal.p, signal.n);
		page_exit_signal(chan, clean, strlen(clean));
		return SSH_OK;
	}
	return SSH_FAIL; /* requests of a node ask for nothing here */
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	(void)arg;
	page_closed(chan);
}

static const struct ssh_chan_events events = {
	.data = on_data,
	.writable = on_writable,
	.refused = on_refused,
	.request = on_request,
	.reply = on_reply,
	.closed = on_closed,
};

/* --- from the page ----------------------------------------------------------------------------------------- */

/* cols 0: no terminal. Its modes are the node's usual ones, but that it edits lines in UTF-8 (RFC 8160). */
static void
put_pty(struct buf *b, const char *term, uint32_t cols, uint32_t rows)
{
	struct ssh_pty pty = { .cols = cols,
		.rows = rows,
		.modes = { 42, 0, 0, 0, 1, 0 },
		.n_modes = 6 };
	struct buf one;

	if (!cols)
		return;
	if (!str_copy(pty.term, sizeof pty.term, term))
		(void)str_copy(pty.term, sizeof pty.term, "xterm-256color");
	buf_init(&one, 4096);
	ssh_pty_put(&one, &pty);
	ssh_request_put(b, "pty-req", false, buf_span(&one));
	buf_done(&one);
}

/* request: "shell", "exec" or "subsystem"; text: the command's or the subsystem's name. All of it travels with the opening.
 * NULL: too many, too long, or no memory. */
EXPORT("web_chan_open")
struct ssh_chan *
web_chan_open(struct web_link *link, const char *request, const char *text, const char *term,
    uint32_t cols, uint32_t rows)
{
	struct ssh_chan *chan = NULL;
	struct buf b, one;

	buf_init(&b, REQUESTS_MAX);
	buf_init(&one, TEXT_MAX);
	put_pty(&b, term, cols, rows);
	if (*text)
		ssh_text_put(&one, text);
	ssh_request_put(&b, request, true, buf_span(&one));
	if (buf_ok(&b) && buf_ok(&one))
		chan = ssh_chan_open(web_link_ssh(link), "session", buf_span(&b), &events, link);
	buf_done(&b);
	buf_done(&one);
	return chan;
}

EXPORT("web_chan_resize") void web_chan_resize(struct ssh_chan *chan, uint32_t cols, uint32_t rows)
{
	struct ssh_window w = { cols, rows, 0, 0 };
	struct buf b;

	buf_init(&b, 64);
	ssh_window_put(&b, &w);
	ssh_chan_request(chan, "window-change", false, buf_span(&b));
	buf_done(&b);
}

/* Returns what was taken; less than n: page_writable follows. */
EXPORT("web_chan_write") size_t web_chan_write(struct ssh_chan *chan, const uint8_t *p, size_t n)
{
	return ssh_chan_write(chan, 0, p, n);
}

EXPORT("web_chan_resume") void web_chan_resume(struct ssh_chan *chan)
{
	ssh_chan_resume(chan);
}

EXPORT("web_chan_eof") void web_chan_eof(struct ssh_chan *chan)
{
	ssh_chan_eof(chan);
}

EXPORT("web_chan_close") void web_chan_close(struct ssh_chan *chan)
{
	ssh_chan_close(chan);
}
