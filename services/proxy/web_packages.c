/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_packages: the script that installs a node or the clients, and the packages that it fetches: all from this proxy, of this
 * cluster's version.
 *
 * Security: the script is part of this program, and carries what makes the rest trusted: the sums of the indexes, which have
 * those of the packages, and the authorities of the cluster. It is run by root on other machines: nothing of a request gets
 * into it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/version.h"
#include "event/loop.h"
#include "net/ceiling.h"
#include "proxy/asset.h"
#include "proxy/packages.h"
#include "proxy/web.h"
#include "proxy/web_page.h"

enum {
	SCRIPT_MAX = 256 * 1024,
	PINS_MAX = BUNDLE_CA_MAX * CAPIN_SIZE,
	INDEXES_MAX = PACKAGES_FILES_MAX * (SERVED_NAME_SIZE + SERVED_SUM_SIZE),
};

/* --- reading them --------------------------------------------------------------------- */

void
web_packages_take(struct web *w, struct packages *fresh)
{
	char n[32];

	/* Whoever is being sent an old one has a reference, and gets all of it. */
	packages_unref(w->packages);
	w->packages = fresh;
	(void)str_format(n, sizeof(n), "%zu", fresh->n_files);
	log_info("packages read", "files", n, NULL);
}

int
web_packages_new(struct web *w, const char *folder, struct err *e)
{
	unsigned all = (unsigned)w->config.conf->limits.web_connections / 2, one = all / 8;
	struct packages *p;

	/* Half of the connections, so that whoever fetches packages keeps nobody from logging in; and from half of these on
	 * those who have one already are refused first. */
	if (ceiling_new(&w->handouts, all,
		one > HTTP_PER_ADDRESS_MIN ? one : HTTP_PER_ADDRESS_MIN) < 0)
		return err_memory(e);
	ceiling_early(w->handouts, all / 2);
	if (packages_load(&p, folder, e) < 0)
		return err_prefix(e, "packages");
	web_packages_take(w, p);
	return 0;
}

bool
web_has_packages(const struct web *w)
{
	return w->packages->n_files > 0;
}

void
web_packages_done(struct web *w)
{
	packages_unref(w->packages);
	ceiling_free(w->handouts);
}

/* --- a package ------------------------------------------------------------------------- */

/* One that is being sent. */
struct handout {
	struct web *web;
	struct packages *packages;
	char ip[sizeof(((struct addr *)0)->ip)];
};

static void
handout_end(void *arg)
{
	struct handout *h = arg;

	packages_unref(h->packages);
	ceiling_drop(h->web->handouts, h->ip);
	free(h);
}

/* NULL: too many, in all or of this address. */
static struct handout *
handout_new(struct web *w, const struct addr *peer)
{
	struct handout *h;

	if (!ceiling_take(w->handouts, peer->ip))
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h) {
		ceiling_drop(w->handouts, peer->ip);
		return NULL;
	}
	h->web = w;
	h->packages = packages_ref(w->packages);
	(void)str_copy(h->ip, sizeof(h->ip), peer->ip);
	return h;
}

void
web_package(struct http_request *r, void *arg)
{
	struct web *w = arg;
	const struct served *f = packages_find(w->packages, http_param(r));
	struct http_long body = { .done = handout_end };

	if (!f) {
		http_reply_error(r, 404, http_status_text(404));
		return;
	}
	if (http_reply_known(r, f->sum))
		return;
	body.arg = handout_new(w, http_peer(r));
	if (!body.arg) {
		http_set_header(r, "Retry-After", "5");
		http_reply_error(r, 503, "too many downloads at the moment, try again");
		return;
	}
	body.bytes = (struct span){ (const uint8_t *)f->bytes, f->n };
	/* What it is follows from its name; not for a browser to show. */
	http_reply_long(r, 200, "application/octet-stream", &body);
}

/* --- the script ------------------------------------------------------------------------- */

/* "sha256:... sha256:..." */
static void
put_pins(char *dst, size_t size, const struct bundle *ca)
{
	size_t at = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < ca->n_pins; i++) {
		(void)str_format(dst + at, size - at, "%s%s", at ? " " : "", ca->pins[i]);
		at = strlen(dst);
	}
}

/* Every value stands between single quotes of the shell. None can end them: the address was checked with the configuration,
 * the rest is base64, hexadecimal, and names that packages.c let through. But root runs it: it is looked at once more. */
static bool
render_quoted(struct buf *b, const char *const *values)
{
	for (size_t i = 1; values[i - 1]; i += 2)
		if (strchr(values[i], '\''))
			return false;
	return page_render(b, asset_install_sh, values);
}

static bool
put_script(struct buf *b, const struct web *w)
{
	char pins[PINS_MAX];
	struct buf indexes;
	bool ok;

	put_pins(pins, sizeof(pins), w->ca);
	buf_init(&indexes, INDEXES_MAX);
	ok = packages_put_indexes(w->packages, &indexes) && buf_put(&indexes, "", 1) &&
	    render_quoted(b,
		(const char *[]){ "proxy", w->config.conf->public_addr, "version",
		    SALLYPORT_VERSION, "pins", pins, "authorities", w->ca->host_pem, "certificate",
		    w->own_certificate ? "own" : "cluster", "indexes",
		    (const char *)buf_head(&indexes), NULL });
	buf_done(&indexes);
	return ok;
}

void
web_install_script(struct http_request *r, void *arg)
{
	const struct web *w = arg;
	struct buf script;

	/* Whatever is answered may be run: as a line of a shell it must do no more than say what is wrong. */
	if (!w->ca) {
		http_reply_text(r, 503,
		    "echo 'install.sh: this proxy has not joined its cluster yet, try again' >&2; exit 1\n");
		return;
	}
	buf_init(&script, SCRIPT_MAX);
	if (put_script(&script, w))
		http_reply(r, 200, "text/x-shellscript; charset=utf-8", buf_span(&script));
	else
		http_reply_text(r, 503,
		    "echo 'install.sh: the proxy cannot make the script, try again' >&2; exit 1\n");
	buf_done(&script);
}
