/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen: what the terminal here gets of what was written to another one. Called by player.c; memory only.
 *
 * A recording holds what a program on a node wrote, and whoever wrote that program may have meant the one who plays it:
 * a terminal obeys sequences that set its clipboard, answer questions with typed text, print, or rename it. So nothing
 * is passed on as it came: a state machine (ECMA-48 section 5, with DEC's private ones) reads the stream, and of what it
 * finds only a list is written anew: printable text, movements within the recorded size, erasing, inserting and
 * scrolling, colours, line drawing, the alternate screen, whether the cursor shows and lines wrap. Everything else is
 * left out: strings (OSC, DCS, APC, PM, SOS), questions (DA, DSR, DECRQM, XTWINOPS, ENQ), media copy, modes of keyboard
 * and mouse, titles, bells. C1 control characters and what is no UTF-8 show as U+FFFD; a terminal may obey them.
 *
 * The recorded size is kept to: in a larger terminal lines wrap and scroll where they did; of a smaller one what is
 * beyond the right edge is cut.
 *
 * Security: who begins a string and does not end it would hide all that follows: the end of a line, or
 * SCREEN_STRING_MAX bytes, end it here. Fuzzed: tests/fuzz/screen.c.
 */
#ifndef TSH_SCREEN_H
#define TSH_SCREEN_H

#include <stdbool.h>

#include "base/buf.h"

enum {
	SCREEN_SEQUENCE_MAX = 128, /* bytes of parameters; longer ones are left out */
	SCREEN_STRING_MAX = 64 * 1024,
	SCREEN_SIDE_MAX = 1000, /* rows and columns that anything is believed to have */
	SCREEN_STREAMS = 3,
};

struct screen_size {
	unsigned rows, cols; /* 0: there is no terminal */
};

/* One stream of bytes: what one begins another does not end. */
struct screen_stream {
	uint8_t state;
	char seq[SCREEN_SEQUENCE_MAX]; /* parameters and intermediate bytes so far */
	size_t n_seq;
	size_t length; /* of the sequence or string so far */
	uint8_t utf8[4];
	uint8_t n_utf8;
};

struct screen {
	struct screen_size recorded, here;
	struct screen_stream streams[SCREEN_STREAMS];
	unsigned col,
	    saved_col; /* where the recorded cursor is; recorded.cols: it wraps with the next character */
	char last[5]; /* the last character, for its repetition */
	/* What screen_end takes back. */
	bool coloured, hidden, no_wrap, alternate, origin, insert, charset, region;
};

/* recorded 0x0: without a terminal. here 0x0: a file or pipe gets it. */
void screen_init(struct screen *s, struct screen_size recorded, struct screen_size here);
/* Each appends to out what the terminal gets; the same for the same bytes, however they are cut. */
void screen_begin(struct screen *s, struct buf *out);
void screen_put(struct screen *s, size_t stream, struct span bytes, struct buf *out);
void screen_resize(struct screen *s, struct screen_size recorded, struct buf *out);
/* The terminal as it was before: modes, colours, region, the normal screen. */
void screen_end(struct screen *s, struct buf *out);
/* Empty, for playing from the start. */
void screen_clear(struct screen *s, struct buf *out);

#endif
