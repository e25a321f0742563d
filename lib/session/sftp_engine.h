/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_engine: the client's end of one SFTP session: bytes in, bytes out. No loop, no connection,
 * nothing waits: the owner feeds what the server sends, sends what sftp_engine_output shows, and
 * is told every answer by a callback. sftp.h does that over a session on a host.
 */
#ifndef SESSION_SFTP_ENGINE_H
#define SESSION_SFTP_ENGINE_H

#include "session/sftp_wire.h"

enum {
	SFTP_PENDING_MAX = 64, /* requests under way */
	SFTP_OUTPUT_MAX = 4 << 20,
};

struct sftp_engine;
struct sftp_call;

/* The answer to a call, once; a is NULL when none will come: the session is over. May send. */
typedef void
sftp_answer_fn(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call);

/* A request under way; offset and length are the caller's own. */
struct sftp_call {
	sftp_answer_fn *fn;
	void *arg;
	uint64_t offset;
	uint32_t length;
};

struct sftp_engine {
	/* There is output: take it with sftp_engine_output, now or later. */
	void (*wake)(void *arg);
	void *arg;
	struct buf in, out;
	struct {
		uint32_t id; /* 0: free */
		struct sftp_call call;
	} pending[SFTP_PENDING_MAX];
	uint32_t next_id;
	unsigned n_pending;
	bool ready; /* the server has greeted */
	bool over;
	struct err why; /* of over */
};

void sftp_engine_init(struct sftp_engine *s, void (*wake)(void *arg), void *arg);
void sftp_engine_done(struct sftp_engine *s); /* tells nobody anything */

/* The session runs: greets. */
void sftp_engine_start(struct sftp_engine *s);
/* Takes all of it; calls back for every answer that is complete. After a malformed one it is over. */
void sftp_engine_input(struct sftp_engine *s, const uint8_t *p, size_t n);
struct span sftp_engine_output(const struct sftp_engine *s);
void sftp_engine_drain(struct sftp_engine *s, size_t n);
/* No answers will come any more; the first reason stays. Those who wait are told. */
void sftp_engine_end(struct sftp_engine *s, const char *why);

/* Sends a request: type, an id, and body. Negative when it is over, body failed, or too many are
 * under way; then the call is not kept. */
int sftp_engine_send(struct sftp_engine *s, enum sftp_type type, const struct buf *body,
    const struct sftp_call *call);

#endif
