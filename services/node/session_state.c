/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_state: see session_state.h.
 *
 *	OPEN --> WAITING --> NOTING --> STARTING --> RUNNING --> DRAINING --> OVER
 *	  |         |          |           |            |                      ^
 *	  +------> REFUSED <---+-----------+-------> LINGERING ----------------+
 *
 * An OPEN session that the client closes is freed without ever having been anything.
 */
#include "node/session_state.h"

#include <stddef.h>

static const struct arrow {
	enum session_state from, to;
	const char *why;
} arrows[] = {
	{ SESSION_OPEN, SESSION_WAITING, "something was asked to run" },
	{ SESSION_OPEN, SESSION_REFUSED, "what was asked for may not be" },
	{ SESSION_WAITING, SESSION_NOTING, "the user is proven" },
	{ SESSION_WAITING, SESSION_REFUSED, "it may no longer be" },
	{ SESSION_WAITING, SESSION_OVER, "the worker ends" },
	{ SESSION_NOTING, SESSION_STARTING, "its start is on the disk" },
	{ SESSION_NOTING, SESSION_REFUSED, "it may no longer be, or cannot be recorded" },
	{ SESSION_NOTING, SESSION_OVER, "the client is gone, or the worker ends" },
	{ SESSION_REFUSED, SESSION_OVER, "the client was told" },
	{ SESSION_STARTING, SESSION_RUNNING, "the process is there" },
	{ SESSION_STARTING, SESSION_OVER, "the monitor refused, or the worker ends" },
	{ SESSION_RUNNING, SESSION_DRAINING, "the process has ended" },
	{ SESSION_RUNNING, SESSION_LINGERING, "the client is gone" },
	{ SESSION_RUNNING, SESSION_OVER, "the worker ends" },
	{ SESSION_DRAINING, SESSION_OVER, "everything was sent, or the client is gone or took too long" },
	{ SESSION_LINGERING, SESSION_OVER, "the process has ended, or did not in its time" },
};

const char *
session_state_why(enum session_state from, enum session_state to)
{
	for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
		if (arrows[i].from == from && arrows[i].to == to)
			return arrows[i].why;
	return NULL;
}

const char *
session_state_name(enum session_state state)
{
	static const char *const names[SESSION_STATES] = { "open", "refused", "waiting", "noting",
		"starting", "running", "draining", "lingering", "over" };

	return state < SESSION_STATES ? names[state] : "?";
}
