/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown: frames as text: both outputs and the input as they came, and what was left out in words. For searching and
 * reading; exact replay is done with the frames.
 *
 * A recording comes in chunks, and each is made text without the others. So that neither a word nor a character nor an
 * escape sequence is torn, what was begun last (the line, or the end of a long one) is not text of the chunk in which
 * it began, but of the next, which brings it along: the record's `before` (docs/PROTOCOL.md "Recording frames"). Who
 * writes a record and who reads it find out by the same bytes how much that is.
 */
#ifndef REC_SHOWN_H
#define REC_SHOWN_H

#include "rec/frame.h"
#include "rec/text.h"

enum {
	SHOWN_STREAMS = 4,
	SHOWN_HOLD_MAX = 1024,
	SHOWN_BEFORE_MAX = SHOWN_STREAMS * (SHOWN_HOLD_MAX + 16)
};

/* What one stream begins another does not end. */
struct shown_stream {
	struct rec_text text;
	uint8_t tail[SHOWN_HOLD_MAX]; /* the last bytes of the line, not made text yet */
	size_t n;
	uint64_t
	    line; /* bytes of it; of a record that began in it those that this one brought along */
};

struct shown {
	bool begun;
	struct shown_stream streams[SHOWN_STREAMS];
};

void shown_init(struct shown *s);
/* Text has REC_TEXT_PART from now on. */
void shown_want_parts(struct shown *s);
/* A record begins that brought this along: frames. out as in shown_add. Only of the first one the bytes are taken: of
 * those that follow it they were there already. */
void shown_record(struct shown *s, struct span before, struct buf *out);
/* Appends what the frame lets be said; nothing for resizes, markers, the exit and unknown ones. out NULL: only what is
 * held back is wanted. */
void shown_add(struct shown *s, const struct frame *f, struct buf *out);
/* Appends what the next record will not bring along. */
void shown_cut(struct shown *s, struct buf *out);
/* Appends everything: nothing comes any more. */
void shown_end(struct shown *s, struct buf *out);
/* What the next record is to bring along: frames, at most SHOWN_BEFORE_MAX bytes. */
void shown_before(const struct shown *s, struct buf *ret);

#endif
