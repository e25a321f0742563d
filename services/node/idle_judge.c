/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle_judge: when to say that a terminal is idle, and when to end it; see idle.h.
 */
#include "node/idle.h"

enum { LOOK_MS = 60 * 1000, WARN_MS = 60 * 1000 };

enum idle_act
idle_judge(int64_t limit_ms, int64_t quiet_ms, bool warned, int64_t *ret_wait_ms)
{
	/* Of less than two minutes half is said before. */
	int64_t warn_ms = limit_ms / 2 < WARN_MS ? limit_ms / 2 : WARN_MS,
		left_ms = limit_ms - quiet_ms;

	*ret_wait_ms = LOOK_MS;
	if (limit_ms <= 0)
		return IDLE_WAIT;
	if (left_ms <= 0) {
		/* The limit came late, or the node slept: it is said before all the same. */
		*ret_wait_ms = warn_ms > 0 ? warn_ms : 1;
		return warned ? IDLE_END : IDLE_WARN;
	}
	if (left_ms <= warn_ms) {
		*ret_wait_ms = left_ms;
		return warned ? IDLE_WAIT : IDLE_WARN;
	}
	if (left_ms - warn_ms < LOOK_MS)
		*ret_wait_ms = left_ms - warn_ms;
	return IDLE_WAIT;
}
