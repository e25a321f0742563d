/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_wire: packets and pending requests of the SFTP client; between sftp.c (calls) and sftp_body.c (file bodies).
 */
#ifndef TSH_SFTP_WIRE_H
#define TSH_SFTP_WIRE_H

#include "base/wire.h"
#include "session/remote.h"
#include "tsh/sftp.h"

/* draft-ietf-secsh-filexfer-02 section 3 */
enum {
	FXP_INIT = 1,
	FXP_VERSION = 2,
	FXP_OPEN = 3,
	FXP_CLOSE = 4,
	FXP_READ = 5,
	FXP_WRITE = 6,
	FXP_SETSTAT = 9,
	FXP_OPENDIR = 11,
	FXP_READDIR = 12,
	FXP_MKDIR = 14,
	FXP_STAT = 17,
	FXP_STATUS = 101,
	FXP_HANDLE = 102,
	FXP_DATA = 103,
	FXP_NAME = 104,
	FXP_ATTRS = 105,
};
enum { FX_OK = 0, FX_EOF = 1 };
enum { FXF_READ = 1, FXF_WRITE = 2, FXF_CREAT = 8, FXF_TRUNC = 16 };

enum {
	SFTP_PACKET_MAX = 300 * 1024,
	SFTP_OUT_MAX = 4 << 20,
	SFTP_PENDING = 64,
	SFTP_CHUNK = 32 * 1024
};

/* An answer; the body is what follows the request id. */
typedef void
sftp_answer_fn(struct sftp *s, uint8_t type, struct wire *body, void *arg, uint64_t offset);

struct sftp_pending {
	uint32_t id;
	sftp_answer_fn *fn;
	void *arg;
	uint64_t offset;
	bool used;
};

struct sftp {
	struct loop *loop;
	struct remote *remote;
	struct buf in, out;
	struct sftp_pending pending[SFTP_PENDING];
	uint32_t next_id;
	unsigned n_pending;
	bool started, over, ready;
	struct err why; /* of over */
};

/* Starts a packet of a type with a fresh request id in b; sftp_send completes and queues it. */
uint32_t sftp_begin(struct sftp *s, struct buf *b, uint8_t type);
/* Negative when too many are pending or the session is over. Resets b. */
int sftp_send(struct sftp *s, struct buf *b, uint32_t id, sftp_answer_fn *fn, void *arg,
    uint64_t offset);
/* Turns the loop until *done; negative with e filled when the session ended before. */
int sftp_wait(struct sftp *s, const bool *done, struct err *e);
/* 0 for FX_OK; FX_EOF as 1; otherwise negative with the server's words. */
int sftp_status(struct wire *body, struct err *e);
void sftp_put_attrs(struct buf *b, const struct sftp_attrs *a);
void sftp_get_attrs(struct wire *w, struct sftp_attrs *ret);
/* Opens a file or folder: its handle in ret (a buf of at most 256 bytes). */
int sftp_open_handle(struct sftp *s, uint8_t type, const char *path, uint32_t flags, uint32_t mode,
    struct buf *ret, struct err *e);
int sftp_close_handle(struct sftp *s, const struct buf *handle, struct err *e);

#endif
