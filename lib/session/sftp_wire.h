/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_wire: the packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): those that a client writes
 * and reads, and those of a client that a server, or who reads along, reads. Pure. Used by
 * sftp_engine.c, by those who are told its answers, and by sftp_observer.c.
 *
 * Security: everything a server says comes through sftp_wire_read, and everything a client says
 * through sftp_wire_read_request; both take a packet whole or not at all.
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
	SFTP_LSTAT = 7,
	SFTP_FSTAT = 8,
	SFTP_SETSTAT = 9,
	SFTP_FSETSTAT = 10,
	SFTP_OPENDIR = 11,
	SFTP_READDIR = 12,
	SFTP_REMOVE = 13,
	SFTP_MKDIR = 14,
	SFTP_RMDIR = 15,
	SFTP_REALPATH = 16,
	SFTP_STAT = 17,
	SFTP_RENAME = 18,
	SFTP_READLINK = 19,
	SFTP_SYMLINK = 20,
	SFTP_EXTENDED = 200,
	SFTP_STATUS = 101,
	SFTP_HANDLE = 102,
	SFTP_DATA = 103,
	SFTP_NAME = 104,
	SFTP_ATTRS = 105,
	SFTP_EXTENDED_REPLY = 201,
};
/* Flags of SFTP_OPEN, section 6.3. */
enum {
	SFTP_FOR_READ = 1,
	SFTP_FOR_WRITE = 2,
	SFTP_APPEND = 4,
	SFTP_CREATE = 8,
	SFTP_TRUNCATE = 16,
	SFTP_EXCLUSIVE = 32,
};
/* Codes of SFTP_STATUS that are no failure, section 7. */
enum { SFTP_STATUS_OK = 0, SFTP_STATUS_EOF = 1 };

enum {
	SFTP_OUR_VERSION = 3,
	SFTP_HANDLE_MAX = 256, /* section 6.3 */
	SFTP_NAME_MAX = 256,   /* of one entry of a folder, with its NUL */
	SFTP_PATH_MAX = 4096,
	SFTP_PACKET_MAX = 300 * 1024, /* OpenSSH's server: 256 KiB */
	SFTP_HEAD_MAX = 64 * 1024,    /* without a body or names */
};

/* Section 5. What is not there is false, and its value zero. */
struct sftp_attrs {
	bool has_size, has_ids, has_mode, has_times;
	uint64_t size;
	uint32_t uid, gid; /* numbers of that machine */
	uint32_t mode;     /* st_mode with type bits */
	uint32_t atime, mtime;
};

/* One request of a client. What a type does not have is zero. Spans point into the packet. */
struct sftp_request {
	enum sftp_type type;
	uint32_t id;              /* of SFTP_INIT: the version */
	struct span path, target; /* of SFTP_SYMLINK: the link, and what it points to */
	struct span handle, handle_to;
	struct span name;        /* SFTP_EXTENDED: which */
	uint32_t flags;          /* SFTP_OPEN */
	uint64_t offset, length; /* of what is read, written or copied; 0: to the end */
	struct sftp_attrs attrs; /* SFTP_OPEN, SFTP_MKDIR, SFTP_SETSTAT, SFTP_FSETSTAT, lsetstat */
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

/* How many bytes of the packet at `have` must be there before one of the readers can take it: all of
 * them, but without the bodies of SFTP_WRITE and SFTP_DATA, which follow, and without the entries of
 * SFTP_NAME. It may be less than in the end, as long as `have` is shorter than that. Negative: this
 * is not SFTP. */
int sftp_wire_need(struct span have, size_t *ret);
/* A request, from its length on, as far as sftp_wire_need wants it. What follows the parts that it
 * must have is not looked at, as servers do not either. Negative: malformed, or no request. */
int sftp_wire_read_request(struct sftp_request *ret, struct span packet);

/* Mode and times, whichever attrs has. */
void sftp_wire_put_attrs(struct buf *b, const struct sftp_attrs *attrs);

#endif
