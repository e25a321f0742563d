/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: the bytes between a session's process and its client, both ways, with the recorder in
 * between. Part of the session: only its own files call it.
 */
#ifndef NODE_STREAM_H
#define NODE_STREAM_H

#include "base/buf.h"
#include "event/loop.h"
#include "rec/frame.h"

struct session;

/* Bytes from the process that are on their way to the client. */
struct stream {
	struct session *session;
	struct watch watch;
	int fd; /* -1: closed */
	uint32_t ext;
	enum frame_type frame;
	bool wide;       /* the pipe was made wider */
	struct buf rest; /* recorded, but not yet taken by the SSH channel */
};

void stream_init(struct session *s);
/* Takes the descriptors the monitor sent: the terminal's master, or stdin, stdout, stderr.
 * Negative: no memory. */
int stream_open(struct session *s, int *fds, size_t n_fds);
void stream_go(struct session *s); /* starts reading */
/* False: nothing of the session is to be recorded now. It waits, and hears of it by stream_on_room. */
bool stream_may_record(struct session *s);
/* The client is gone: what a terminal still holds is recorded, then all is closed. */
void stream_hang_up(struct session *s);
void stream_close_all(struct session *s);
/* The process has ended: a terminal's output is over when it is empty now, a pipe's when nobody
 * holds it. */
void stream_exited(struct session *s);
/* Everything the process wrote was given to the SSH channel, and no more will come. */
bool stream_is_drained(const struct session *s);
/* Nobody reads the standard output any more: the process finds it closed. A terminal is hung up. */
void stream_stop_output(struct session *s);

/* The same of all output, also of a process that is still to come. */
void stream_no_reader(struct session *s);

size_t stream_input(struct session *s, const uint8_t *p, size_t n);
void stream_input_end(struct session *s);
void stream_writable(struct session *s);
void stream_on_room(void *arg); /* of the session's timer */

#endif
