/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_page: where engine.wasm and the page's worker meet (engine.mjs): what C calls there, and what is called from there.
 * A link is an SSH connection, a channel one thing that runs on the host at its end; to JavaScript both are addresses.
 *
 * Of the calls from C to the page only page_data and those of transfers answer; the page must not call back into the engine
 * from inside any of them, but notes what is to be done and does it afterwards (Engine.pump).
 */
#ifndef ENGINE_WEB_PAGE_H
#define ENGINE_WEB_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct web_link;
struct ssh_chan;

#define PAGE(name)   __attribute__((import_module("page"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name), used))

PAGE("now_ms") double page_now_ms(void); /* never goes back */
PAGE("time_s") double page_time_s(void); /* since 1970, for certificates */

/* The host is believed and the login on its way: channels may be opened. */
PAGE("login_sent") void page_login_sent(struct web_link *link);
PAGE("authenticated") void page_authenticated(struct web_link *link);
/* Sign p[0..n) with the key of the certificate; web_link_signed follows. */
PAGE("sign") void page_sign(struct web_link *link, const uint8_t *p, size_t n);
PAGE("banner") void page_banner(struct web_link *link, const char *text, size_t n);
/* Once, and the last of a link: web_link_free may follow. The text is for people; "": the other side closed without a word. */
PAGE("over") void page_over(struct web_link *link, const char *why, size_t n);

/* Bytes, ext 1 from the standard error. Returns how many were taken; web_chan_resume offers the rest again. */
PAGE("data") size_t page_data(struct ssh_chan *chan, uint32_t ext, const uint8_t *p, size_t n);
PAGE("writable") void page_writable(struct ssh_chan *chan);
PAGE("started") void page_started(struct ssh_chan *chan, bool ok); /* what was asked for runs */
PAGE("exit_status") void page_exit_status(struct ssh_chan *chan, uint32_t status);
PAGE("exit_signal") void page_exit_signal(struct ssh_chan *chan, const char *name, size_t n);
/* One of the two is the last of a channel. */
PAGE("refused") void page_refused(struct ssh_chan *chan, const char *why, size_t n);
PAGE("closed") void page_closed(struct ssh_chan *chan);

/* --- files: web_sftp.c ------------------------------------------------------------------------------------ */
struct web_sftp;

PAGE("sftp_ready") void page_sftp_ready(struct web_sftp *s);
PAGE("sftp_attrs")
void page_sftp_attrs(struct web_sftp *s, double size, uint32_t mode); /* st_mode */
/* These three answer at once, as page_data does. The next bytes of what is sent: how many, 0: that was all, negative: stop. */
PAGE("sftp_load") int page_sftp_load(struct web_sftp *s, uint8_t *p, size_t n);
/* Bytes that came, pieces in any order; negative: stop. */
PAGE("sftp_store")
int page_sftp_store(struct web_sftp *s, double offset, const uint8_t *p, size_t n);
PAGE("sftp_progress") void page_sftp_progress(struct web_sftp *s, double n);
/* What was under way is done; the text says why it failed, or is empty. */
PAGE("sftp_done") void page_sftp_done(struct web_sftp *s, const char *why, size_t n);
/* The last one: the session is over. */
PAGE("sftp_over") void page_sftp_over(struct web_sftp *s, const char *why, size_t n);

#endif
