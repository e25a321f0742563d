/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_page: see web_page.h. Called by web.c and web_invite.c.
 */
#include "proxy/web_page.h"

#include <qrencode.h>
#include <string.h>

#include "http/head.h"

enum { QUIET = 4, MODULE_PX = 4, PATH_MAX_BYTES = 64 * 1024 };

/* A name without a value is an empty text: a page with a hole is better than none. */
static const char *
value_of(const char *const *values, struct span name)
{
	for (; values[0]; values += 2)
		if (span_is(name, values[0]))
			return values[1];
	return "";
}

static void
put_value(struct buf *b, struct span name, const char *const *values)
{
	const char *text;

	/* "{{&name}}" is markup of our own making (the QR code); everything else is text and is
	 * escaped. */
	if (name.n > 0 && name.p[0] == '&') {
		text = value_of(values, (struct span){ name.p + 1, name.n - 1 });
		(void)buf_put(b, text, strlen(text));
	} else {
		(void)http_put_escaped(b, value_of(values, name));
	}
}

bool
page_render(struct buf *b, struct span t, const char *const *values)
{
	while (t.n > 0) {
		const uint8_t *open = memmem(t.p, t.n, "{{", 2);
		const uint8_t *close = open ? memmem(open, t.n - (size_t)(open - t.p), "}}", 2)
					    : NULL;
		size_t n = close ? (size_t)(open - t.p) : t.n;

		(void)buf_put(b, t.p, n);
		if (!close)
			break;
		put_value(b, (struct span){ open + 2, (size_t)(close - open - 2) }, values);
		n = (size_t)(close + 2 - t.p);
		t = (struct span){ t.p + n, t.n - n };
	}
	return buf_ok(b);
}

/* Each row's dark runs as one path: "M x y h n v 1 h -n z". */
static void
put_row(struct buf *b, const QRcode *qr, int y)
{
	const uint8_t *row = qr->data + y * qr->width;

	for (int x = 0; x < qr->width; x++) {
		int n = 0;

		while (x + n < qr->width && (row[x + n] & 1))
			n++;
		if (n > 0)
			(void)buf_printf(b, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, n, n);
		/* At a light module, or the edge: the loop's own step passes it. */
		x += n;
	}
}

int
page_put_qr_path(struct buf *b, const char *text)
{
	QRcode *qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	int side = qr ? qr->width + 2 * QUIET : -1;

	if (!qr)
		return -1;
	for (int y = 0; y < qr->width; y++)
		put_row(b, qr, y);
	/* It may be a seed. */
	explicit_bzero(qr->data, (size_t)qr->width * (size_t)qr->width);
	QRcode_free(qr);
	return buf_ok(b) ? side : -1;
}

int
page_put_qr(struct buf *b, const char *text)
{
	struct buf path;
	int side;

	buf_init(&path, PATH_MAX_BYTES);
	side = page_put_qr_path(&path, text);
	if (side > 0) {
		(void)buf_printf(b,
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"QR code\" "
		    "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
		    "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
		    side * MODULE_PX, side * MODULE_PX, side, side, side, side);
		(void)buf_put(b, buf_head(&path), path.len);
		(void)buf_printf(b, "\"/></svg>");
	}
	buf_wipe(&path);
	return side > 0 && buf_ok(b) ? 0 : -1;
}
