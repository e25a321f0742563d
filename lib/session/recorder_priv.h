/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder_priv: what recorder.c and recorder_input.c share.
 */
#ifndef SESSION_RECORDER_PRIV_H
#define SESSION_RECORDER_PRIV_H

#include "session/recorder.h"

/* One frame to the sink. Negative: not taken. */
int recorder_put(struct recorder *r, enum frame_type type, struct span data);
/* Data of any length, in frames. */
int recorder_put_long(struct recorder *r, enum frame_type type, const uint8_t *p, size_t n);

void recorder_gap_add(struct recorder_gap *gap, const uint8_t *p, size_t n);
/* The gap as a frame, when there is one; of is the type that its bytes would have had. */
int recorder_gap_put(struct recorder *r, struct recorder_gap *gap, enum frame_type of);

/* What was left out of the input last. */
int recorder_input_end(struct recorder *r);

#endif
