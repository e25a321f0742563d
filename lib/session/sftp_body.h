/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_body: one file's content, to or from a host, with many requests under way so that a long path
 * is filled. Over an sftp_engine; pure as that. Used by sftp.c.
 */
#ifndef SESSION_SFTP_BODY_H
#define SESSION_SFTP_BODY_H

#include <sys/types.h>

#include "session/sftp_engine.h"

struct sftp_transfer {
	const char *path; /* on the host */
	uint32_t mode;    /* put: permission bits of a new file */
	uint64_t size;    /* as far as it is known, for how much is asked at once; 0: unknown */
	/* get: bytes of the file, pieces in any order. Negative with e: stop. */
	int (*store)(uint64_t offset, struct span data, struct err *e, void *arg);
	/* put: the next bytes, at most n; 0: that was all; negative with e: stop. */
	ssize_t (*load)(uint8_t *p, size_t n, struct err *e, void *arg);
	/* Bytes that were stored here or acknowledged there. May be NULL. */
	void (*progress)(uint64_t done, void *arg);
	void *arg;
};

struct sftp_body {
	struct sftp_engine *engine;
	const struct sftp_transfer *transfer;
	struct buf handle;
	uint64_t next; /* offset of the next request */
	uint64_t done; /* bytes stored here or acknowledged there */
	unsigned n_pending;
	bool is_put;
	bool at_end; /* no more requests are needed */
	bool failed;
	bool finished; /* nothing of it is under way any more */
	struct err e;
};

/* Begin; both stay in use until b->finished, which the engine's input, or its end, brings about.
 * Then b->failed, with b->e, says how it went. */
void
sftp_body_get(struct sftp_body *b, struct sftp_engine *s, const struct sftp_transfer *transfer);
void
sftp_body_put(struct sftp_body *b, struct sftp_engine *s, const struct sftp_transfer *transfer);
void sftp_body_done(struct sftp_body *b);

#endif
