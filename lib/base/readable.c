/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable: see readable.h.
 */
#include "base/readable.h"

#include <string.h>

#include "base/str.h"

enum { ESCAPE_SIZE = 5 }; /* \xHH and a NUL */

static void
escape(uint8_t c, char ret[ESCAPE_SIZE])
{
	switch (c) {
	case '\n':
		(void)str_copy(ret, ESCAPE_SIZE, "\\n");
		break;
	case '\r':
		(void)str_copy(ret, ESCAPE_SIZE, "\\r");
		break;
	case '\t':
		(void)str_copy(ret, ESCAPE_SIZE, "\\t");
		break;
	case '\\':
		(void)str_copy(ret, ESCAPE_SIZE, "\\\\");
		break;
	default:
		(void)str_format(ret, ESCAPE_SIZE, "\\x%02x", c);
	}
}

bool
readable_put(struct buf *out, struct span text)
{
	const bool plain = str_is_printable((const char *)text.p, text.n);
	char escaped[ESCAPE_SIZE];
	size_t used = 0, i = 0;

	if (plain && text.n <= READABLE_MAX)
		return text.n == 0 || buf_put(out, text.p, text.n);
	while (i < text.n) {
		size_t len = str_printable_len(text.p + i, text.n - i), width = len;
		const void *p = text.p + i;

		/* A backslash is doubled only beside escapes: most commands that hold one hold nothing odd. */
		if (!len || (!plain && text.p[i] == '\\')) {
			escape(text.p[i], escaped);
			p = escaped;
			len = 1;
			width = strlen(escaped);
		}
		if (used + width > READABLE_MAX)
			break;
		buf_put(out, p, width);
		used += width;
		i += len;
	}
	if (i < text.n)
		buf_printf(out, "...[%zu bytes more]", text.n - i);
	return false;
}

/* Printable but for tabs. */
static bool
is_plain_line(struct span line)
{
	for (size_t i = 0; i < line.n;) {
		size_t len = line.p[i] == '\t' ? 1 : str_printable_len(line.p + i, line.n - i);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

static void
put_escaped(struct buf *out, struct span text, bool keep_tabs)
{
	char escaped[ESCAPE_SIZE];

	for (size_t i = 0; i < text.n;) {
		size_t len = str_printable_len(text.p + i, text.n - i);

		if (len && text.p[i] != '\\') {
			buf_put(out, text.p + i, len);
			i += len;
			continue;
		}
		escape(text.p[i], escaped);
		if (keep_tabs && text.p[i] == '\t')
			buf_put(out, "\t", 1);
		else
			buf_put(out, escaped, strlen(escaped));
		i++;
	}
}

void
readable_whole(struct buf *out, struct span text)
{
	if (!str_is_printable((const char *)text.p, text.n))
		put_escaped(out, text, false);
	else if (text.n)
		buf_put(out, text.p, text.n);
}

void
readable_line(struct buf *out, struct span line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (is_plain_line(line)) {
		if (line.n)
			buf_put(out, line.p, line.n);
		return;
	}
	put_escaped(out, line, true);
}
