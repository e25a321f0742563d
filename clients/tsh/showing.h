/* SPDX-License-Identifier: Apache-2.0 */
/*
 * showing: frames of a recording on the terminal here, by way of screen.c. Used by player.c and follow.c; writes to standard
 * output.
 */
#ifndef TSH_SHOWING_H
#define TSH_SHOWING_H

#include "base/buf.h"
#include "rec/frame.h"
#include "tsh/screen.h"

struct showing {
	struct screen screen;
	struct screen_size here; /* of the terminal here; 0x0: there is none */
	struct buf out;          /* for it, not yet written */
};

/* recorded 0x0: without a terminal. */
void showing_begin(struct showing *s, struct screen_size recorded);
void showing_frame(struct showing *s, const struct frame *f);
/* Empty, for showing it from the start. */
void showing_clear(struct showing *s, struct screen_size recorded);
void showing_flush(struct showing *s);
/* The terminal is as it was before. */
void showing_end(struct showing *s);

#endif
