/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modes: reads encoded terminal modes (RFC 4254 section 8). What they mean for a terminal of ours is in
 * modes_termios.c, which the engine does without. Called by session.c. Pure.
 */
#include "ssh/modes_priv.h"
#include "ssh/session.h"

bool
modes_next(struct wire *w, uint8_t *op, uint32_t *value)
{
	if (w->left == 0)
		return false;
	*op = wire_u8(w);
	/* RFC 4254 section 8: what is behind an unknown one cannot be read, since its argument's
	 * length is not known either. */
	if (*op == MODES_END || *op >= MODES_UNKNOWN_FROM)
		return false;
	*value = wire_u32(w);
	return !w->bad;
}

bool
ssh_modes_valid(struct span span)
{
	struct wire w = wire_from(span);
	uint32_t value;
	uint8_t op;

	while (modes_next(&w, &op, &value))
		;
	return !w.bad;
}
