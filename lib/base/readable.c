/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable: see readable.h.
 */
#include "base/readable.h"

#include <string.h>

#include "base/str.h"

enum { ESCAPE_SIZE = 5 }; /* \xHH and a NUL */

/* U+2028, U+2029, U+202A to U+202E and U+2066 to U+2069: all begin with E2 80 or E2 81. */
static bool
moves_others(const uint8_t *p, size_t n)
{
	if (n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* Bytes of the printable character at p; 0: there is none, and the first byte stands alone. */
static size_t
character(const uint8_t *p, size_t n)
{
	size_t len = str_printable_len(p, n);

	return moves_others(p, len) ? 0 : len;
}

static bool
is_printable(struct span text)
{
	for (size_t i = 0, len; i < text.n; i += len) {
		len = character(text.p + i, text.n - i);
		if (!len)
			return false;
	}
	return true;
}

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
	const bool plain = is_printable(text);
	char escaped[ESCAPE_SIZE];
	size_t used = 0, i = 0;

	if (plain && text.n <= READABLE_MAX)
		return text.n == 0 || buf_put(out, text.p, text.n);
	while (i < text.n) {
		size_t len = character(text.p + i, text.n - i), width = len;
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
