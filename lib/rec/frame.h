/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: the frames a recording is made of (docs/PROTOCOL.md "Recording frames").
 *
 *	u8 type | uvarint dt_us | uvarint len | len bytes
 *
 * dt_us is the time since the previous frame of the session. Exact bytes, never text: terminals send what they like.
 */
#ifndef REC_FRAME_H
#define REC_FRAME_H

#include "base/buf.h"

enum frame_type {
	FRAME_OUT = 1,    /* terminal output, or standard output of a command without a terminal */
	FRAME_ERR = 2,    /* standard error of a command without a terminal */
	FRAME_IN = 3,     /* standard input of a command without a terminal */
	FRAME_RESIZE = 4, /* u16 columns, u16 rows, big-endian */
	FRAME_MARKER = 5, /* text for people */
	FRAME_EXIT = 7,   /* u32 exit status, then signal name or nothing */
	FRAME_GAP =
	    10, /* u64 bytes that were not recorded, u8 frame type they had, 32 bytes SHA-256 of them */
	FRAME_IN_TEXT =
	    11, /* text found in input of which only a gap is recorded; before that gap */
};

enum { FRAME_DATA_MAX = 65536 };

struct frame {
	uint8_t type;
	uint64_t dt_us;
	struct span data;
};

/* Appends one frame; data at most FRAME_DATA_MAX. */
void frame_put(struct buf *b, uint8_t type, uint64_t dt_us, struct span data);
/* Takes the next frame off *in. 1: a frame; 0: the input is empty; negative: malformed. Unknown types are returned
 * as they are (readers skip them). */
int frame_next(struct span *in, struct frame *ret);

#endif
