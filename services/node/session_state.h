/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_state: where a session stands, and which way it may go from there. Pure. session_enter()
 * in session.c is the one place that changes a state, by this table.
 */
#ifndef NODE_SESSION_STATE_H
#define NODE_SESSION_STATE_H

#include <stdbool.h>

enum session_state {
	SESSION_OPEN,      /* nothing was asked to run yet */
	SESSION_REFUSED,   /* it was, and why not will be told at the end of the turn */
	SESSION_WAITING,   /* for the proof of the connection */
	SESSION_NOTING,    /* until its start is on the disk */
	SESSION_STARTING,  /* the monitor was asked */
	SESSION_RUNNING,   /* the process is there */
	SESSION_DRAINING,  /* it has ended; what it wrote is still on its way to the client */
	SESSION_LINGERING, /* the client is gone; the process was told, and has a moment to end */
	SESSION_OVER, /* nothing of it happens any more; session.end is written if its start was */
	SESSION_STATES,
};

/* Why one goes from the one to the other; NULL: one does not. For the log. */
const char *session_state_why(enum session_state from, enum session_state to);
const char *session_state_name(enum session_state state);

/* A process of it may be there, or come. */
static inline bool
session_state_has_process(enum session_state state)
{
	return state == SESSION_STARTING || state == SESSION_RUNNING || state == SESSION_LINGERING;
}

/* Its output goes to the client. */
static inline bool
session_state_has_output(enum session_state state)
{
	return state == SESSION_RUNNING || state == SESSION_DRAINING;
}

/* What the client sends is for a process that is not there yet. */
static inline bool
session_state_is_early(enum session_state state)
{
	return state < SESSION_RUNNING;
}

#endif
