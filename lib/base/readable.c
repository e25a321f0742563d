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
