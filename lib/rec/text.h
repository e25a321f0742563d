/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: what a terminal showed, as plain text: without escape sequences and control characters, always valid UTF-8.
 * Bytes that are no characters become one U+FFFD, however many follow one another: they are not worth more than themselves.
 * For searching and reading; a redrawn screen shows up again and again. Exact replay is done with the frames.
 */
#ifndef REC_TEXT_H
#define REC_TEXT_H

#include "base/buf.h"

/* Where the cursor went somewhere else between two characters (`parts`): what stands side by side in the text did not on the
 * screen. No text has this character. */
#define REC_TEXT_PART '\1'

struct rec_text {
	uint8_t state;      /* where in an escape sequence */
	uint8_t pending[4]; /* an unfinished UTF-8 character */
	uint8_t n_pending;
	bool parts;     /* REC_TEXT_PART is wanted */
	bool moved;     /* one is due before the next character */
	bool malformed; /* the last character of the text stands for bytes that are none */
};

void rec_text_init(struct rec_text *t);
/* Appends what bytes show. Any bytes are fine, pieces may be cut anywhere. */
void rec_text_add(struct rec_text *t, struct span bytes, struct buf *out);
/* Appends what an unfinished character becomes. */
void rec_text_end(struct rec_text *t, struct buf *out);

#endif
