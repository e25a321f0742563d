/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_site: hands out the web app: its one page for every address below /web that is nobody else's, and its files, which have a
 * hash of their content in their names, so that browsers ask once. Where the app is not there, /web is the page that says what
 * this is. Called by web.c.
 *
 * Security: the page is the same for everybody, and holds nothing of anybody. Its policy lets it load from here alone, run no
 * script that stands in a page, and be in no frame.
 */
#include "base/log.h"
#include "base/str.h"
#include "proxy/site.h"
#include "proxy/web.h"

/* Of the page, and of its files: a worker goes by what its own script came with. connect-src: the API and WebSockets.
 * 'wasm-unsafe-eval': the SSH engine is compiled in the browser; no script is made of text by that. */
static const char app_csp[] =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static void
on_sent(void *arg)
{
	site_unref(arg);
}

/* The copy by gzip to whoever takes it. */
static void
hand_out(struct http_request *r, struct web *w, const struct site_file *f, const char *keep)
{
	bool packed = f->packed.bytes && http_header_lists(r, "accept-encoding", "gzip");
	const struct served *s = packed ? &f->packed : &f->plain;
	struct http_long body = { .bytes = { (const uint8_t *)s->bytes, s->n },
		.done = on_sent,
		.arg = w->site };

	http_set_header(r, "Cache-Control", keep);
	/* A worker's policy is that of its own file, not of the page. */
	http_set_header(r, "Content-Security-Policy", app_csp);
	http_set_header(r, "Vary", "Accept-Encoding");
	if (http_reply_known(r, s->sum))
		return;
	if (packed)
		http_set_header(r, "Content-Encoding", "gzip");
	/* It may be read anew while this is on its way. */
	(void)site_ref(w->site);
	http_reply_long(r, 200, f->type, &body);
}

void
web_site_file(struct http_request *r, void *arg)
{
	struct web *w = arg;
	const struct site_file *f = site_find(w->site, http_param(r));

	if (f)
		hand_out(r, w, f, "public, max-age=31536000, immutable");
	else
		web_not_found(r, w);
}

void
web_site_page(struct http_request *r, void *arg)
{
	struct web *w = arg;

	if (!w->site->page) {
		web_not_found(r, w);
		return;
	}
	http_set_header(r, "Referrer-Policy", "no-referrer");
	/* What it is now it says itself; the files that it names are kept. */
	hand_out(r, w, w->site->page, "no-cache");
}

void
web_site_front(struct http_request *r, void *arg)
{
	const struct web *w = arg;

	if (w->site->page)
		web_site_page(r, arg);
	else
		web_index(r, arg);
}

void
web_site_take(struct web *w, struct site *fresh)
{
	char n[32];

	site_unref(w->site);
	w->site = fresh;
	(void)str_format(n, sizeof(n), "%zu", fresh->n_files);
	log_info("web app read", "files", n, NULL);
}
