/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: the control functions of ECMA-48 are left out, the rest is kept; see text.h. Memory only.
 *
 * Security: it is for finding things. Who begins a sequence and does not end it would hide all that follows, so that a
 * line's end ends every sequence here.
 */
#include "rec/text.h"

#include <string.h>

#include "base/str.h"

enum state {
	TEXT_PLAIN,
	TEXT_ESC,      /* after ESC */
	TEXT_ESC_MORE, /* after ESC and intermediate bytes: one final byte to come */
	TEXT_CSI,      /* until a final byte */
	TEXT_STRING,   /* OSC, DCS, SOS, PM, APC: until BEL or ST */
	TEXT_STRING_ESC,
};

enum { ESC = 0x1b, BEL = 0x07, CAN = 0x18, SUB = 0x1a };

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

void
rec_text_init(struct rec_text *t)
{
	*t = (struct rec_text){ .state = TEXT_PLAIN };
}

/* The second byte decides about overlong forms, surrogates and what is beyond U+10FFFF (RFC 3629 section 4). */
static bool
second_fits(uint8_t first, uint8_t c)
{
	switch (first) {
	case 0xe0:
		return c >= 0xa0 && c <= 0xbf;
	case 0xed:
		return c >= 0x80 && c <= 0x9f;
	case 0xf0:
		return c >= 0x90 && c <= 0xbf;
	case 0xf4:
		return c >= 0x80 && c <= 0x8f;
	default:
		return c >= 0x80 && c <= 0xbf;
	}
}

static void
put(struct rec_text *t, const void *p, size_t n, struct buf *out)
{
	static const char part = REC_TEXT_PART;

	/* Behind CR in its place is LF. */
	if (t->moved && *(const char *)p != '\n')
		buf_put(out, &part, 1);
	t->moved = false;
	buf_put(out, p, n);
	t->malformed = false;
}

/* Once for a run: three bytes for each that is none would make twice as much of what says nothing. */
static void
put_malformed(struct rec_text *t, struct buf *out)
{
	if (!t->malformed)
		buf_put(out, replacement, 3);
	t->malformed = true;
}

void
rec_text_end(struct rec_text *t, struct buf *out)
{
	if (t->n_pending)
		put_malformed(t, out);
	t->n_pending = 0;
}

/* What the character after ESC begins; the C1 characters are the same with 0x40 added. */
static enum state
introduced(uint8_t c)
{
	if (c == '[')
		return TEXT_CSI;
	return c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_' ? TEXT_STRING : TEXT_PLAIN;
}

static enum state
after_esc(uint8_t c)
{
	return c >= 0x20 && c <= 0x2f ? TEXT_ESC_MORE : introduced(c);
}

/* Of control characters and of sequences of ECMA-48 (and what xterm adds) those that move the cursor. */
static bool
moves(enum state state, uint8_t c)
{
	/* Also in the middle of a sequence. */
	if (c == '\r' || c == '\b' || c == '\v' || c == '\f')
		return state != TEXT_STRING && state != TEXT_STRING_ESC;
	if (state == TEXT_CSI)
		return (c >= 'A' && c <= 'I') || (c && strchr("Z`adefju", c));
	if (state == TEXT_ESC)
		return c && strchr("78DEMc", c);
	return false;
}

static void
put_first(struct rec_text *t, uint8_t c, struct buf *out)
{
	switch (str_utf8_need(c)) {
	case 0:
		put_malformed(t, out);
		break;
	case 1:
		if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t')
			put(t, &c, 1, out);
		break;
	default:
		t->pending[0] = c;
		t->n_pending = 1;
	}
}

static void
put_byte(struct rec_text *t, uint8_t c, struct buf *out)
{
	bool fits;

	if (!t->n_pending) {
		put_first(t, c, out);
		return;
	}
	fits = t->n_pending == 1 ? second_fits(t->pending[0], c) : (c & 0xc0) == 0x80;
	if (!fits) {
		rec_text_end(t, out);
		put_first(t, c, out);
		return;
	}
	t->pending[t->n_pending++] = c;
	if (t->n_pending < str_utf8_need(t->pending[0]))
		return;
	/* C1 controls, U+0080 to U+009F, are no text either, and some begin what ESC and a letter do. */
	if (t->pending[0] != 0xc2 || t->pending[1] >= 0xa0)
		put(t, t->pending, t->n_pending, out);
	else {
		t->state = (uint8_t)introduced(t->pending[1] - 0x40);
		t->moved |= t->parts && moves(TEXT_ESC, t->pending[1] - 0x40);
	}
	t->n_pending = 0;
}

/* One byte inside a sequence. */
static enum state
step(enum state state, uint8_t c)
{
	/* Also in the middle of a sequence: terminals begin anew there (ECMA-48 and every emulator since the
	 * VT100), and what one of them shows is what must be found. */
	if (c == ESC)
		return state == TEXT_STRING ? TEXT_STRING_ESC : TEXT_ESC;
	if (c == CAN || c == SUB || c == '\n')
		return TEXT_PLAIN;
	switch (state) {
	case TEXT_ESC:
		return after_esc(c);
	case TEXT_ESC_MORE:
		return c >= 0x20 && c <= 0x2f ? TEXT_ESC_MORE : TEXT_PLAIN;
	case TEXT_CSI:
		return c >= 0x40 && c <= 0x7e ? TEXT_PLAIN : TEXT_CSI;
	case TEXT_STRING:
		return c == BEL ? TEXT_PLAIN : TEXT_STRING;
	case TEXT_STRING_ESC:
		return c == '\\' ? TEXT_PLAIN : after_esc(c);
	default:
		return TEXT_PLAIN;
	}
}

/* A run of what most output is made of, copied at once. */
static size_t
plain_run(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && ((p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n'))
		i++;
	return i;
}

/* NULs say nothing, and binary output has them by the million. */
static size_t
nul_run(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] == '\0')
		i++;
	return i;
}

void
rec_text_add(struct rec_text *t, struct span bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t c = bytes.p[i];

		if (t->parts && moves((enum state)t->state, c))
			t->moved = true;
		if (t->state != TEXT_PLAIN) {
			t->state = (uint8_t)step((enum state)t->state, c);
			if (c == '\n')
				put(t, &c, 1, out);
		} else if (c == ESC) {
			rec_text_end(t, out);
			t->state = TEXT_ESC;
		} else if (!t->n_pending) {
			size_t n = plain_run(bytes.p + i, bytes.n - i);

			if (n)
				put(t, bytes.p + i, n, out);
			else if ((n = nul_run(bytes.p + i, bytes.n - i)) == 0)
				put_byte(t, c, out);
			i += n ? n - 1 : 0;
		} else {
			put_byte(t, c, out);
		}
	}
}
