/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webcompare: see webcompare.h.
 *
 * Security: the proxy may be hostile. A header that the list does not know could load, or allow, what no file says
 * (Link, Refresh, Service-Worker-Allowed): only those pass that say nothing but when, how long and how much.
 */
#include "tsh/webcompare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/gunzip.h"

#define SITE     "/web/site/"
#define IN_NAMES "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~_-"
enum { SHOWN_MAX = 200, NAMED_MAX = 20, PAGE_MAX = 256 * 1024 };

struct comparing {
	const struct webhashes *list;
	const struct webhashes_file *file;
	const struct fetch_reply *reply;
	webcompare_fn differs;
	void *arg;
	bool packed; /* by gzip */
};

static void __attribute__((format(printf, 2, 3)))
say(const struct comparing *c, const char *fmt, ...)
{
	char text[4 * SHOWN_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->differs(c->file->address, text, c->arg);
}

/* --- headers ------------------------------------------------------------------------------------ */

static bool
is_named(struct span name, const char *s)
{
	return strlen(s) == name.n && strncasecmp((const char *)name.p, s, name.n) == 0;
}

static bool
is_harmless(struct span name)
{
	static const char *const harmless[] = { "Connection", "Content-Length", "Date", "ETag",
		"Strict-Transport-Security", "Transfer-Encoding", "Vary" };

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (is_named(name, harmless[i]))
			return true;
	return false;
}

/* What a header of that name has to say, or NULL: the list has none. */
static const char *
expected(const struct comparing *c, struct span name)
{
	for (size_t i = 0; i < c->file->n_headers; i++) {
		const struct webhashes_header *h = &c->list->headers[c->file->first_header + i];

		if (is_named(name, h->name))
			return h->value;
	}
	return is_named(name, "Content-Type") ? c->file->type : NULL;
}

static void
compare_header(struct comparing *c, struct span name, struct span value)
{
	char shown_name[SHOWN_MAX], shown[SHOWN_MAX];
	const char *want = expected(c, name);
	/* A browser may see a line's end where we saw none. */
	bool clean = str_is_printable((const char *)value.p, value.n);

	if (want ? span_is(value, want) : clean && is_harmless(name))
		return;
	if (!want && !c->packed && is_named(name, "Content-Encoding") && span_is(value, "gzip")) {
		c->packed = true;
		return;
	}
	str_clean(shown_name, sizeof shown_name, (const char *)name.p, name.n);
	str_clean(shown, sizeof shown, (const char *)value.p, value.n);
	if (want)
		say(c, "its header %s is \"%s\", and not \"%s\"", shown_name, shown, want);
	else
		say(c, "has a header that no such proxy sends: %s: %s", shown_name, shown);
}

static size_t
count(const struct fetch_reply *r, const char *name)
{
	const char *pos = r->head;
	struct span have, value;
	size_t n = 0;

	while (fetch_header_next(&pos, &have, &value))
		n += is_named(have, name);
	return n;
}

static void
compare_count(const struct comparing *c, const char *name)
{
	size_t n = count(c->reply, name);

	if (n != 1)
		say(c, n == 0 ? "comes without the header %s" : "has the header %s more than once",
		    name);
}

static void
compare_headers(struct comparing *c)
{
	const char *pos = c->reply->head;
	struct span name, value;

	while (fetch_header_next(&pos, &name, &value))
		compare_header(c, name, value);
	compare_count(c, "Content-Type");
	for (size_t i = 0; i < c->file->n_headers; i++)
		compare_count(c, c->list->headers[c->file->first_header + i].name);
}

/* --- contents ----------------------------------------------------------------------------------- */

static void
compare_bytes(const struct comparing *c, struct span bytes)
{
	uint8_t sum[SHA256_BYTES];
	char have[SHA256_HEX_SIZE], want[SHA256_HEX_SIZE];

	sha256_of(bytes, sum);
	if (memcmp(sum, c->file->sum, sizeof sum) == 0)
		return;
	str_hex(have, sum, sizeof sum);
	str_hex(want, c->file->sum, sizeof sum);
	say(c, "has another content: its SHA-256 is %s, and not %s", have, want);
}

static void
compare_body(const struct comparing *c)
{
	struct span bytes = { (const uint8_t *)c->reply->body, c->reply->len };
	_cleanup_free_ char *plain = NULL;
	struct err e;

	if (c->packed && gunzip(bytes, c->file->size, &plain, &bytes.n, &e) < 0) {
		say(c, "has another content: unpacked it is %s", e.text);
		return;
	}
	if (plain)
		bytes.p = (const uint8_t *)plain;
	compare_bytes(c, bytes);
}

void
webcompare_file(const struct webhashes *l, const struct webhashes_file *f,
    const struct fetch_reply *r, webcompare_fn differs, void *arg)
{
	struct comparing c = { .list = l, .file = f, .reply = r, .differs = differs, .arg = arg };

	if (r->status != 200) {
		say(&c, "the proxy answers %d", r->status);
		return;
	}
	compare_headers(&c);
	compare_body(&c);
}

/* --- what a changed page names -------------------------------------------------------------------- */

static void
look_for_names(const struct comparing *c, const char *page)
{
	char text[SHOWN_MAX];
	size_t said = 0;

	for (const char *at = strstr(page, SITE); at && said < NAMED_MAX;
	     at = strstr(at + 1, SITE)) {
		size_t n = strlen(SITE) + strspn(at + strlen(SITE), IN_NAMES);

		if (n >= sizeof text || webhashes_find(c->list, at, n))
			continue;
		(void)str_format(text, sizeof text, "%.*s", (int)n, at);
		c->differs(text, "is named by the page, and is not in the list", c->arg);
		said++;
	}
}

void
webcompare_page(const struct webhashes *l, const struct fetch_reply *r, webcompare_fn differs,
    void *arg)
{
	const struct comparing c = { .list = l, .reply = r, .differs = differs, .arg = arg };
	_cleanup_free_ char *plain = NULL;
	struct span body = { (const uint8_t *)r->body, r->len };
	size_t n;

	if (gunzip(body, PAGE_MAX, &plain, &n, NULL) == 0)
		look_for_names(&c, plain);
	else
		look_for_names(&c, r->body);
}
