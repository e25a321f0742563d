/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: the kind of channel that runs a shell, a command or a subsystem. What it is made of:
 *
 *	session_request.c  what a client may ask for
 *	session_start.c    whether it may be, and the monitor's part in it
 *	session_state.c    where it stands
 *	session_end.c      how it ends, to session.end
 *	stream.c           the bytes between process and client
 *	idle.c             a terminal in which nobody types
 *	session.c          its memory, and the channel that it is
 */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "node/channel.h"
#include "node/monitor_proto.h"

struct node;

/* The row of sessions in channel.c. */
extern const struct channel_ops session_ops;

/* What is left of sessions when the worker ends: session.end is written now. */
void session_end_all(struct node *n);
/* The monitor's news: the process of a session has ended. */
void session_exited(struct node *n, const struct mon_exited *exited);

/* Somebody looks at that session now; nothing when it is not here. */
void session_watched(const char *uuid, void *node);
/* A session of that name is here whose end is still its own to write. */
bool session_is_running(const struct node *n, const char *uuid);

#endif
