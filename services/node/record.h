/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: the recording of one session, written through to the spool before the client sees the
 * bytes.
 *
 * With a terminal: all output and every resize. Without: the output of a command up to record_limit
 * a stream; what is beyond is counted and hashed, and the end holds both. Subsystems (file
 * transfer): only that they were there.
 */
#ifndef NODE_RECORD_H
#define NODE_RECORD_H

#include "crypto/sha256.h"
#include "node/monitor_proto.h"
#include "node/node.h"
#include "rec/frame.h"

enum record_what { RECORD_TERMINAL, RECORD_COMMAND, RECORD_NO_BODIES };

struct record_stream {
	uint64_t recorded, skipped;
	struct sha256 skipped_hash;
};

struct record {
	struct node *node;
	const char *session; /* UUID; its owner's */
	enum record_what what;
	int64_t last_us;
	struct record_stream streams[2]; /* output, errors */
};

void record_begin(struct record *r, struct node *n, const char *session, enum record_what what);
/* All return negative when nothing could be written: the session must end. type: FRAME_OUT or
 * FRAME_ERR. */
int record_output(struct record *r, enum frame_type type, const void *p, size_t n);
int record_resize(struct record *r, uint32_t cols, uint32_t rows);
int record_marker(struct record *r, const char *text);
/* The gaps and the exit. signal: name or "". */
int record_end(struct record *r, uint32_t status, const char *signal);

#endif
