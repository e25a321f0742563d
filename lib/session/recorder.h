/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder: what a session shows, as frames (rec/frame.h), each handed to a sink before the bytes
 * go on to the client or, of its input, to the process. Used by whoever serves sessions; knows
 * neither who that is nor where the sink writes.
 *
 * With a terminal: all output and every resize; what is typed comes back as echo, and who has it
 * turned off is told of by a marker of whoever sees the terminal. Without: both
 * outputs and, since nothing echoes it, the input. A limit for the outputs is met by leaving out the
 * middle; of binary input (recorder_input.c) only hash and count are kept. Of a transfer whose
 * protocol was parsed: its errors only, the rest being somebody else's events.
 *
 * Security: what is kept depends on the configuration alone, and for input on whether it could be
 * text to somebody; who chooses the bytes cannot choose that they vanish.
 */
#ifndef SESSION_RECORDER_H
#define SESSION_RECORDER_H

#include "crypto/sha256.h"
#include "rec/frame.h"

enum recorder_what { RECORDER_TERMINAL, RECORDER_COMMAND, RECORDER_TRANSFER };

/* Takes whole frames, in order; the span lives until it returns. 0: they are written down and
 * survive us. Negative: they are not, and what they hold must not reach anybody. */
typedef int recorder_sink_fn(const char *session, struct span frames, void *arg);

struct recorder_config {
	const char *session; /* UUID; the caller's, as long as the recorder is used */
	enum recorder_what what;
	uint64_t limit;  /* RECORDER_COMMAND: bytes kept of each output; 0: all */
	bool omit_input; /* RECORDER_COMMAND */
	recorder_sink_fn *sink;
	void *arg;
};

/* The end of an output over the limit, as far as it is known: a ring. */
struct recorder_tail {
	uint8_t *ring; /* NULL: the limit was not reached */
	size_t size, start, n;
};

/* Bytes that were left out, in a row. */
struct recorder_gap {
	uint64_t n;
	struct sha256 hash;
};

struct recorder_stream {
	uint64_t recorded;
	struct recorder_gap gap;
	struct recorder_tail tail;
};

struct recorder_input {
	struct recorder_gap gap;
	size_t unjudged; /* bytes left out since the last stretch that was long enough to judge */
	uint8_t run[4];  /* text at the end of what was left out, too short to be shown yet */
	unsigned n_run;
	bool shown; /* it is longer, and its beginning was shown */
};

struct recorder {
	struct recorder_config config;
	int64_t last_us;
	bool sized; /* a size was recorded: */
	uint32_t cols, rows;
	struct recorder_stream streams[2]; /* output, errors */
	struct recorder_input input;
};

void recorder_begin(struct recorder *r, const struct recorder_config *config);
/* Frees the tails. Also of one that was zeroed and never begun. */
void recorder_done(struct recorder *r);
/* All return negative when the sink did not take it: the session must end. type: FRAME_OUT or
 * FRAME_ERR. */
int recorder_output(struct recorder *r, enum frame_type type, const void *p, size_t n);
/* Before the process gets it. Any pieces; nothing with a terminal. */
int recorder_input(struct recorder *r, const uint8_t *p, size_t n);
int recorder_resize(struct recorder *r, uint32_t cols, uint32_t rows);
int recorder_marker(struct recorder *r, const char *text);
/* The gaps, the tails and the exit. signal: name or "". */
int recorder_end(struct recorder *r, uint32_t status, const char *signal);

#endif
