/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder: what a session shows, as frames (rec/frame.h), each handed to a sink before the bytes
 * go on to the client. Used by whoever serves sessions; knows neither who that is nor where the
 * sink writes.
 *
 * With a terminal: all output and every resize. Without: the output of a command up to a limit for
 * each stream; what is beyond is counted and hashed, and the end holds both. Subsystems (file
 * transfer): only that they were there.
 */
#ifndef SESSION_RECORDER_H
#define SESSION_RECORDER_H

#include "crypto/sha256.h"
#include "rec/frame.h"

enum recorder_what { RECORDER_TERMINAL, RECORDER_COMMAND, RECORDER_NO_BODIES };

/* Takes whole frames, in order; the span lives until it returns. 0: they are written down and
 * survive us. Negative: they are not, and what they hold must not reach the client. */
typedef int recorder_sink_fn(const char *session, struct span frames, void *arg);

struct recorder_config {
	const char *session; /* UUID; the caller's, as long as the recorder is used */
	enum recorder_what what;
	uint64_t limit; /* RECORDER_COMMAND: bytes kept of each stream */
	recorder_sink_fn *sink;
	void *arg;
};

struct recorder_stream {
	uint64_t recorded, skipped;
	struct sha256 skipped_hash;
};

/* Holds no memory: nothing is to be freed. */
struct recorder {
	struct recorder_config config;
	int64_t last_us;
	struct recorder_stream streams[2]; /* output, errors */
};

void recorder_begin(struct recorder *r, const struct recorder_config *config);
/* All return negative when the sink did not take it: the session must end. type: FRAME_OUT or
 * FRAME_ERR. */
int recorder_output(struct recorder *r, enum frame_type type, const void *p, size_t n);
int recorder_resize(struct recorder *r, uint32_t cols, uint32_t rows);
int recorder_marker(struct recorder *r, const char *text);
/* The gaps and the exit. signal: name or "". */
int recorder_end(struct recorder *r, uint32_t status, const char *signal);

#endif
