/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: what a terminal showed, as plain text: without escape sequences and control characters, always valid UTF-8.
 * For searching and reading; a redrawn screen shows up again and again. Exact replay is done with the frames.
 */
#ifndef REC_TEXT_H
#define REC_TEXT_H

#include "base/buf.h"
#include "rec/frame.h"

struct rec_text {
	uint8_t state;      /* where in an escape sequence */
	uint8_t pending[4]; /* an unfinished UTF-8 character */
	uint8_t n_pending;
};

void rec_text_init(struct rec_text *t);
/* Appends what bytes show. Any bytes are fine, pieces may be cut anywhere. */
void rec_text_add(struct rec_text *t, struct span bytes, struct buf *out);
/* Appends what an unfinished character becomes. */
void rec_text_end(struct rec_text *t, struct buf *out);

/* A whole recording as text: outputs and input as they came, and what was left out in words. */
enum { REC_SHOWN_STREAMS = 4 };
struct rec_shown {
	/* One for each kind of frame: what one stream begins another does not end. */
	struct rec_text streams[REC_SHOWN_STREAMS];
};

void rec_shown_init(struct rec_shown *s);
/* Appends what the frame adds to the text; nothing for resizes, markers, the exit and unknown ones. */
void rec_shown_add(struct rec_shown *s, const struct frame *f, struct buf *out);
void rec_shown_end(struct rec_shown *s, struct buf *out);

#endif
