/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_pipe: one file from one SFTP session to another, streaming: what is read there is written here, and read on only as
 * it was written, so that never more than SFTP_PENDING_MAX chunks are on their way. No loop: everything comes from the two
 * engines' answers. sftp.h has a call that waits.
 */
#ifndef SESSION_SFTP_PIPE_H
#define SESSION_SFTP_PIPE_H

#include "session/sftp_body.h"

struct sftp_pipe {
	struct sftp_pipe_end {
		struct sftp_pipe *pipe;
		struct sftp_engine *engine;
		struct buf handle;
		bool is_source;
	} from, to;
	const struct sftp_transfer *transfer;
	const char *target;
	bool opened;        /* both ends */
	uint64_t next;      /* offset of the next read */
	uint64_t done;      /* bytes acknowledged by the target */
	unsigned n_pending; /* requests whose answer is due, at either end */
	bool at_end;        /* no more reads are needed */
	bool closing;
	bool failed;
	bool finished;
	struct err e;
};

/* Begins; p, both engines and the transfer stay in use until p->finished. Then p->failed, with p->e, says how it went. */
void sftp_pipe_start(struct sftp_pipe *p, struct sftp_engine *from, struct sftp_engine *to,
    const struct sftp_transfer *transfer, const char *target);
void sftp_pipe_done(struct sftp_pipe *p);

#endif
