/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player: shows the frames of a recording in the terminal, in their own time. What the terminal gets goes through
 * screen.h, so that a recording cannot steer it.
 */
#ifndef TSH_PLAYER_H
#define TSH_PLAYER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct player_config {
	double speed;        /* 1: as it was */
	bool skip_idle;      /* pauses are cut to half a second */
	unsigned rows, cols; /* of the terminal at first; 0: there was none */
};

/* Space pauses, left and right skip 10 s, q and ctrl-c end. Without a terminal on standard input it just plays.
 * Negative when the recording is malformed. */
int player_run(struct span frames, const struct player_config *config, struct err *e);

#endif
