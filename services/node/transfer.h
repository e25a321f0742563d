/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: a session whose protocol is read along instead of recorded: its observer (session/
 * file_observer.h), and the events that its reports become. Called by the session's files.
 *
 * Everything here is harmless for a session that is no transfer.
 */
#ifndef NODE_TRANSFER_H
#define NODE_TRANSFER_H

#include "base/buf.h"

struct session;

/* Before the first byte. Negative: out of memory. */
int transfer_open(struct session *s);
/* What a command that is not read along says that it will touch, after session.start. Negative: the log is full, or no
 * memory. */
int transfer_note(struct session *s);
/* What is open is reported; before session.end. */
void transfer_end(struct session *s);
void transfer_free(struct session *s);

#endif
