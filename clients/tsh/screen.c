/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen: see screen.h. Bytes become text, control characters and sequences in the second half; what of a sequence is
 * written anew is decided in the first. Nothing but `emit` and `glyph` writes.
 */
#include "tsh/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/out.h"

enum state {
	PLAIN,
	ESCAPE,      /* after ESC */
	ESCAPE_MORE, /* after ESC and intermediate bytes: one final byte to come */
	CONTROL,     /* CSI: parameters, intermediate bytes, a final one */
	STRING,      /* OSC, DCS, SOS, PM, APC, and screen's title */
	STRING_ESCAPE,
};

enum {
	BEL = 0x07,
	SHIFT_OUT = 0x0e,
	SHIFT_IN = 0x0f,
	CAN = 0x18,
	SUB = 0x1a,
	ESC = 0x1b,
	DEL = 0x7f
};
enum { VALUES_MAX = 16 };

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* A CSI sequence as far as it is understood here. */
struct control {
	char prefix; /* '?', '>', '<', '='; 0: none */
	char intermediate;
	unsigned v[VALUES_MAX];
	size_t n;
	bool odd; /* sub-parameters, or more than is understood */
};

static void emit(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
emit(struct buf *out, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof text)
		buf_put(out, text, (size_t)n);
}

/* --- the recorded size, in a terminal of another one ---------------------------------------- */

/* Columns do not end where they did: what depends on it must be said, not left to the terminal. */
static bool
differs(const struct screen *s)
{
	return s->here.cols && s->recorded.cols && s->here.cols != s->recorded.cols;
}

static bool
is_cut(const struct screen *s)
{
	return differs(s) && s->here.cols < s->recorded.cols;
}

static unsigned
at_most(unsigned v, unsigned limit)
{
	return limit && v > limit ? limit : v;
}

/* The cursor's column; the last one while it waits to wrap. */
static unsigned
column(const struct screen *s)
{
	unsigned cols = s->recorded.cols ? s->recorded.cols : SCREEN_SIDE_MAX;

	return s->col < cols ? s->col : cols - 1;
}

/* A movement that needs no knowledge of the terminal's width. */
static void
place(struct screen *s, unsigned col, struct buf *out)
{
	s->col = col;
	s->col = column(s);
	emit(out, "\033[%uG", s->col + 1);
}

/* One printable character. */
static void
glyph(struct screen *s, const char *text, struct buf *out)
{
	unsigned width = (unsigned)cli_width(text), cols = s->recorded.cols;

	(void)str_copy(s->last, sizeof s->last, text);
	if (cols && s->col + width > cols) {
		if (!s->no_wrap) {
			if (differs(s))
				emit(out, "\r\n");
			s->col = 0;
		} else if (differs(s)) {
			place(s, cols > width ? cols - width : 0, out);
		}
	}
	/* Not beyond the edge here. */
	if (!differs(s) || s->col + width <= s->here.cols)
		buf_put(out, text, strlen(text));
	s->col = at_most(s->col + width, cols ? cols : SCREEN_SIDE_MAX);
}

static void
line_feed(const struct screen *s, struct buf *out)
{
	/* No terminal made a line's end of it then, and the one here is raw. */
	emit(out, "%s", s->recorded.cols || !s->here.cols ? "\n" : "\r\n");
}

static unsigned
tab_stop(unsigned col, unsigned n)
{
	return (col / 8 + n) * 8;
}

/* Back and forth within the line. */
static void
step(struct screen *s, uint8_t c, struct buf *out)
{
	unsigned col = column(s);

	col = c == '\t' ? tab_stop(col, 1) : col - (col > 0);
	if (differs(s)) {
		place(s, col, out);
		return;
	}
	s->col = col;
	s->col = column(s);
	emit(out, "%c", c);
}

/* A control character, alone or in the middle of a sequence. */
static void
control_character(struct screen *s, uint8_t c, struct buf *out)
{
	switch (c) {
	case '\r':
		s->col = 0;
		emit(out, "\r");
		break;
	case '\n':
	case '\v':
	case '\f':
		line_feed(s, out);
		break;
	case '\b':
	case '\t':
		step(s, c, out);
		break;
	case SHIFT_OUT:
	case SHIFT_IN:
		s->charset = true;
		emit(out, "%c", c);
		break;
	default:
		break; /* bells, questions (ENQ), flow control */
	}
}

/* --- escape sequences ------------------------------------------------------------------------ */

/* Scrolling and wrapping within the recorded size. */
static void
set_limits(struct screen *s, struct buf *out)
{
	bool tall = s->here.rows && s->recorded.rows && s->here.rows > s->recorded.rows;

	if (tall)
		emit(out, "\0337\033[1;%ur\0338", s->recorded.rows);
	else if (s->region)
		emit(out, "\0337\033[r\0338");
	s->region = tall;
	/* What is beyond the edge must not come back on the next line. */
	if (is_cut(s))
		emit(out, "\033[?7l");
}

/* Modes as they were before. */
static void
soft_reset(struct screen *s, struct buf *out)
{
	if (s->insert)
		emit(out, "\033[4l");
	if (s->origin)
		emit(out, "\033[?6l");
	if (s->no_wrap || is_cut(s))
		emit(out, "\033[?7h");
	if (s->hidden)
		emit(out, "\033[?25h");
	if (s->charset)
		emit(out, "\017\033(B\033)B\033*B\033+B");
	if (s->coloured)
		emit(out, "\033[0m");
	s->insert = s->origin = s->no_wrap = s->hidden = s->charset = s->coloured = false;
	if (s->region)
		emit(out, "\0337\033[r\0338");
	s->region = false;
}

static void
leave_alternate(struct screen *s, struct buf *out)
{
	if (s->alternate)
		emit(out, "\033[?1049l");
	s->alternate = false;
}

void
screen_clear(struct screen *s, struct buf *out)
{
	leave_alternate(s, out);
	soft_reset(s, out);
	emit(out, "\033[H\033[2J");
	s->col = s->saved_col = 0;
	set_limits(s, out);
}

static void
save(struct screen *s, bool restore, struct buf *out)
{
	if (restore)
		s->col = s->saved_col;
	else
		s->saved_col = s->col;
	emit(out, "\033%c", restore ? '8' : '7');
}

/* ESC and one byte. */
static void
escape(struct screen *s, uint8_t c, struct buf *out)
{
	switch (c) {
	case '7':
	case '8':
		save(s, c == '8', out);
		break;
	case 'E':
		s->col = 0;
		emit(out, "\033E");
		break;
	case 'D':
	case 'M':
		emit(out, "\033%c", c);
		break;
	case 'c':
		screen_clear(s, out);
		break;
	default:
		break; /* keypad modes, DECID, locking shifts, tab stops */
	}
}

/* ESC, intermediate bytes, and one more. */
static void
escape_more(struct screen *s, const struct screen_stream *st, uint8_t c, struct buf *out)
{
	if (st->n_seq != 1)
		return;
	if (strchr("()*+", st->seq[0]) && strchr("0AB", c)) {
		s->charset = true;
		emit(out, "\033%c%c", st->seq[0], c);
	} else if (st->seq[0] == '#' && c == '8') {
		emit(out, "\033#8");
	}
}

/* --- control sequences ----------------------------------------------------------------------- */

static struct control
control_of(const struct screen_stream *st)
{
	struct control c = { 0 };
	size_t i = 0;

	if (st->n_seq && strchr("<=>?", st->seq[0]))
		c.prefix = st->seq[i++];
	c.n = i < st->n_seq && strchr("0123456789;:", st->seq[i]) ? 1 : 0;
	for (; i < st->n_seq; i++) {
		char b = st->seq[i];

		if (b == ';' && c.n < VALUES_MAX) {
			c.n++;
		} else if (b >= '0' && b <= '9' && c.n) {
			unsigned v = c.v[c.n - 1] * 10 + (unsigned)(b - '0');

			c.v[c.n - 1] = v > 9999 ? 9999 : v;
		} else if (b >= 0x20 && b <= 0x2f && !c.intermediate) {
			c.intermediate = b;
		} else {
			c.odd = true;
		}
	}
	return c;
}

static unsigned
count_of(const struct control *c, size_t i)
{
	unsigned v = i < c->n ? c->v[i] : 0;

	return at_most(v ? v : 1, SCREEN_SIDE_MAX);
}

/* True: the mode is said to the terminal here. Only those that change what is seen. */
static bool
mode_counts(struct screen *s, unsigned which, bool on)
{
	switch (which) {
	case 6:
		s->origin = on;
		s->col = 0;
		return true;
	case 7:
		s->no_wrap = !on;
		/* Lines are cut or wrapped here for the terminal. */
		return !differs(s);
	case 25:
		s->hidden = !on;
		return true;
	case 47:
	case 1047:
	case 1049:
		s->alternate = on;
		return true;
	case 1048:
		if (on)
			s->saved_col = s->col;
		else
			s->col = s->saved_col;
		return true;
	default:
		return false; /* keyboard, mouse, focus, pasting, widths */
	}
}

/* DECSET and DECRST. */
static void
private_control(struct screen *s, const struct control *c, char final, struct buf *out)
{
	if (c->prefix != '?' || c->intermediate || c->odd || (final != 'h' && final != 'l'))
		return;
	for (size_t i = 0; i < c->n; i++) {
		bool before = s->alternate;

		if (mode_counts(s, c->v[i], final == 'h'))
			emit(out, "\033[?%u%c", c->v[i], final);
		/* Margins are one for both screens, or one for each, as the terminal likes. */
		if (before != s->alternate && s->here.rows)
			set_limits(s, out);
	}
}

/* Colours pass as they are: digits and separators alone, and nothing but looks comes of them. */
static void
colours(struct screen *s, const struct screen_stream *st, struct buf *out)
{
	for (size_t i = 0; i < st->n_seq; i++)
		if (!strchr("0123456789;:", st->seq[i]))
			return;
	s->coloured = true;
	emit(out, "\033[");
	buf_put(out, st->seq, st->n_seq);
	emit(out, "m");
}

static void
set_region(struct screen *s, const struct control *c, struct buf *out)
{
	unsigned rows = s->recorded.rows, top = count_of(c, 0);
	unsigned bottom = c->n > 1 && c->v[1] ? at_most(c->v[1], SCREEN_SIDE_MAX) : rows;

	bottom = at_most(bottom, rows);
	if (!bottom) {
		emit(out, "\033[r");
	} else if (top < bottom) {
		s->region = true;
		emit(out, "\033[%u;%ur", top, bottom);
	}
	s->col = 0;
}

static void
repeat(struct screen *s, unsigned n, struct buf *out)
{
	char text[sizeof s->last];

	/* No more than a line: what a few bytes make of themselves has a bound. */
	n = at_most(n, s->recorded.cols ? s->recorded.cols : 80);
	memcpy(text, s->last, sizeof text);
	while (text[0] && n--)
		glyph(s, text, out);
}

static unsigned
column_after(const struct screen *s, char final, unsigned n)
{
	unsigned col = column(s), stops = (col + 7) / 8;

	switch (final) {
	case 'C':
	case 'a':
		return col + n;
	case 'D':
		return n < col ? col - n : 0;
	case 'I':
		return tab_stop(col, n);
	case 'Z':
		return stops > n ? (stops - n) * 8 : 0;
	default:
		return n - 1;
	}
}

static void
move_column(struct screen *s, char final, unsigned n, struct buf *out)
{
	unsigned col = column_after(s, final, n);

	if (differs(s)) {
		place(s, col, out);
		return;
	}
	/* In a terminal of that size as it was meant: it may count the columns of a character otherwise. */
	s->col = col;
	s->col = column(s);
	emit(out, "\033[%u%c", final == 'G' || final == '`' ? at_most(n, s->recorded.cols) : n,
	    final);
}

static void
move_row(struct screen *s, char final, unsigned n, struct buf *out)
{
	if (final == 'E' || final == 'F')
		s->col = 0;
	emit(out, "\033[%u%c", final == 'd' ? at_most(n, s->recorded.rows) : n, final);
}

static void
move_to(struct screen *s, const struct control *c, struct buf *out)
{
	unsigned row = at_most(count_of(c, 0), s->recorded.rows);
	unsigned col = at_most(count_of(c, 1), s->recorded.cols);

	s->col = col - 1;
	emit(out, "\033[%u;%uH", row, col);
}

/* Insert mode; saving and restoring the cursor; erasing, but not what scrolled away (J 3). */
static void
other_control(struct screen *s, const struct control *c, char final, struct buf *out)
{
	switch (final) {
	case 'h':
	case 'l':
		if (c->n != 1 || c->v[0] != 4)
			break;
		s->insert = final == 'h';
		emit(out, "\033[4%c", final);
		break;
	case 's':
	case 'u':
		if (c->n == 0)
			save(s, final == 'u', out);
		break;
	case 'J':
	case 'K':
		if (c->n <= 1 && c->v[0] == 0)
			emit(out, "\033[%c", final);
		else if (c->n <= 1 && c->v[0] <= 2)
			emit(out, "\033[%u%c", c->v[0], final);
		break;
	default:
		break; /* DA, DSR, XTWINOPS, media copy, tab stops, LEDs */
	}
}

static void
plain_control(struct screen *s, const struct control *c, char final, struct buf *out)
{
	unsigned n = count_of(c, 0);

	if (strchr("CaDIZG`", final)) {
		move_column(s, final, n, out);
	} else if (strchr("ABeEFd", final)) {
		move_row(s, final, n, out);
	} else if (final == 'H' || final == 'f') {
		move_to(s, c, out);
	} else if (strchr("@LMPSTX", final)) {
		/* With more than one number T starts tracking of the mouse. */
		if (c->n <= 1)
			emit(out, "\033[%u%c", n, final);
	} else if (final == 'b') {
		repeat(s, n, out);
	} else if (final == 'r') {
		set_region(s, c, out);
	} else {
		other_control(s, c, final, out);
	}
}

static void
control(struct screen *s, const struct screen_stream *st, char final, struct buf *out)
{
	const struct control c = control_of(st);

	if (c.prefix) {
		private_control(s, &c, final, out);
	} else if (c.intermediate == '!' && final == 'p') {
		soft_reset(s, out);
		set_limits(s, out);
	} else if (final == 'm' && !c.intermediate) {
		colours(s, st, out);
	} else if (!c.odd && !c.intermediate) {
		plain_control(s, &c, final, out);
	}
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void
no_character(struct screen *s, struct screen_stream *st, struct buf *out)
{
	st->n_utf8 = 0;
	glyph(s, replacement, out);
}

/* C1 control characters are none that can be printed, either. */
static void
text_byte(struct screen *s, struct screen_stream *st, uint8_t c, struct buf *out)
{
	char text[5] = { 0 };

	if (st->n_utf8 && (c & 0xc0) != 0x80)
		no_character(s, st, out);
	if (!st->n_utf8 && !str_utf8_need(c)) {
		no_character(s, st, out);
		return;
	}
	st->utf8[st->n_utf8++] = c;
	if (st->n_utf8 < str_utf8_need(st->utf8[0]))
		return;
	if (str_printable_len(st->utf8, st->n_utf8) != st->n_utf8) {
		no_character(s, st, out);
		return;
	}
	memcpy(text, st->utf8, st->n_utf8);
	st->n_utf8 = 0;
	glyph(s, text, out);
}

static void
begin(struct screen_stream *st, enum state state)
{
	st->state = (uint8_t)state;
	st->n_seq = 0;
	st->length = 0;
}

static void
after_escape(struct screen *s, struct screen_stream *st, uint8_t c, struct buf *out)
{
	if (c == '[') {
		begin(st, CONTROL);
	} else if (strchr("]PX^_k", c)) {
		begin(st, STRING);
	} else if (c >= 0x20 && c <= 0x2f) {
		begin(st, ESCAPE_MORE);
		st->seq[st->n_seq++] = (char)c;
	} else {
		st->state = PLAIN;
		escape(s, c, out);
	}
}

/* A byte of a sequence, from 0x20 to 0x7e. */
static void
sequence_byte(struct screen *s, struct screen_stream *st, uint8_t c, struct buf *out)
{
	bool final = st->state == CONTROL ? c >= 0x40 : c >= 0x30;

	if (st->state == ESCAPE) {
		after_escape(s, st, c, out);
	} else if (!final) {
		if (st->n_seq < sizeof st->seq)
			st->seq[st->n_seq++] = (char)c;
		/* Nobody means a sequence that long. */
		if (++st->length > SCREEN_STRING_MAX)
			st->state = PLAIN;
	} else {
		enum state was = st->state;

		st->state = PLAIN;
		if (was == ESCAPE_MORE)
			escape_more(s, st, c, out);
		else if (st->length <= sizeof st->seq)
			control(s, st, (char)c, out);
	}
}

static void
string_byte(struct screen_stream *st, uint8_t c)
{
	if (c == BEL || ++st->length > SCREEN_STRING_MAX)
		st->state = PLAIN;
	else if (c == ESC)
		st->state = STRING_ESCAPE;
}

static void
byte(struct screen *s, struct screen_stream *st, uint8_t c, struct buf *out)
{
	if (st->n_utf8 && c < 0x80)
		no_character(s, st, out);
	/* Whatever is open ends there, or it would hide what follows. */
	if (c == '\n' || c == CAN || c == SUB)
		st->state = PLAIN;
	if (st->state == STRING) {
		string_byte(st, c);
		return;
	}
	if (st->state == STRING_ESCAPE) {
		begin(st, c == '\\' ? PLAIN : ESCAPE);
		if (c == '\\')
			return;
	}
	if (c == ESC) {
		begin(st, ESCAPE);
	} else if (c < 0x20) {
		control_character(s, c, out);
	} else if (c == DEL) {
		return;
	} else if (c >= 0x80 || st->state == PLAIN) {
		st->state = PLAIN;
		text_byte(s, st, c, out);
	} else {
		sequence_byte(s, st, c, out);
	}
}

/* --- the whole ------------------------------------------------------------------------------- */

static struct screen_size
bounded(struct screen_size size)
{
	return (struct screen_size){ at_most(size.rows, SCREEN_SIDE_MAX),
		at_most(size.cols, SCREEN_SIDE_MAX) };
}

void
screen_init(struct screen *s, struct screen_size recorded, struct screen_size here)
{
	*s = (struct screen){ .recorded = bounded(recorded), .here = bounded(here) };
}

void
screen_begin(struct screen *s, struct buf *out)
{
	if (!s->here.rows || !s->recorded.rows)
		return;
	/* Where the cursor was then is not known; in a corner of its own it is. */
	if (s->here.rows != s->recorded.rows || s->here.cols != s->recorded.cols)
		screen_clear(s, out);
}

void
screen_put(struct screen *s, size_t stream, struct span bytes, struct buf *out)
{
	struct screen_stream *st = &s->streams[stream < SCREEN_STREAMS ? stream : 0];

	for (size_t i = 0; i < bytes.n; i++)
		byte(s, st, bytes.p[i], out);
}

void
screen_resize(struct screen *s, struct screen_size recorded, struct buf *out)
{
	bool was_cut = is_cut(s);

	s->recorded = bounded(recorded);
	if (was_cut && !is_cut(s))
		emit(out, "\033[?7h");
	if (s->here.rows)
		set_limits(s, out);
}

void
screen_end(struct screen *s, struct buf *out)
{
	for (size_t i = 0; i < SCREEN_STREAMS; i++)
		if (s->streams[i].n_utf8)
			no_character(s, &s->streams[i], out);
	leave_alternate(s, out);
	soft_reset(s, out);
}
