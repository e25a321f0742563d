/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_page: HTML from a template: {{name}} is replaced by the value, escaped; {{&name}} by the
 * value as it is, for what we made ourselves. Pure.
 */
#ifndef PROXY_WEB_PAGE_H
#define PROXY_WEB_PAGE_H

#include "base/buf.h"

/* values alternate name and text, ended by NULL; what is not among them is replaced by nothing.
 * False over the buffer's ceiling. */
bool page_render(struct buf *b, struct span template, const char *const *values);
/* Appends a QR code of the text as an SVG element, 4 px a module, with its quiet zone. Negative:
 * too long. */
int page_put_qr(struct buf *b, const char *text);
/* Appends the path of the dark modules alone, one unit a module. Returns the side, quiet zone and all; negative: too long. */
int page_put_qr_path(struct buf *b, const char *text);

#endif
