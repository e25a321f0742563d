/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor_proto: what noded's worker and its monitor say to each other.
 *
 * One message a packet of a SOCK_SEQPACKET pair: u8 type, u32 request, body, in the types of
 * base/wire.h. The worker numbers its requests; the monitor answers every one of them once
 * (MON_ANSWER, MON_DATA, or MON_STARTED with descriptors), and says a few things unasked with request 0.
 * Pure: no descriptor is touched here but by mon_send and mon_receive.
 *
 * Used by monitor_client.c (worker) and monitor/ (the privileged side). docs/PROTOCOL.md "Monitor"
 * has the table.
 */
#ifndef NODE_MONITOR_PROTO_H
#define NODE_MONITOR_PROTO_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/wire.h"
#include "crypto/kex.h"

#define MON_CONFIG_PATH "/proc/self/fd/4" /* where the worker finds a copy of noded.yaml */

enum {
	MON_VERSION = 4,
	MON_FD = 3, /* the worker's end of the pair, at exec */
	MON_CONFIG_FD = 4,
	MON_MESSAGE_MAX = 192 * 1024,
	MON_FDS_MAX = 4, /* three are the worker's at most */
	MON_LOGIN_MAX = 256,
	MON_ADDRESS_MAX = 64,
	MON_UUID_SIZE = 37,
	MON_TEXT_MAX = 1024,
	MON_COMMAND_MAX = 128 * 1024 -
	    1,            /* execve(2) takes no longer argument than this and a NUL */
	MON_ENV_MAX = 64, /* accepted variables of the client */
};

enum mon_type {
	/* worker to monitor */
	MON_HELLO = 1,        /* u32 version; first */
	MON_TOKEN = 2,        /* the join token; once; answered with it as text */
	MON_BUNDLE = 3,       /* string: a signed CA bundle */
	MON_PROVE = 4,        /* struct mon_prove: this connection belongs to a user */
	MON_FORGET = 5,       /* u32 connection: it has ended */
	MON_START = 6,        /* struct mon_start */
	MON_SIGNAL = 7,       /* u32 session, u32 signal number */
	MON_KILL = 8,         /* u32 session: all of it, at once */
	MON_READY = 9,        /* serving: the service manager may know */
	MON_HOSTKEY = 10,     /* the public host key; answered with its blob */
	MON_SIGN = 11,        /* struct mon_sign; answered with a signature blob */
	MON_SIGN_TUNNEL = 12, /* string: the login at the proxy; answered with a signature blob */
	MON_CUTOFFS = 13,     /* string: a signed list of cut-offs (api/cutoffs.h) */
	/* monitor to worker */
	MON_ANSWER = 64, /* u8 enum mon_verdict, string text */
	MON_STARTED =
	    65, /* u32 session; with the master of the terminal, or stdin, stdout, stderr */
	MON_EXITED = 66, /* struct mon_exited */
	MON_STOP = 67,   /* leave cleanly */
	MON_DATA = 68,   /* string: what was asked for */
};

/* MON_UNPROVEN only to MON_PROVE: what was brought may be right; the monitor does not know enough, or too late, to say so.
 * MON_NO is there the word for what an honest worker does not bring. */
enum mon_verdict { MON_NO = 0, MON_YES = 1, MON_UNPROVEN = 2 };

enum mon_kind { MON_KIND_SHELL = 0, MON_KIND_EXEC = 1, MON_KIND_SUBSYSTEM = 2 };

/* A command or subsystem whose protocol the worker reads along (transfer_command.h). */
enum mon_transfer {
	MON_TRANSFER_NONE = 0,
	MON_TRANSFER_SFTP = 1,
	MON_TRANSFER_SCP_TO = 2,   /* to the node */
	MON_TRANSFER_SCP_FROM = 3, /* from it */
};

/* Keys were exchanged with a client: the host key is to sign. The first time for a connection, what
 * the monitor signs is the session identifier that a proof can be about. */
struct mon_sign {
	uint32_t connection; /* the worker's number for it */
	struct kex_transcript transcript;
};

struct mon_prove {
	uint32_t connection;
	const char *login;
	const char *address; /* of the client, for the source-address option and PAM */
	/* As signed (ssh/userauth.h): holds session id, login and certificate. */
	struct span signed_data;
	struct span signature;
	char login_[MON_LOGIN_MAX],
	    address_[MON_ADDRESS_MAX]; /* behind the pointers after parsing */
};

struct mon_env {
	struct span name, value;
};

struct mon_start {
	uint32_t connection;
	uint32_t session; /* the worker's number for it, not in use */
	char uuid[MON_UUID_SIZE];
	uint8_t kind;
	/* What the worker records it as; the keeper, which reads the command itself, starts nothing
	 * else. */
	uint8_t transfer;
	struct span command; /* exec: the command line; subsystem: its name */
	bool pty;
	char term[64];
	uint32_t cols, rows, width_px, height_px;
	struct span modes;
	char client_address[MON_ADDRESS_MAX], server_address[MON_ADDRESS_MAX];
	uint32_t client_port, server_port;
	struct mon_env env[MON_ENV_MAX];
	uint32_t n_env;
};

struct mon_exited {
	uint32_t session;
	bool signaled;
	bool core;
	uint32_t code; /* exit status or signal number */
};

/* Starts a message in b (which is emptied). */
void mon_begin(struct buf *b, enum mon_type type, uint32_t request);
/* Reads type and request; the body is left in *w. Negative: not a message. */
int mon_open(struct span packet, uint8_t *ret_type, uint32_t *ret_request, struct wire *w);

void mon_put_sign(struct buf *b, const struct mon_sign *m);
int mon_get_sign(struct mon_sign *ret, struct wire *w);
void mon_put_prove(struct buf *b, const struct mon_prove *m);
int mon_get_prove(struct mon_prove *ret, struct wire *w);
void mon_put_start(struct buf *b, const struct mon_start *m);
int mon_get_start(struct mon_start *ret, struct wire *w);
void mon_put_exited(struct buf *b, const struct mon_exited *m);
int mon_get_exited(struct mon_exited *ret, struct wire *w);

/* A connected pair for both ends, close-on-exec, with room for the longest message. Negative with
 * errno. */
int mon_pair(int fds[2]);
/* Sends one packet with up to MON_FDS_MAX descriptors (which stay the caller's). 0; 1: would block;
 * negative: gone. */
int mon_send(int fd, struct span packet, const int *fds, size_t n_fds);
/* Receives one packet into p[size]. Descriptors that came along are put into fds (close-on-exec),
 * *n_fds is set. The length; 0: nothing there; negative: the other side is gone or broke the
 * rules. */
ssize_t mon_receive(int fd, uint8_t *p, size_t size, int fds[MON_FDS_MAX], size_t *n_fds);

#endif
