/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modes_priv: what modes.c and modes_termios.c share.
 */
#ifndef SSH_MODES_PRIV_H
#define SSH_MODES_PRIV_H

#include "base/wire.h"

/* Operations that are not in a termios's flags (RFC 4254 section 8). */
enum {
	MODES_END = 0,
	MODES_ISPEED = 128,
	MODES_OSPEED = 129,
	MODES_UNKNOWN_FROM = 160, /* arguments are not known to be a uint32: parsing stops */
};

/* The next mode; false at the end (or at one whose shape nobody knows). */
bool modes_next(struct wire *w, uint8_t *op, uint32_t *value);

#endif
