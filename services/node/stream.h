/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: the bytes between a session's process and its client, both ways, with the recorder in
 * between.
 */
#ifndef NODE_STREAM_H
#define NODE_STREAM_H

#include "node/channel.h"

void stream_init(struct channel *ch);
/* Takes the descriptors the monitor sent: the terminal's master, or stdin, stdout, stderr.
 * Negative: no memory. */
int stream_open(struct channel *ch, int *fds, size_t n_fds);
void stream_go(struct channel *ch); /* starts reading */
void stream_close_all(struct channel *ch);
/* The process has ended: a terminal's output is over when it is empty now, a pipe's when nobody
 * holds it. */
void stream_exited(struct channel *ch);
/* Everything the process wrote was given to the SSH channel, and no more will come. */
bool stream_is_drained(const struct channel *ch);
void stream_stop_output(struct channel *ch);

size_t stream_input(struct channel *ch, const uint8_t *p, size_t n);
void stream_input_end(struct channel *ch);
void stream_writable(struct channel *ch);

/* channel.c: looks whether the session is over; the channel may be gone afterwards. */
void channel_advance(struct channel *ch);
/* channel.c: ends the session for a reason of ours. */
void channel_fail(struct channel *ch, const char *why);

#endif
