/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_wire: the packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) that a client writes and
 * reads. Pure. Used by sftp_engine.c and by those who are told its answers.
 *
 * Security: everything a server says comes through sftp_wire_read, which takes an answer whole or
 * not at all.
 */
#ifndef SESSION_SFTP_WIRE_H
#define SESSION_SFTP_WIRE_H

#include "base/err.h"
#include "base/wire.h"

/* Section 3. */
enum sftp_type {
	SFTP_INIT = 1,
	SFTP_VERSION = 2,
	SFTP_OPEN = 3,
	SFTP_CLOSE = 4,
	SFTP_READ = 5,
	SFTP_WRITE = 6,
	SFTP_SETSTAT = 9,
	SFTP_OPENDIR = 11,
	SFTP_READDIR = 12,
	SFTP_MKDIR = 14,
	SFTP_REALPATH = 16,
	SFTP_STAT = 17,
	SFTP_STATUS = 101,
	SFTP_HANDLE = 102,
	SFTP_DATA = 103,
	SFTP_NAME = 104,
	SFTP_ATTRS = 105,
	SFTP_EXTENDED = 200,
};
/* Flags of SFTP_OPEN, section 6.3. */
enum { SFTP_FOR_READ = 1, SFTP_FOR_WRITE = 2, SFTP_CREATE = 8, SFTP_TRUNCATE = 16 };

enum {
	SFTP_OUR_VERSION = 3,
	SFTP_HANDLE_MAX = 256, /* section 6.3 */
	SFTP_NAME_MAX = 256,   /* of one entry of a folder, with its NUL */
	SFTP_PATH_MAX = 4096,
};

/* Section 5. What is not there is false, and its value zero. */
struct sftp_attrs {
	bool has_size, has_mode, has_times;
	uint64_t size;
	uint32_t mode; /* st_mode with type bits */
	uint32_t atime, mtime;
};

/* One answer of a server. Spans point into the packet. */
struct sftp_answer {
	enum sftp_type type;
	uint32_t code;           /* SFTP_STATUS */
	struct span text;        /* SFTP_STATUS: the server's words */
	struct span data;        /* SFTP_HANDLE, SFTP_DATA */
	struct sftp_attrs attrs; /* SFTP_ATTRS */
	struct wire names;       /* SFTP_NAME: for sftp_wire_name, or sftp_wire_path */
	uint32_t n_names;
	bool is_list; /* SFTP_NAME: every name is one of an entry of a folder */
};

/* Reads what follows the request id of an answer. Negative: it is none, or malformed in any part;
 * then *ret means nothing. */
int sftp_wire_read(struct sftp_answer *ret, uint8_t type, struct span body);
/* The next entry of an SFTP_NAME that is a list: never empty, without a slash or NUL. False when there are no more. */
bool sftp_wire_name(struct sftp_answer *a, char name[SFTP_NAME_MAX], struct sftp_attrs *ret);
/* The one path of an SFTP_NAME that answers SFTP_REALPATH (section 6.11). False: it is none. */
bool sftp_wire_path(struct sftp_answer *a, char path[SFTP_PATH_MAX]);
/* For an answer that is a status: 0 done, 1 end of file or folder, negative with the server's words
 * in e. Another answer is negative too. */
int sftp_wire_status(const struct sftp_answer *a, struct err *e);

/* Mode and times, whichever attrs has. */
void sftp_wire_put_attrs(struct buf *b, const struct sftp_attrs *attrs);

#endif
